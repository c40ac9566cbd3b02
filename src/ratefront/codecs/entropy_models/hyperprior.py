"""Gaussian entropy models with side information: scale hyperprior, mean–scale hyperprior, channel context.

::

    y ─ h_a ─ ⌊z⌉ ─ coder ─ h_s ─ ψ;   for each slice s of channels:   (μ_s, σ_s) = e_s(ψ, ŷ_<s)
                                        r_s = ⌊y_s − μ_s⌉ ─ coder, N(0, σ_s²) ─ ŷ_s = r_s + μ_s
    p(ẑ, r) = Π_c p_c(ẑ_c) · Π_s N(r_s; 0, σ_s²) * box

Ballé et al. 2018 (μ = 0, one slice), Minnen et al. 2018 (means), Minnen & Singh 2020 (slices: channel context).
h_a and h_s are the hyper-analysis and hyper-synthesis transforms, e_s the entropy parameters network of a slice.
Quantization is zero-centred: the distance from the mean is rounded. z is sent first, in the same string. h_s and e_s
choose the coder's tables; there they run as integer networks (``integer_networks``), so that both ends find the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from math import prod
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import decode_with_indexes, encode_with_indexes
from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.factorized import FactorizedModel
from ratefront.codecs.entropy_models.gaussian_tables import GaussianTables
from ratefront.codecs.entropy_models.integer_networks import integer_forward, round_to_integer_grid
from ratefront.codecs.entropy_models.quantization import Surrogate, quantize_for_training, sga_rounding
from ratefront.errors import InputError

_UPDATE_BATCHES, _UPDATE_SAMPLES_OF_EACH = 16, 1024  # samples that decide which tables are kept
_UPDATE_SAMPLES_AT_ONCE = 256
_FIRST_POSITION = 20.0  # among the scale tables, where training starts: a scale of about 0.7


#: Takes a slice's number, mean (n, c, H, W) and its scale's position among the tables; gives its ŷ.
SliceFunction: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]
#: Takes a network and its input; gives its output.
RunNetwork: TypeAlias = Callable[[nn.Module, Tensor], Tensor]


def _run_in_float(network: nn.Module, values: Tensor) -> Tensor:
    output: Tensor = network(values)
    return output


def _run_on_integers(network: nn.Module, values: Tensor) -> Tensor:
    return integer_forward(network.children(), values)


class HyperpriorShape(NamedTuple):
    """Sizes of the side information and the channel context.

    Attributes:
        channels: Channels of z.
        slices: Slices of the channels of y; each is coded given the ones before it.
        means: True where a mean is predicted beside the scale.
    """

    channels: int
    slices: int = 1
    means: bool = True


class HyperpriorModel(EntropyModel):
    """For y of shape (C, H, W) with more than one position (H·W > 1)."""

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
        self.z_shape = (hyper.channels, *((side + 1) // 2 for side in _height_and_width(shape)))
        self.elements = prod(self.z_shape) + prod(shape)
        self.slice_bounds = _slice_bounds(shape[0], hyper.slices)
        self.h_a, self.h_s = _h_a(shape[0], hyper.channels), _h_s(hyper.channels)
        self.e = nn.ModuleList(
            _entropy_parameters(hyper.channels + first, last - first, hyper.means)
            for first, last in pairwise(self.slice_bounds)
        )
        self.z_model = FactorizedModel(self.z_shape, surrogate=surrogate, with_prior=with_prior)
        self.gaussians = GaussianTables(scale_bound)
        self.density = _gaussian_density(scale_bound) if with_prior else None

    @override
    def surrogate(self, y: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        z, z_for_rate = quantize_for_training(self.h_a(y).flatten(1), self.training_surrogate)
        parts, bits = self._slices(y), [self.z_model.bits(z_for_rate)]

        def quantize_slice(number: int, mean: Tensor, position: Tensor) -> Tensor:
            for_synthesis, for_rate = quantize_for_training(parts[number] - mean, self.training_surrogate)
            bits.append(self._gaussian_bits(for_rate, position))
            return for_synthesis + mean

        latent = self._through_slices(self._hyper_synthesis(z), quantize_slice)
        return latent, torch.stack(bits).sum(dim=0)

    @override
    def latent_parameters(self, y: Tensor) -> Tensor:
        z = self.h_a(y).flatten(1)
        parts, residuals = self._slices(y), []

        def round_slice(number: int, mean: Tensor, position: Tensor) -> Tensor:
            residuals.append(parts[number] - mean)
            return residuals[-1].round() + mean

        self._through_slices(self._hyper_synthesis(z.round()), round_slice)
        return torch.cat([z, torch.cat(residuals, dim=1).flatten(1)], dim=1)

    @override
    def relax(self, parameters: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        return sga_rounding(parameters, temperature, generator)

    @override
    def quantize_unbounded(self, parameters: Tensor) -> Tensor:
        return parameters.round().to(torch.int32)

    @override
    def quantize(self, parameters: Tensor) -> Tensor:
        whole = self.quantize_unbounded(parameters)
        z, residuals = self._parts(whole)
        z = self.z_model.quantize(z)
        unbounded = self._slices(residuals.cpu())
        kept = self._integers_by_table(
            z, lambda number, index: _clamp_to_reach(unbounded[number], self.gaussians.reach.cpu()[index])
        )
        return torch.cat([z, kept.flatten(1).to(z)], dim=1)

    @override
    def dequantize(self, latents: Tensor) -> Tensor:
        return latents.to(torch.float32)

    @override
    def synthesis_input(self, relaxed: Tensor) -> Tensor:
        z, residuals = self._parts(relaxed)
        parts = self._slices(residuals)
        return self._through_slices(
            self._hyper_synthesis(z), lambda number, mean, position: parts[number] + mean
        )

    @override
    def bits(self, relaxed: Tensor) -> Tensor:
        z, residuals = self._parts(relaxed)
        parts, bits = self._slices(residuals), [self.z_model.bits(z)]

        def add_bits(number: int, mean: Tensor, position: Tensor) -> Tensor:
            bits.append(self._gaussian_bits(parts[number], position))
            return parts[number] + mean

        self._through_slices(self._hyper_synthesis(z), add_bits)
        return torch.stack(bits).sum(dim=0)

    @torch.no_grad()
    @override
    def round_networks(self) -> None:
        for network in (self.h_s, *self.e):
            round_to_integer_grid(network)

    @torch.no_grad()
    def update(self, latents: Iterator[Tensor]) -> None:
        """The tables of z come from its density; Gaussian tables are kept that some training samples use."""
        self.z_model.update(latents)
        positions: list[Tensor] = []
        for batch in islice(latents, _UPDATE_BATCHES):
            few = batch[:: -(-len(batch) // _UPDATE_SAMPLES_OF_EACH)]
            for part in few.cpu().split(_UPDATE_SAMPLES_AT_ONCE):
                self._add_extreme_positions(part, positions)
        self.gaussians.update(torch.stack(positions))

    def _add_extreme_positions(self, latents: Tensor, positions: list[Tensor]) -> None:
        """Append the least and the greatest position among the tables that each slice of these samples uses."""
        z, residuals = self._parts(latents)
        parts = self._slices(residuals)

        def add_extremes(number: int, position: Tensor) -> Tensor:
            positions.extend((position.min(), position.max()))
            return parts[number]

        self._integers_by_position(self.z_model.quantize(z.to(self.z_model.tables.offset)), add_extremes)

    @override
    def write(self, latents: Symbols, encoder: SymbolEncoder) -> None:
        z, residuals = self._parts(torch.from_numpy(latents))
        self.z_model.write(z.numpy(), encoder)
        parts, tables = self._slices(residuals), self.gaussians.tables.frequency_tables()

        def code(number: int, index: Tensor) -> Tensor:
            encode_with_indexes(parts[number].reshape(-1).numpy(), index.reshape(-1).numpy(), tables, encoder)
            return parts[number]

        self._integers_by_table(z, code)

    @override
    def read(self, samples: int, decoder: SymbolDecoder) -> Symbols:
        z = torch.from_numpy(self.z_model.read(samples, decoder))
        tables = self.gaussians.tables.frequency_tables()

        def decode(number: int, index: Tensor) -> Tensor:
            symbols = decode_with_indexes(index.reshape(-1).numpy(), tables, decoder)
            return torch.from_numpy(symbols).reshape(index.shape)

        residuals = self._integers_by_table(z, decode)
        return torch.cat([z, residuals.flatten(1)], dim=1).to(torch.int32).numpy()

    @override
    def estimate_bits(self, latents: Symbols) -> Tensor:
        z, residuals = self._parts(torch.from_numpy(latents))
        parts, bits = self._slices(residuals), [self.z_model.estimate_bits(z.numpy())]

        def estimate(number: int, index: Tensor) -> Tensor:
            bits.append(self.gaussians.tables.bits_per_integer(index, parts[number]).flatten(1).sum(dim=1))
            return parts[number]

        self._integers_by_table(z, estimate)
        return torch.stack(bits).sum(dim=0)

    @override
    def frequency_tables(self) -> list[FrequencyTable]:
        kept = self.gaussians.tables.frequency_tables()[
            int(self.gaussians.first) : int(self.gaussians.last) + 1
        ]
        return [*self.z_model.frequency_tables(), *kept]

    @override
    def densities(self) -> list[nn.Module]:
        return [*self.z_model.densities(), *([self.density] if self.density is not None else [])]

    @override
    def transmitter_modules(self) -> list[nn.Module]:
        return [self.h_a, self.h_s, self.e]

    @override
    def further_tensors(self) -> list[Tensor]:
        return [self.gaussians.first, self.gaussians.last]

    def _parts(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Split latents into z (n, elements of z) and the residuals y − μ (n, C, H, W)."""
        side = prod(self.z_shape)
        return latents[:, :side], latents[:, side:].reshape(-1, *self.shape)

    def _slices(self, y: Tensor) -> list[Tensor]:
        return [y[:, first:last] for first, last in pairwise(self.slice_bounds)]

    def _hyper_synthesis(self, z: Tensor) -> Tensor:
        return self._crop(self.h_s(z.reshape(-1, *self.z_shape)))

    def _crop(self, maps: Tensor) -> Tensor:
        return maps[:, :, : self.shape[1], : self.shape[2]]

    def _through_slices(
        self, psi: Tensor, slice_function: SliceFunction, run_network: RunNetwork = _run_in_float
    ) -> Tensor:
        """Go through the slices in order; the ŷ of each is an input of the ones after it.

        Args:
            psi: The output of h_s (n, ψ, H, W).
            slice_function: Gives a slice's ŷ from its mean and its scale's position.
            run_network: How the entropy parameters networks are run.

        Returns:
            ŷ (n, C, H, W).
        """
        known: list[Tensor] = []
        for number, network in enumerate(self.e):
            mean, position = self._mean_and_position(run_network(network, torch.cat([psi, *known], dim=1)))
            known.append(slice_function(number, mean, position))
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

    def _integers_by_table(self, z: Tensor, slice_integers: Callable[[int, Tensor], Tensor]) -> Tensor:
        """The integers (n, C, H, W), as both ends go through the slices.

        ``slice_integers`` takes a slice's number and table indices (n, c, H, W), and gives its integers.
        """
        return self._integers_by_position(
            z, lambda number, position: slice_integers(number, self.gaussians.index(position))
        )

    @torch.no_grad()
    def _integers_by_position(self, z: Tensor, slice_integers: Callable[[int, Tensor], Tensor]) -> Tensor:
        """As ``_integers_by_table``, with the real positions of scales among the tables instead of indices."""
        integers: list[Tensor] = []

        def add_mean(number: int, mean: Tensor, position: Tensor) -> Tensor:
            integers.append(slice_integers(number, position))
            return integers[-1].to(torch.float64) + mean

        psi = self._crop(integer_forward(self.h_s, z.reshape(-1, *self.z_shape)))
        self._through_slices(psi, add_mean, _run_on_integers)
        return torch.cat(integers, dim=1)


def _height_and_width(shape: Sequence[int]) -> tuple[int, ...]:
    """Height and width of y.

    Raises:
        InputError: There is only one position, which side information cannot describe better than the tables do.
    """
    if len(shape) != 3 or shape[1] * shape[2] == 1:
        raise InputError(
            f"a hyperprior needs a latent with more than one place, got shape {tuple(shape)}; "
            "valid there: factorized, categorical"
        )
    return tuple(shape[1:])


def _clamp_to_reach(values: Tensor, reach: Tensor) -> Tensor:
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
