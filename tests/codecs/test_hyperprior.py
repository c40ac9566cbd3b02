"""Gaussian entropy models: tables, side information, channel context."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.codecs.entropy_models.factorized import FactorizedModel
from ratefront.codecs.entropy_models.gaussian_tables import COUNT, GaussianTables
from ratefront.codecs.entropy_models.hyperprior import HyperpriorModel, HyperpriorShape
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

SHAPE = (6, 3, 5)


def _updated(slices: int = 1, *, means: bool = True, spread: float = 2.0) -> tuple[HyperpriorModel, Symbols]:
    torch.manual_seed(0)
    model = HyperpriorModel(SHAPE, HyperpriorShape(2, slices, means), scale_bound=0.11)
    with torch.no_grad():
        parameters = model.latent_parameters(spread * torch.randn(40, *SHAPE))
        model.round_networks()
        model.update(iter([model.quantize_unbounded(parameters)]))
        return model, model.quantize(parameters).numpy()


def _coded(model: HyperpriorModel, latents: Symbols) -> bytes:
    encoder = SymbolEncoder()
    model.write(latents, encoder)
    return encoder.words()


@pytest.mark.parametrize(("slices", "means"), [(1, False), (1, True), (3, True)])
def test_written_latents_are_read(slices: int, means: bool) -> None:
    model, latents = _updated(slices, means=means)
    assert latents.shape == (40, 2 * 2 * 3 + 6 * 3 * 5)
    assert np.array_equal(model.read(40, SymbolDecoder(_coded(model, latents))), latents)
    assert model.read(0, SymbolDecoder(b"")).shape == (0, latents.shape[1])


@pytest.mark.parametrize("slices", [1, 3])
def test_a_receiver_without_densities_reads_the_same(slices: int) -> None:
    model, latents = _updated(slices)
    receiver = HyperpriorModel(SHAPE, HyperpriorShape(2, slices), scale_bound=0.11, with_prior=False)
    receiver.load_state_dict({k: v for k, v in model.state_dict().items() if k in receiver.state_dict()})
    assert np.array_equal(receiver.read(40, SymbolDecoder(_coded(model, latents))), latents)
    one = torch.from_numpy(latents[:3])
    assert torch.allclose(
        receiver.synthesis_input(receiver.dequantize(one)), model.synthesis_input(model.dequantize(one))
    )


def test_estimated_bits_are_those_of_the_densities() -> None:
    """Quantized tables against CompressAI's own likelihoods: they differ by the steps of the scales only."""
    model, latents = _updated(2)
    with torch.no_grad():
        by_density = model.bits(model.dequantize(torch.from_numpy(latents)))
    by_table = model.estimate_bits(latents)
    assert float((by_table - by_density).abs().mean()) < 0.02 * float(by_density.mean())


def test_values_out_of_range_saturate_and_decode() -> None:
    model, _ = _updated()
    with torch.no_grad():
        latents = model.quantize(model.latent_parameters(1000 * torch.randn(5, *SHAPE))).numpy()
    assert np.array_equal(model.read(5, SymbolDecoder(_coded(model, latents))), latents)


def test_context_costs_less_where_channels_repeat_each_other() -> None:
    """Half of the channels are copies of the others: a context model learns to send them once."""
    rates = {}
    for slices in (1, 2):
        torch.manual_seed(0)
        model = HyperpriorModel((4, 3, 3), HyperpriorShape(1, slices), scale_bound=0.11)
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-2)
        for _ in range(200):
            half = 4 * torch.randn(32, 2, 3, 3)
            _, bits = model.surrogate(torch.cat([half, half], dim=1), 1.0)
            optimiser.zero_grad()
            bits.mean().backward()
            optimiser.step()
        rates[slices] = float(bits.detach().mean())
    assert rates[2] < 0.75 * rates[1]


def test_latents_of_one_position_are_refused() -> None:
    with pytest.raises(InputError, match="more than one place"):
        HyperpriorModel((4, 1, 1), HyperpriorShape(1), scale_bound=0.11)
    with pytest.raises(InputError, match="more than one place"):
        HyperpriorModel((4,), HyperpriorShape(1), scale_bound=0.11)


def test_gaussian_tables_hold_a_gaussian() -> None:
    tables = GaussianTables(0.11)
    tables.update(torch.arange(COUNT, dtype=torch.float64))
    scales = tables.scale(torch.arange(COUNT, dtype=torch.float64))
    assert float(scales[0]) == pytest.approx(0.11)
    assert float(scales[-1]) == pytest.approx(32.0)
    for number in (25, 40, 63):
        reach = int(tables.reach[number])
        integers = torch.arange(-reach, reach + 1)
        pmf = 2 ** -tables.tables.bits_per_integer(torch.full_like(integers, number), integers)
        assert float(pmf.sum()) == pytest.approx(1, abs=1e-6)
        variance = float((pmf * integers.double() ** 2).sum())
        assert variance == pytest.approx(float(scales[number]) ** 2 + 1 / 12, rel=0.02)


def test_only_used_tables_are_kept() -> None:
    tables = GaussianTables(0.11)
    tables.update(torch.tensor([10.2, 12.7]))
    assert (int(tables.first), int(tables.last)) == (10, 13)
    assert tables.index(torch.tensor([0.0, 11.0, 60.0])).tolist() == [10, 11, 13]


def test_positions_of_a_channel_share_its_density() -> None:
    torch.manual_seed(0)
    model = FactorizedModel((3, 2, 2))
    model.update(iter(()))
    latents = model.quantize(3 * torch.randn(20, 12)).numpy()
    encoder = SymbolEncoder()
    model.write(latents, encoder)
    assert len(model.frequency_tables()) == 3
    assert np.array_equal(model.read(20, SymbolDecoder(encoder.words())), latents)
