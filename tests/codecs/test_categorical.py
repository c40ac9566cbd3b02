"""Letters: one vector of them, and a map with a few at each place; how their choice is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.catalogue.bottlenecks import MOST_LETTERS, LetterSurrogateName
from ratefront.catalogue.families import SplitParameters, StudentParameters
from ratefront.codecs.bottleneck.bottleneck import Bottleneck, build_bottleneck
from ratefront.codecs.entropy_models.categorical import CategoricalModel
from ratefront.codecs.entropy_models.letter_surrogates import LETTER_SURROGATES, LetterSurrogate
from ratefront.errors import InputError

LETTERS: dict[str, Any] = {"split": "conv1", "entropy_model": "categorical", "beta": 50.0}
SURROGATES = get_args(LetterSurrogate)

shapes = st.one_of(
    st.tuples(st.integers(1, 4)), st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
)


def _updated(
    shape: tuple[int, ...], alphabet: int, seed: int
) -> tuple[CategoricalModel, torch.Tensor, Symbols]:
    """A model with tables, scores y of 60 samples, and their letters."""
    torch.manual_seed(seed)
    model = CategoricalModel(shape, alphabet)
    offset = torch.randn(
        shape[0] * alphabet, *shape[1:]
    )  # so that letters of different places are used differently
    y = torch.randn(60, *offset.shape) + 2 * offset
    latents = model.quantize(model.latent_parameters(y))
    model.update(iter([latents[:30], latents[30:]]))
    return model, y, latents.numpy()


@given(shape=shapes, alphabet=st.integers(2, 9), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_letters_of_a_map_lie_place_by_place(shape: tuple[int, ...], alphabet: int, seed: int) -> None:
    """The letter of each place is the best of the scores there, and g_s gets a 1 at its channel and place."""
    model, y, latents = _updated(shape, alphabet, seed)
    height, width = shape[1:] if len(shape) == 3 else (1, 1)
    scores = y.reshape(60, shape[0], alphabet, height, width).numpy()
    expected = [
        scores[:, letter, :, row, column].argmax(axis=1)
        for row in range(height)
        for column in range(width)
        for letter in range(shape[0])
    ]
    assert np.array_equal(latents, np.stack(expected, axis=1))
    received = model.synthesis_input(model.dequantize(torch.from_numpy(latents)))
    assert received.shape == y.shape
    best = torch.from_numpy(scores == scores.max(axis=2, keepdims=True)).float()
    assert torch.equal(received, best.reshape(y.shape))


@given(shape=shapes, alphabet=st.integers(2, 9), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_rate_is_the_entropy_of_each_places_letters(
    shape: tuple[int, ...], alphabet: int, seed: int
) -> None:
    """On the samples that made the tables, but for half a count that each letter is given."""
    model, _, latents = _updated(shape, alphabet, seed)
    entropy, smoothed = 0.0, 0.0
    for column in latents.T:
        counts = np.bincount(column, minlength=alphabet)
        used = counts[counts > 0]
        entropy -= float((used / 60 * np.log2(used / 60)).sum())
        smoothed -= float((counts / 60 * np.log2((counts + 0.5) / (60 + alphabet / 2))).sum())
    estimate = float(model.estimate_bits(latents).mean())
    assert estimate == pytest.approx(smoothed, rel=1e-6)
    assert estimate >= entropy - 1e-9
    encoder = SymbolEncoder()
    model.write(latents, encoder)
    assert 8 * len(encoder.words()) / 60 == pytest.approx(estimate, abs=64 / 60 + 0.02 * estimate)
    assert np.array_equal(model.read(60, SymbolDecoder(encoder.words())), latents)


def test_update_does_not_depend_on_how_letters_are_batched() -> None:
    model, _, latents = _updated((2, 2, 2), 5, 0)
    counts = model.tables.counts.clone()
    model.update(torch.from_numpy(latents).split(7).__iter__())
    assert torch.equal(model.tables.counts, counts)


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("progress", [0.0, 0.3, 0.7, 1.0])
def test_weights_of_letters_sum_to_one_and_have_gradients(
    surrogate: LetterSurrogate, progress: float
) -> None:
    torch.manual_seed(0)
    scores = torch.randn(40, 3, 6, requires_grad=True)
    weights = LETTER_SURROGATES[surrogate](scores, progress)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(40, 3))
    (gradient,) = torch.autograd.grad((weights * torch.arange(6.0)).sum(), scores)
    assert (gradient.abs().sum(dim=-1) > 0).all()
    assert gradient.sum(dim=-1).abs().max() < 1e-5  # a common change of all scores changes nothing


def test_straight_through_trains_on_the_letters_that_are_sent() -> None:
    model, y, latents = _updated((2, 2, 3), 5, 1)
    model.training_surrogate = "straight_through"
    for progress in (0.0, 0.5, 1.0):
        words, bits = model.surrogate(y, progress)
        sent = model.dequantize(torch.from_numpy(latents))
        assert torch.allclose(words, model.synthesis_input(sent), atol=1e-6)
        assert torch.allclose(bits, model.bits(sent), atol=1e-4)


def test_gumbel_letters_are_drawn_by_the_softmax_of_their_scores() -> None:
    torch.manual_seed(0)
    scores = torch.tensor([0.0, 1.0, -1.0]).expand(20_000, 1, 3)
    drawn = LETTER_SURROGATES["gumbel"](scores, 1.0).mean(dim=0)[0]
    assert torch.allclose(drawn, torch.tensor([0.0, 1.0, -1.0]).softmax(dim=0), atol=0.015)


@pytest.mark.parametrize("values", [{}, {"latents": "map"}])
def test_centring_leaves_the_mean_of_the_scores_to_no_gradient(values: Mapping[str, Any]) -> None:
    """A batch's scores have mean 0 while training centres them, also by g_a alone; afterwards nothing is moved."""
    bottleneck = _bottleneck({"width": 2, "alphabet": 4, **values})
    inputs = torch.randn(50, 3, 8, 8)
    bottleneck.spread(inputs)
    y = bottleneck.g_a(inputs).detach()
    over_all = [axis for axis in range(y.dim()) if axis != 1]
    assert float(y.std()) == pytest.approx(1, abs=0.02)
    assert y.mean(dim=over_all).abs().max() < 1e-4
    other = torch.randn(50, 3, 8, 8) + 1
    bottleneck.surrogate(other, 0.0)
    assert bottleneck.g_a(other).mean(dim=over_all).abs().max() < 1e-4
    before = {name: weights.clone() for name, weights in bottleneck.state_dict().items()}
    bottleneck.surrogate(inputs, 0.5)
    assert all(torch.equal(before[name], weights) for name, weights in bottleneck.state_dict().items())


