"""The int8 form of a network: normalisations folded into convolutions, then each layer in integers.

A normalisation that directly follows a convolution is a scale and a shift of its outputs, and vanishes in it. That it
follows directly is proved: folded and unfolded, with random weights, the network gives the same outputs. Elsewhere (as
behind a pooling) it becomes a scale and a shift of its own, in fp16. All else stays as it is, in float32.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from ratefront.codecs.reduction.int8_layer import INT8_TYPES, Int8Layer, why_no_int8
from ratefront.codecs.reduction.module_paths import (
    NORMALISATIONS,
    are_equal,
    random_samples,
    replace_module,
    with_random_weights,
)
from ratefront.complexity.stored_precision import keep_fp16
from ratefront.errors import InputError

#: Further layers whose parameters may stay in fp16: they only scale, and are small.
_SCALING = (nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
_LARGEST_HALF = 65_504.0

_Layer: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Linear
_Normalisation: TypeAlias = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


class ChannelScale(nn.Module):
    """A normalisation by fixed statistics: a scale and a shift (C,) of each channel of values (n, C, ...)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(channels), requires_grad=False)

    @override
    def forward(self, values: Tensor) -> Tensor:
        zeros, ones = torch.zeros_like(self.weight), torch.ones_like(self.weight)
        return F.batch_norm(values, zeros, ones, self.weight, self.bias, False, 0.0, 0.0)


class Int8Plan(NamedTuple):
    """Which parts of a network change, by path.

    Attributes:
        folded: Convolutions with the normalisation that vanishes in each.
        scales: The normalisations that become a ``ChannelScale``.
        layers: What becomes an ``Int8Layer``.
    """

    folded: list[tuple[str, str]]
    scales: list[str]
    layers: list[str]


def check_int8(network: nn.Module, name_of: dict[str, str] | None = None) -> None:
    """Refuse a network with a layer that has parameters and no int8 form.

    Args:
        network: The network.
        name_of: What a message calls the network's children, by their names.

    Raises:
        InputError: It names the layer.
    """
    seen = 0
    for path, part in network.named_modules():
        if next(part.parameters(recurse=False), None) is None or isinstance(part, NORMALISATIONS + _SCALING):
            continue
        if reason := why_no_int8(part):
            raise InputError(
                f"precision: int8: layer {readable_path(path, name_of)} ({type(part).__name__}) has no int8 form, "
                f"since it {reason}; valid there: fp32, fp16"
            )
        seen += 1
    if not seen:
        raise InputError("precision: int8: there is no layer with an int8 form; valid there: fp32, fp16")


def readable_path(path: str, name_of: dict[str, str] | None) -> str:
    """Return the path of a layer with its first part as ``name_of`` says."""
    first, dot, rest = path.partition(".")
    return f"{(name_of or {}).get(first, first)}{dot}{rest}"


def plan_int8(network: nn.Module, sample: Sequence[int]) -> Int8Plan:
    """Return what changes; it depends on the network's structure alone, not on its weights.

    Raises:
        InputError: A layer has no int8 form.
    """
    check_int8(network)
    proof = with_random_weights(copy.deepcopy(network).cpu())
    folded = _proved_folds(proof, random_samples(sample))
    normalisations = [
        path
        for path, part in network.named_modules()
        if isinstance(part, NORMALISATIONS) and part.running_mean is not None
    ]
    gone = {normalisation for _, normalisation in folded}
    layers = [path for path, part in network.named_modules() if type(part) in INT8_TYPES]
    return Int8Plan(folded, [path for path in normalisations if path not in gone], layers)


@torch.no_grad()
def _proved_folds(network: nn.Module, samples: Tensor) -> list[tuple[str, str]]:
    expected = network(samples)
    candidates = _following_normalisations(network, samples)
    if _gives_the_same(network, candidates, samples, expected):
        return candidates
    return [pair for pair in candidates if _gives_the_same(network, [pair], samples, expected)]


def _gives_the_same(
    network: nn.Module, pairs: Sequence[tuple[str, str]], samples: Tensor, expected: Tensor
) -> bool:
    tried = copy.deepcopy(network)
    for layer, normalisation in pairs:
        fold(tried, layer, normalisation)
    return are_equal(expected, tried(samples))


def _following_normalisations(network: nn.Module, samples: Tensor) -> list[tuple[str, str]]:
    """Return layers with the normalisation that takes their output, where both run once."""
    outputs: list[tuple[str, Tensor]] = []
    pairs: list[tuple[str, str]] = []
    runs: dict[str, int] = {}

    def note(path: str, part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        runs[path] = runs.get(path, 0) + 1
        if isinstance(part, NORMALISATIONS):
            pairs.extend((layer, path) for layer, given in outputs if given is inputs[0])
        elif type(part) in INT8_TYPES:
            outputs.append((path, output))

    hooks = [
        part.register_forward_hook(lambda part, inputs, output, path=path: note(path, part, inputs, output))
        for path, part in network.named_modules()
        if type(part) in INT8_TYPES or (isinstance(part, NORMALISATIONS) and part.running_mean is not None)
    ]
    network(samples)
    for hook in hooks:
        hook.remove()
    return [pair for pair in pairs if all(runs[path] == 1 for path in pair)]


@torch.no_grad()
def fold(network: nn.Module, layer_path: str, normalisation_path: str) -> None:
    """Let a normalisation vanish in the layer before it; the network is changed."""
    layer, normalisation = network.get_submodule(layer_path), network.get_submodule(normalisation_path)
    assert isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)
    assert isinstance(normalisation, NORMALISATIONS)
    scale, shift = _scale_and_shift(normalisation)
    weight = layer.weight * scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
    bias = shift if layer.bias is None else layer.bias * scale + shift
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    replace_module(network, normalisation, nn.Identity())


def _scale_and_shift(normalisation: _Normalisation) -> tuple[Tensor, Tensor]:
    mean, variance = normalisation.running_mean, normalisation.running_var
    assert mean is not None
    assert variance is not None
    scale = (variance + normalisation.eps).rsqrt()
    if not normalisation.affine:
        return scale, -mean * scale
    scale = scale * normalisation.weight
    return scale, normalisation.bias - mean * scale


@torch.no_grad()
def float_form(network: nn.Module, plan: Int8Plan) -> nn.Module:
    """Return a copy of the network with its normalisations folded or turned into scales, and all layers in float."""
    changed = copy.deepcopy(network).requires_grad_(False)
    for before, behind in plan.folded:
        fold(changed, before, behind)
    for path in plan.scales:
        normalisation = changed.get_submodule(path)
        assert isinstance(normalisation, NORMALISATIONS)
        scale, shift = _scale_and_shift(normalisation)
        new = ChannelScale(normalisation.num_features).to(scale.device)
        new.weight.copy_(scale.clamp(-_LARGEST_HALF, _LARGEST_HALF))
        new.bias.copy_(shift.clamp(-_LARGEST_HALF, _LARGEST_HALF))
        replace_module(changed, normalisation, new)
    keep_fp16(changed)
    return changed


def int8_form(network: nn.Module, plan: Int8Plan) -> nn.Module:
    """Return a copy of a network of ``float_form`` with its layers in int8, whose integers are 0 yet."""
    changed = copy.deepcopy(network)
    for layer_path in plan.layers:
        layer = changed.get_submodule(layer_path)
        assert isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)
        replace_module(changed, layer, Int8Layer(layer))
    return changed
