"""Structured pruning: whole channels are dropped, so that the network is smaller and faster as it runs.

Which layers have to lose a channel together (a convolution, its normalisation, whatever takes its outputs, all that are
added to them) is what Torch-Pruning finds (Fang et al. 2023, "DepGraph: towards any structural pruning"). It takes an
operation that it does not know for an elementwise one. So what it finds is proved: with the dropped channels' weights
set to 0 where they are taken up, the whole network gives the outputs of the pruned one.

How many channels a layer loses follows from the share alone, and which ones from the weights' size.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ratefront.codecs.reduction.module_paths import are_equal, random_samples, with_random_weights
from ratefront.errors import InputError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_PRUNED_TYPES = (*_CONVOLUTIONS, nn.Linear)
_TINY = 2.0**-100  # exact in float32, and its square is 0: the outputs' numbers do not weigh as weights


class PrunableLayer(NamedTuple):
    """A layer that can lose channels, by its path, and how many it has. Others lose theirs with it."""

    path: str
    channels: int


def kept_channels(channels: int, pruned_share: float) -> int:
    """Return how many channels are left; the number of those pruned is rounded."""
    return channels - math.floor(pruned_share * channels + 0.5)


class ChannelPruner:
    """Drops channels of a network, which it changes; ``kept_outputs`` are the positions of its outputs that are left.

    Outputs (n, C, ...) lose channels, and (n, F) lose features, unless ``keeps_outputs``; where the output is (n, P, F)
    and C is not P, features are at the end.

    Args:
        network: The network, in evaluation mode.
        sample: The shape of a sample.
        keeps_outputs: Whether the outputs stay as many as they are.

    Raises:
        InputError: No layer can lose channels.
    """

    def __init__(self, network: nn.Sequential, sample: Sequence[int], *, keeps_outputs: bool) -> None:
        self.network, self._keeps_outputs = network.requires_grad_(True), keeps_outputs
        samples = random_samples(sample).to(_device(network))
        with torch.no_grad():
            outputs = network(samples)
        self.output_axis, self._numbers = self._traced(samples, outputs)
        self.layers = [PrunableLayer(self._path(group), len(group[0].idxs)) for group in self._groups()]
        if not self.layers:
            reason = ", since all outputs of the last one are needed" if keeps_outputs else ""
            raise InputError(f"pruning: structured: there is no layer that can lose channels{reason}")

    def _traced(self, samples: Tensor, outputs: Tensor) -> tuple[int, nn.Module]:
        """Build the graph behind which a layer numbers the outputs; try both ends of (n, P, F) as channels."""
        from torch_pruning import DependencyGraph

        for axis in (1, -1) if outputs.ndim == 3 else (1,):
            numbers = _numbering_layer(outputs, axis).to(samples.device)
            whole = nn.Sequential(self.network, numbers)
            with torch.enable_grad():
                graph = DependencyGraph().build_dependency(whole, samples, verbose=False)
            self._graph, self._whole = graph, whole
            if any(_has(group, numbers) for group in graph.get_all_groups([numbers])):
                return axis, numbers
        return 1, numbers

    def _groups(self) -> Iterator[Any]:
        """Yield what can be pruned: layers that lose their channels together, each with its one root layer."""
        for group in self._graph.get_all_groups([self._numbers]):
            layers = [dependency.target.module for dependency, _ in group]
            is_last = self._keeps_outputs and self._numbers in layers
            if not is_last and not any(map(_is_grouped, layers)):
                yield group

    def _path(self, group: Any) -> str:
        path: str = self._graph._module2name[group[0].dep.target.module]
        return path.removeprefix("0.")

    def prune(self, pruned_share: float, channels: dict[str, int]) -> None:
        """Drop the channels of least weight until ``pruned_share`` of the first number ``channels`` of each is gone."""
        from torch_pruning.pruner.importance import GroupMagnitudeImportance

        importance = GroupMagnitudeImportance(p=2)
        for group in list(self._groups()):
            number = len(group[0].idxs) - kept_channels(channels[self._path(group)], pruned_share)
            if number > 0:
                least = importance(group).argsort(stable=True)[:number].tolist()
                self._drop(group, sorted(least))

    def _drop(self, group: Any, positions: list[int]) -> None:
        self._graph.get_pruning_group(group[0].dep.target.module, group[0].dep.handler, positions).prune()

    @property
    def kept_outputs(self) -> Tensor:
        """Which of the first outputs are left, int64."""
        weight: Tensor = next(self._numbers.parameters()).detach()
        return (weight.flatten() / _TINY).round().long() - 1

    def kept(self, outputs: Tensor) -> Tensor:
        """Return those outputs of the whole network that the pruned one gives."""
        return outputs.index_select(self.output_axis, self.kept_outputs)


def _numbering_layer(outputs: Tensor, axis: int) -> nn.Module:
    """Return a layer that takes outputs (n, ...) and whose weights number them; they lose what it does not get."""
    size = outputs.shape[axis]
    layer: nn.Module
    if outputs.ndim == 2 or axis == -1:
        layer = nn.Linear(size, 1, bias=False)
    elif outputs.ndim in (3, 4, 5):
        layer = _CONVOLUTIONS[outputs.ndim - 3](size, 1, 1, bias=False)
    else:
        raise InputError(f"pruning: structured: outputs of shape {tuple(outputs.shape[1:])} have no channels")
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_((torch.arange(size) + 1).reshape(weight.shape) * _TINY)
    return layer


def _has(group: Any, layer: nn.Module) -> bool:
    return any(dependency.target.module is layer for dependency, _ in group)


def _is_grouped(layer: nn.Module) -> bool:
    """Tell whether a convolution has several groups of several channels, which would all have to stay equal."""
    return isinstance(layer, _CONVOLUTIONS) and 1 < layer.groups < layer.out_channels


def _device(network: nn.Module) -> torch.device:
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


def prunable_layers(
    network: nn.Sequential, sample: Sequence[int], *, keeps_outputs: bool
) -> list[PrunableLayer]:
    """Return what structured pruning can drop, after a proof that it computes what it should.

    Raises:
        InputError: No layer can lose channels, or the network computes something that cannot be followed.
    """
    whole = with_random_weights(copy.deepcopy(network).cpu())
    pruner = ChannelPruner(copy.deepcopy(whole), sample, keeps_outputs=keeps_outputs)
    channels = dict(pruner.layers)
    samples = random_samples(sample)
    for group in list(pruner._groups()):
        half = list(range(len(group[0].idxs) // 2))
        if half:
            _disconnect(whole, pruner, group, half)
            pruner._drop(group, half)
    with torch.no_grad():
        expected = pruner.kept(whole(samples))
        try:
            is_same = are_equal(expected, pruner.network(samples))
        except RuntimeError:  # shapes that do not fit each other
            is_same = False
    if not is_same:
        raise InputError(
            "pruning: structured: what the network computes between its layers cannot be followed; "
            "valid there: none, unstructured"
        )
    return [PrunableLayer(path, number) for path, number in channels.items()]


@torch.no_grad()
def _disconnect(whole: nn.Module, pruner: ChannelPruner, group: Any, positions: list[int]) -> None:
    """Set to 0 the weights by which layers of the whole network take up these channels of a layer."""
    graph = pruner._graph
    pruned = graph.get_pruning_group(group[0].dep.target.module, group[0].dep.handler, positions)
    for dependency, indices in pruned:
        layer = dependency.target.module
        takes_up = graph.is_in_channel_pruning_fn(dependency.handler) and isinstance(layer, _PRUNED_TYPES)
        is_depthwise = isinstance(layer, _CONVOLUTIONS) and layer.groups > 1
        path = graph._module2name.get(layer, "")
        if takes_up and not is_depthwise and layer is not pruner._numbers:
            weight: Any = whole.get_submodule(path.removeprefix("0.")).weight
            weight[:, indices] = 0


def check_channels(layers: Sequence[PrunableLayer], pruned_share: float, name_of: Any = None) -> None:
    """Refuse a share that leaves a layer without channels.

    Raises:
        InputError: It names the layer.
    """
    for path, channels in layers:
        if kept_channels(channels, pruned_share) < 1:
            name = name_of(path) if name_of else path
            raise InputError(
                f"pruned_share: {pruned_share:g} of layer {name}, which has {channels} channel"
                f"{'s' if channels > 1 else ''}, leaves none; valid there: < {1 - 0.5 / channels:g}"
            )
