"""Surrogates of rounding: their values and their gradients."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from ratefront.catalogue.bottlenecks import SurrogateName
from ratefront.codecs.entropy_models.quantization import Surrogate, quantize_for_training, sga_rounding


def test_the_catalogue_knows_every_surrogate() -> None:
    assert set(get_args(Surrogate)) == set(get_args(SurrogateName))


@pytest.mark.parametrize("surrogate", get_args(Surrogate))
def test_gradients_pass_unchanged(surrogate: Surrogate) -> None:
    values = torch.linspace(-3, 3, 101, requires_grad=True)
    for surrogate_values in quantize_for_training(values, surrogate):
        (gradient,) = torch.autograd.grad(surrogate_values.sum(), values, retain_graph=True)
        assert torch.equal(gradient, torch.ones_like(values))


@pytest.mark.parametrize(
    ("surrogate", "rounds_for_synthesis", "rounds_for_rate"),
    [
        ("noise", False, False),
        ("straight_through", True, True),
        ("mixed", True, False),
        ("universal", False, False),
    ],
)
def test_which_surrogates_round_for_synthesis_and_for_rate(
    surrogate: Surrogate, rounds_for_synthesis: bool, rounds_for_rate: bool
) -> None:
    torch.manual_seed(0)
    values = torch.randn(1000) * 3
    for_synthesis, for_rate = quantize_for_training(values, surrogate)
    assert torch.equal(for_synthesis, values.round()) == rounds_for_synthesis
    assert torch.equal(for_rate, values.round()) == rounds_for_rate
    for surrogate_values in (for_synthesis, for_rate):
        assert (surrogate_values - values).abs().max() <= 0.5 + 1e-5


def test_the_error_of_universal_is_uniform_for_every_value() -> None:
    """With shared dither the error has the distribution of the noise, for every value."""
    torch.manual_seed(0)
    for value in (0.0, 0.25, 0.5):
        surrogate_values, _ = quantize_for_training(torch.full((20_000,), value), "universal")
        error = surrogate_values - value
        assert error.mean().abs() < 0.01
        assert abs(float(error.var()) - 1 / 12) < 0.002


def test_sga_rounding_tends_to_the_nearer_integer_when_cold() -> None:
    values = torch.linspace(-2, 2, 41)[None] + 0.013
    warm = sga_rounding(values, 0.5, torch.Generator().manual_seed(0))
    cold = sga_rounding(values, 0.02, torch.Generator().manual_seed(0))
    for drawn in (warm, cold):
        assert (drawn >= values.floor()).all()
        assert (drawn <= values.floor() + 1).all()
    distinct = ((values % 1) - 0.5).abs() > 0.2
    assert torch.allclose(cold[distinct], values.round()[distinct], atol=1e-2)