def _bottleneck(values: Mapping[str, Any]) -> Bottleneck:
    torch.manual_seed(0)
    return build_bottleneck(SplitParameters.model_validate({**LETTERS, **values}), (3, 8, 8), with_prior=True)


def test_information_is_that_of_a_channel_from_samples_to_letters() -> None:
    model = CategoricalModel((1,), 4)
    certain = 100 * torch.eye(4)
    assert float(model.information(certain)) == pytest.approx(
        2.0
    )  # four samples, each with a letter of its own
    assert float(model.information(certain[:1].expand(4, 4))) == pytest.approx(0.0, abs=1e-6)
    assert float(model.information(torch.zeros(4, 4))) == pytest.approx(0.0, abs=1e-6)
    half = torch.tensor([[0.0, 0.0, -99.0, -99.0], [-99.0, -99.0, 0.0, 0.0]])
    assert float(model.information(half)) == pytest.approx(1.0)


def test_information_of_certain_letters_has_finite_gradients() -> None:
    scores = (1000 * torch.eye(4)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(CategoricalModel((1,), 4).information(scores), scores)
    assert gradient.isfinite().all()


FACTS = {"splits": ("conv1", "conv2", "fc1"), "strides": (2, 4, 0), "shape": (1, 28, 28)}


@pytest.mark.parametrize("parameters", [SplitParameters, StudentParameters])
def test_a_map_of_too_many_letters_is_refused_at_its_split_point(
    parameters: type[SplitParameters] | type[StudentParameters],
) -> None:
    def problem(split: str, width: int, **values: Any) -> str | None:
        given_values = {**LETTERS, "split": split, "width": width, "alphabet": 4, **values}
        return parameters.model_validate(given_values).unfit(FACTS)

    assert problem("conv1", 1, latents="map") is None  # 7×7 places
    found = problem("conv1", 2, latents="map") or ""
    assert found.startswith("conv1: a map of 7×7 places with a width of 2 has 98 letters")
    assert "a width of at most 1, latents: vector, factorized" in found
    assert problem("conv2", MOST_LETTERS // 16, latents="map") is None
    assert problem("conv2", MOST_LETTERS // 16 + 1, latents="map") is not None
    assert problem("fc1", MOST_LETTERS, latents="map") is None
    assert problem("conv1", 2, latents="vector") is None


def test_a_map_of_too_many_letters_is_never_built() -> None:
    """Also where the sides of feature maps are not known before the network is built."""
    with pytest.raises(InputError, match="a map of 4×4 places with a width of 5 has 80 letters"):
        _bottleneck({"width": 5, "alphabet": 4, "latents": "map"})


@pytest.mark.parametrize("surrogate", ["noise", "mixed", "universal"])
def test_surrogates_of_rounding_are_refused_for_letters(surrogate: str) -> None:
    with pytest.raises(ValueError, match="valid: gumbel, straight_through"):
        SplitParameters.model_validate({**LETTERS, "width": 1, "alphabet": 4, "surrogate": surrogate})


def test_gumbel_is_refused_for_what_is_rounded() -> None:
    with pytest.raises(ValueError, match="valid: noise, straight_through, mixed, universal"):
        SplitParameters.model_validate(
            {**LETTERS, "entropy_model": "factorized", "width": 1, "surrogate": "gumbel"}
        )


def test_the_catalogue_knows_every_surrogate_of_letters() -> None:
    assert set(get_args(LetterSurrogateName)) == set(SURROGATES) == set(LETTER_SURROGATES)
