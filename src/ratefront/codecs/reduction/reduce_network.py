"""The reduced form of a network: its structure, and its weights.

First the network is pruned in steps. After each one, what is left learns to give the outputs of the whole network on
training samples again; those of the last layer that are dropped are left out. Then it is rounded to its precision, or
converted to int8 and calibrated on training samples.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ratefront.codecs.reduction.int8_calibration import calibrate
from ratefront.codecs.reduction.int8_conversion import float_form, int8_form, plan_int8
from ratefront.codecs.reduction.recovery import OutputMatching
from ratefront.codecs.reduction.reduction_settings import Reduction
from ratefront.codecs.reduction.structured_pruning import ChannelPruner, check_channels, prunable_layers
from ratefront.codecs.reduction.unstructured_pruning import (
    apply_masks,
    check_weights,
    mark_sparse,
    smallest_weights_masked,
)
from ratefront.complexity.stored_precision import keep_fp16, keep_fp32, round_to_half
from ratefront.data.dataset import Samples

#: The network is pruned in so many parts of equal size; after each it is trained for so many steps, longer at the end.
_PARTS, _STEPS, _LAST_STEPS = 4, 150, 400

_CALIBRATION_SAMPLES, _CALIBRATION_VALUES = 512, 2**22


def reduced_skeleton(
    network: nn.Sequential, sample: Sequence[int], reduction: Reduction, *, keeps_outputs: bool
) -> nn.Sequential:
    """Return the structure of the reduced network, with arbitrary weights. It depends on no weight of ``network``.

    Args:
        network: The network, in evaluation mode; it stays as it is.
        sample: The shape of one sample.
        reduction: How the network is made smaller.
        keeps_outputs: Whether the last layer keeps all its outputs where channels are dropped.

    Raises:
        InputError: A layer has no int8 form, or would be left without a channel; it names the layer.
    """
    reduced = copy.deepcopy(network)
    if reduction.pruning == "structured":
        layers = prunable_layers(network, sample, keeps_outputs=keeps_outputs)
        check_channels(layers, reduction.pruned_share)
        ChannelPruner(reduced, sample, keeps_outputs=keeps_outputs).prune(
            reduction.pruned_share, dict(layers)
        )
    elif reduction.pruning == "unstructured":
        check_weights(network)
    if reduction.precision == "int8":
        plan = plan_int8(reduced, sample)
        reduced = _sequential(int8_form(float_form(reduced, plan), plan))
    return _stored_as(reduced, reduction)


def reduce_network(
    network: nn.Sequential, samples: Samples, reduction: Reduction, *, keeps_outputs: bool
) -> nn.Sequential:
    """Return the reduced network, with the structure of ``reduced_skeleton``, in evaluation mode and frozen.

    It is a function of its arguments alone: what is drawn at random comes from generators with a fixed seed.

    Args:
        network: The trained network, in evaluation mode; it stays as it is.
        samples: Training samples (N, ...): the recovery from pruning and the calibration of int8 use some of them.
        reduction: How the network is made smaller.
        keeps_outputs: Whether the last layer keeps all its outputs where channels are dropped.

    Raises:
        InputError: As ``reduced_skeleton``.
    """
    reduced = copy.deepcopy(network).eval()
    if reduction.pruning == "structured":
        _drop_channels(reduced, network, samples, reduction.pruned_share, keeps_outputs=keeps_outputs)
    elif reduction.pruning == "unstructured":
        _drop_weights(reduced, network, samples, reduction.pruned_share)
    if reduction.precision == "int8":
        plan = plan_int8(reduced, samples.shape[1:])
        original = float_form(reduced, plan)
        round_to_half(original)  # the scales that stay in fp16 are those that calibration sees
        reduced = _sequential(int8_form(original, plan))
        calibrate(reduced, original, calibration_samples(samples).to(_device(original)))
    reduced = _stored_as(reduced, reduction)
    round_to_half(reduced)
    return reduced.eval().requires_grad_(False)


def _drop_channels(
    reduced: nn.Sequential,
    whole: nn.Sequential,
    samples: Samples,
    pruned_share: float,
    *,
    keeps_outputs: bool,
) -> None:
    layers = prunable_layers(whole, samples.shape[1:], keeps_outputs=keeps_outputs)
    check_channels(layers, pruned_share)
    pruner = ChannelPruner(reduced, samples.shape[1:], keeps_outputs=keeps_outputs)
    matching = OutputMatching(whole, samples, _device(whole))
    for part in range(1, _PARTS + 1):
        pruner.prune(pruned_share * part / _PARTS, dict(layers))
        matching.train(reduced, pruner.kept, _LAST_STEPS if part == _PARTS else _STEPS)


def _drop_weights(reduced: nn.Module, whole: nn.Module, samples: Samples, pruned_share: float) -> None:
    check_weights(whole)
    matching = OutputMatching(whole, samples, _device(whole))
    for part in range(1, _PARTS + 1):
        masks = smallest_weights_masked(reduced, pruned_share * part / _PARTS)
        matching.train(
            reduced,
            lambda outputs: outputs,
            _LAST_STEPS if part == _PARTS else _STEPS,
            partial(apply_masks, reduced, masks),
        )


def calibration_samples(samples: Samples) -> Tensor:
    """Return a few samples, evenly spread."""
    most = max(1, _CALIBRATION_VALUES // max(1, int(torch.tensor(samples.shape[1:]).prod())))
    number = min(len(samples), _CALIBRATION_SAMPLES, most)
    positions = torch.linspace(0, len(samples) - 1, number, dtype=torch.float64).long()
    return torch.from_numpy(samples[positions.numpy()])


def _stored_as(network: nn.Sequential, reduction: Reduction) -> nn.Sequential:
    """Mark how the parameters are stored."""
    if reduction.precision == "fp32":
        keep_fp32(network)
    elif reduction.precision is not None:
        keep_fp16(network)
    if reduction.pruning == "unstructured":
        mark_sparse(network)
    return network


def _sequential(network: nn.Module) -> nn.Sequential:
    assert isinstance(network, nn.Sequential), "a copy of the network keeps its type"
    return network


def _device(network: nn.Module) -> torch.device:
    tensors = [*network.parameters(), *network.buffers()]
    return tensors[0].device if tensors else torch.device("cpu")
