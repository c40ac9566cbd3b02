"""The reduced form of a network: its structure, and its weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import nn

from ratefront.codecs.reduction.reduction_settings import Reduction
from ratefront.data.dataset import Samples


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
    return copy.deepcopy(network)


def reduce_network(
    network: nn.Sequential, samples: Samples, reduction: Reduction, *, keeps_outputs: bool
) -> nn.Sequential:
    """Return the reduced network, with the structure of ``reduced_skeleton``, in evaluation mode and frozen.

    Args:
        network: The trained network, in evaluation mode; it stays as it is.
        samples: Training samples (N, ...): the recovery from pruning and the calibration of int8 use some of them.
        reduction: How the network is made smaller.
        keeps_outputs: Whether the last layer keeps all its outputs where channels are dropped.

    Raises:
        InputError: As ``reduced_skeleton``.
    """
    from ratefront.complexity.stored_precision import round_to_half

    made = copy.deepcopy(network)
    round_to_half(made)
    return made
