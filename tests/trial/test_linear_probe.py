"""The linear probe against the posterior of a source that is linear, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ratefront.bounds import Predictions
from ratefront.metrics import log_loss_bits
from ratefront.trial.waterfall.linear_probe import LabelledFeatures, LinearProbe, train_linear_probe

pytestmark = pytest.mark.medium

MEANS = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 1.0], [0.0, 2.0, -1.0]])
SCALES = np.array([1.0, 0.01, 300.0])


def drawn(samples: int, seed: int) -> tuple[LabelledFeatures, np.ndarray]:
    """Gaussians of one covariance, in other units, and a constant feature; with the log posteriors of their source."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, samples)
    values = MEANS[labels] + rng.normal(size=(samples, 3))
    scores = values @ MEANS.T - 0.5 * (MEANS**2).sum(axis=1)
    features = np.column_stack([values * SCALES + [5.0, 0.0, -900.0], np.full(samples, 7.0)])
    return LabelledFeatures(torch.from_numpy(features).float(), labels), scores


@pytest.fixture(scope="module")
def probe() -> LinearProbe:
    return train_linear_probe(drawn(4000, 0)[0], drawn(1000, 1)[0], 3)


def test_it_finds_the_posterior_of_a_linear_source(probe: LinearProbe) -> None:
    test, truth = drawn(4000, 2)
    found = probe.scores(test.features)
    decided = truth.argmax(axis=1)
    least, reached = (log_loss_bits(test.labels, decided, scores) for scores in (truth, found))
    assert least is not None
    assert reached is not None
    assert least - 0.005 < reached < least + 0.02
    assert (found.argmax(axis=1) == decided).mean() > 0.97


def test_the_same_features_give_the_same_probe_and_draw_nothing(probe: LinearProbe) -> None:
    before = torch.get_rng_state()
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again = train_linear_probe(drawn(4000, 0)[0], drawn(1000, 1)[0], 3)
    assert torch.equal(torch.get_rng_state(), state)
    torch.set_rng_state(before)
    assert torch.equal(again.layer.weight, probe.layer.weight)
    assert torch.equal(again.layer.bias, probe.layer.bias)
    assert again.penalty == probe.penalty


def test_it_is_what_its_bytes_hold(probe: LinearProbe) -> None:
    """Four features, three classes and their bias, in fp16: what is stored gives the same scores."""
    assert probe.bytes == 2 * (4 * 3 + 3)
    test, _ = drawn(100, 3)
    stored = [tensor.half().float() for tensor in (probe.layer.weight, probe.layer.bias)]
    assert torch.equal(test.features @ stored[0].T + stored[1], torch.from_numpy(probe.scores(test.features)))


def test_few_samples_of_many_features_are_penalised() -> None:
    """200 features say nothing: without a penalty 150 samples would be told apart by them."""
    rng = np.random.default_rng(5)

    def noisy(samples: int, seed: int) -> LabelledFeatures:
        known, _ = drawn(samples, seed)
        noise = torch.from_numpy(rng.normal(size=(samples, 200))).float()
        return LabelledFeatures(torch.cat([known.features, noise], dim=1), known.labels)

    found = train_linear_probe(noisy(150, 0), noisy(300, 1), 3)
    assert found.penalty >= 0.01
    test = noisy(1000, 2)
    predictions = Predictions.from_logits(test.labels, found.scores(test.features))
    assert (predictions.predicted == test.labels).mean() > 0.45


def test_features_that_are_constant_give_the_prior() -> None:
    labels = np.array([0, 0, 0, 1] * 50)
    flat = LabelledFeatures(torch.full((200, 2), 3.0), labels)
    scores = torch.from_numpy(train_linear_probe(flat, flat, 2).scores(flat.features))
    assert scores.softmax(dim=1)[0].numpy() == pytest.approx([0.75, 0.25], abs=2e-3)
