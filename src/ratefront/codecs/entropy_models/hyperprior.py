"""Gaussian entropy models with side information: scale hyperprior, mean–scale hyperprior, channel context.

::

    y ─ h_a ─ ⌊z⌉ ─ coder ─ h_s ─ ψ;   for each slice s of channels:   (μ_s, σ_s) = e_s(ψ, ŷ_<s)
                                        r_s = ⌊y_s − μ_s⌉ ─ coder, N(0, σ_s²) ─ ŷ_s = r_s + μ_s
    p(ẑ, r) = Π_c p_c(ẑ_c) · Π_s N(r_s; 0, σ_s²) * box

Ballé et al. 2018 (μ = 0, one slice), Minnen et al. 2018 (means), Minnen & Singh 2020 (slices: channel context).
Quantisation is zero-centred: what is rounded is the distance from the mean. What chooses the coder's tables, h_s and
e_s on integers, is computed exactly (``exact``); z is sent first, in the same string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from math import prod
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.string_coder import decode_with_indexes, encode_with_indexes
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.factorized import FactorizedModel
from ratefront.codecs.entropy_models.gaussian_tables import GaussianTables
from ratefront.codecs.entropy_models.integer_networks import integer_forward, round_to_integer_grid
from ratefront.codecs.entropy_models.quantization import Surrogate, quantize_for_training, sga_rounding
from ratefront.errors import InputError

_UPDATE_BATCHES, _UPDATE_SAMPLES_OF_EACH = 16, 1024  # samples that tell which tables are used
_UPDATE_SAMPLES_AT_ONCE = 256
_FIRST_POSITION = 20.0  # of the scale tables: about 0.7, where training starts


#: Of a slice: number, mean (n, c, H, W), position of its scale among the tables.
Visit: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]
Run: TypeAlias = Callable[[nn.Module, Tensor], Tensor]


def _run_in_float(network: nn.Module, values: Tensor) -> Tensor:
    output: Tensor = network(values)
    return output


def _run_on_integers(network: nn.Module, values: Tensor) -> Tensor:
    return integer_forward(network.children(), values)


class HyperpriorShape(NamedTuple):
    """``channels`` of z; ``slices`` of the channels of y, of which each is coded given those before it."""

    channels: int
    slices: int = 1
    means: bool = True


class HyperpriorModel(EntropyModel):
    """For y of shape (C, H, W) with more than one place."""

    def __init__(
        self,
        shape: Sequence[int],
        hyper: HyperpriorShape,
        *,
        scale_bound: float,
        surrogate: Surrogate = "mixed",
        with_prior: bool = True,
    ) -> None:
        super().__init__()
        self.shape, self.hyper, self.training_surrogate = tuple(shape), hyper, surrogate
        self.z_shape = (hyper.channels, *((side + 1) // 2 for side in _map_of(shape)))
        self.elements = prod(self.z_shape) + prod(shape)
        self.bounds = _slice_bounds(shape[0], hyper.slices)
        self.h_a, self.h_s = _h_a(shape[0], hyper.channels), _h_s(hyper.channels)
        self.e = nn.ModuleList(
            _entropy_parameters(hyper.channels + first, last - first, hyper.means)
            for first, last in pairwise(self.bounds)
        )
        self.z_model = FactorizedModel(self.z_shape, surrogate=surrogate, with_prior=with_prior)
        self.gaussians = GaussianTables(scale_bound)
        self.density = _gaussian_density(scale_bound) if with_prior else None

    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        z, z_for_rate = quantize_for_training(self.h_a(y).flatten(1), self.training_surrogate)
        parts, bits = self._slices(y), [self.z_model.bits(z_for_rate)]

        def quantised(number: int, mean: Tensor, position: Tensor) -> Tensor:
            for_synthesis, for_rate = quantize_for_training(parts[number] - mean, self.training_surrogate)
            bits.append(self._gaussian_bits(for_rate, position))
            return for_synthesis + mean

        latent = self._through_slices(self._psi(z), quantised)
        return latent, torch.stack(bits).sum(dim=0)

    def latent_parameters(self, y: Tensor) -> Tensor:
        z = self.h_a(y).flatten(1)
        parts, distances = self._slices(y), []

        def rounded(number: int, mean: Tensor, position: Tensor) -> Tensor:
            distances.append(parts[number] - mean)
            return distances[-1].round() + mean

        self._through_slices(self._psi(z.round()), rounded)
        return torch.cat([z, torch.cat(distances, dim=1).flatten(1)], dim=1)

    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        return sga_rounding(parameters, temperature, generator)

    def quantize_unbounded(self, parameters: Tensor) -> Tensor:
        return parameters.round().to(torch.int32)

    def quantize(self, parameters: Tensor) -> Tensor:
        whole = self.quantize_unbounded(parameters)
        z, distances = self._parts(whole)
        z = self.z_model.quantize(z)
        wanted = self._slices(distances.cpu())
        kept = self._walk(z, lambda number, index: _within(wanted[number], self.gaussians.reach.cpu()[index]))
        return torch.cat([z, kept.flatten(1).to(z)], dim=1)

    def dequantize(self, latents: Tensor) -> Tensor:
        return latents.to(torch.float32)

    def synthesis_input(self, relaxed: Tensor) -> Tensor:
        z, distances = self._parts(relaxed)
        parts = self._slices(distances)
        return self._through_slices(self._psi(z), lambda number, mean, position: parts[number] + mean)

    def bits(self, relaxed: Tensor) -> Tensor:
        z, distances = self._parts(relaxed)
        parts, bits = self._slices(distances), [self.z_model.bits(z)]

        def counted(number: int, mean: Tensor, position: Tensor) -> Tensor:
            bits.append(self._gaussian_bits(parts[number], position))
            return parts[number] + mean

        self._through_slices(self._psi(z), counted)
        return torch.stack(bits).sum(dim=0)

    @torch.no_grad()
    def round_networks(self) -> None:
        for network in (self.h_s, *self.e):
            round_to_integer_grid(network)

    @torch.no_grad()
    def update(self, latents: Iterator[Tensor]) -> None:
        """The density of z says all of it; of the Gaussians' tables those are kept that some samples ask for."""
        self.z_model.update(latents)
        positions: list[Tensor] = []
        for batch in islice(latents, _UPDATE_BATCHES):
            few = batch[:: -(-len(batch) // _UPDATE_SAMPLES_OF_EACH)]
            for part in few.cpu().split(_UPDATE_SAMPLES_AT_ONCE):
                self._look(part, positions)
        self.gaussians.update(torch.stack(positions))

    def _look(self, latents: Tensor, positions: list[Tensor]) -> None:
        """Add the least and the greatest position among the tables that these samples ask for."""
        z, distances = self._parts(latents)
        parts = self._slices(distances)

        def look(number: int, position: Tensor) -> Tensor:
            positions.extend((position.min(), position.max()))
            return parts[number]

        self._walk_positions(self.z_model.quantize(z.to(self.z_model.tables.offset)), look)

    def write(self, latents: Symbols, encoder: SymbolEncoder) -> None:
        z, distances = self._parts(torch.from_numpy(latents))
        self.z_model.write(z.numpy(), encoder)
        parts, tables = self._slices(distances), self.gaussians.tables.frequency_tables()

        def code(number: int, index: Tensor) -> Tensor:
            encode_with_indexes(parts[number].reshape(-1).numpy(), index.reshape(-1).numpy(), tables, encoder)
            return parts[number]

        self._walk(z, code)

    def read(self, samples: int, decoder: SymbolDecoder) -> Symbols:
        z = torch.from_numpy(self.z_model.read(samples, decoder))
        tables = self.gaussians.tables.frequency_tables()

        def decode(number: int, index: Tensor) -> Tensor:
            symbols = decode_with_indexes(index.reshape(-1).numpy(), tables, decoder)
            return torch.from_numpy(symbols).reshape(index.shape)

        distances = self._walk(z, decode)
        return torch.cat([z, distances.flatten(1)], dim=1).to(torch.int32).numpy()

    def estimate_bits(self, latents: Symbols) -> Tensor:
        z, distances = self._parts(torch.from_numpy(latents))
        parts, bits = self._slices(distances), [self.z_model.estimate_bits(z.numpy())]

        def estimate(number: int, index: Tensor) -> Tensor:
            bits.append(self.gaussians.tables.bits_of(index, parts[number]).flatten(1).sum(dim=1))
            return parts[number]

        self._walk(z, estimate)
        return torch.stack(bits).sum(dim=0)

    def frequency_tables(self) -> list[FrequencyTable]:
        kept = self.gaussians.tables.frequency_tables()[
            int(self.gaussians.first) : int(self.gaussians.last) + 1
        ]
        return [*self.z_model.frequency_tables(), *kept]

    def densities(self) -> list[nn.Module]:
        return [*self.z_model.densities(), *([self.density] if self.density is not None else [])]

    def transmitter_modules(self) -> list[nn.Module]:
        return [self.h_a, self.h_s, self.e]

    def further_tensors(self) -> list[Tensor]:
        return [self.gaussians.first, self.gaussians.last]

    def _parts(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """z (n, elements of z), and the distances from the means (n, C, H, W)."""
        side = prod(self.z_shape)
        return latents[:, :side], latents[:, side:].reshape(-1, *self.shape)

    def _slices(self, y: Tensor) -> list[Tensor]:
        return [y[:, first:last] for first, last in pairwise(self.bounds)]

    def _psi(self, z: Tensor) -> Tensor:
        return self._cropped(self.h_s(z.reshape(-1, *self.z_shape)))

    def _cropped(self, given: Tensor) -> Tensor:
        return given[:, :, : self.shape[1], : self.shape[2]]

    def _through_slices(self, given: Tensor, visit: Visit, run: Run = _run_in_float) -> Tensor:
        """Slice by slice: ``visit`` is given a slice's mean and scale's position, and gives its ŷ, on which the next
        ones depend. Returns ŷ; ``run`` computes a network's output.
        """
        known: list[Tensor] = []
        for number, network in enumerate(self.e):
            mean, position = self._mean_and_position(run(network, torch.cat([given, *known], dim=1)))
            known.append(visit(number, mean, position))
        return torch.cat(known, dim=1)

    def _mean_and_position(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        if not self.hyper.means:
            return torch.zeros_like(raw), raw + _FIRST_POSITION
        mean, position = raw.chunk(2, dim=1)
        return mean, position + _FIRST_POSITION

    def _gaussian_bits(self, values: Tensor, position: Tensor) -> Tensor:
        assert self.density is not None, "a receiver has no density to train"
        likelihood: Tensor = self.density.likelihood(values, self.gaussians.scale(position))  # type: ignore[operator]
        return -likelihood.log2().flatten(1).sum(dim=1)

    def _walk(self, z: Tensor, visit: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Slice by slice as both ends do: ``visit`` is given a slice's tables (n, c, H, W) and gives its integers."""
        return self._walk_positions(z, lambda number, position: visit(number, self.gaussians.index(position)))

    @torch.no_grad()
    def _walk_positions(self, z: Tensor, visit: Callable[[int, Tensor], Tensor]) -> Tensor:
        integers: list[Tensor] = []

        def place_mean_back(number: int, mean: Tensor, position: Tensor) -> Tensor:
            integers.append(visit(number, position))
            return integers[-1].to(torch.float64) + mean

        given = self._cropped(integer_forward(self.h_s, z.reshape(-1, *self.z_shape)))
        self._through_slices(given, place_mean_back, _run_on_integers)
        return torch.cat(integers, dim=1)


def _map_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Height and width of y.

    Raises:
        InputError: There is one place only: nothing that side information could describe better than the
            tables do.
    """
    if len(shape) != 3 or shape[1] * shape[2] == 1:
        raise InputError(
            f"a hyperprior needs a latent with more than one place, got shape {tuple(shape)}; "
            "valid there: factorized, categorical"
        )
    return tuple(shape[1:])


def _within(values: Tensor, reach: Tensor) -> Tensor:
    return values.clamp(-reach, reach)


def _slice_bounds(channels: int, slices: int) -> list[int]:
    if slices > channels:
        raise InputError(f"slices: at most one a channel, got {slices} for a width of {channels}")
    return [channels * number // slices for number in range(slices + 1)]


def _h_a(channels: int, hyper: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, hyper, 3, padding=1), nn.ReLU(), nn.Conv2d(hyper, hyper, 3, stride=2, padding=1)
    )


def _h_s(hyper: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(hyper, 4 * hyper, 3, padding=1), nn.PixelShuffle(2), nn.ReLU())


def _entropy_parameters(inputs: int, channels: int, means: bool) -> nn.Sequential:
    outputs = 2 * channels if means else channels
    hidden = max(inputs, outputs)
    return nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, outputs, 1))


def _gaussian_density(scale_bound: float) -> nn.Module:
    from ratefront.codecs.entropy_models.densities import GaussianDensity

    density: nn.Module = GaussianDensity(scale_bound)
    return density
