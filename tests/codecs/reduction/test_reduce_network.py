"""Reduced networks: smaller as they run, close to the whole network, always the same; refused where they cannot be."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ratefront.catalogue import CATALOGUE
from ratefront.codecs.reduction import Int8Layer, Reduction, reduce_network, reduced_skeleton
from ratefront.codecs.reduction.int8_conversion import ChannelScale, plan_int8
from ratefront.codecs.reduction.structured_pruning import kept_channels, prunable_layers
from ratefront.complexity.macs import multiply_accumulates
from ratefront.complexity.stored_precision import stored_tensors
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

HALF = Reduction(pruning="structured", pruned_share=0.5)
SPLITS = [
    ("small_cnn", (1, 8, 8), "conv2"),
    ("small_cnn", (1, 8, 8), "hidden"),
    ("lenet", (1, 28, 28), "conv2"),
    ("lenet", (1, 28, 28), "fc1"),
    ("residual_cnn", (3, 16, 16), "block2.1"),
    ("residual_cnn", (3, 16, 16), "pool"),
    ("pointnet", (16, 3), "mlp2"),
    ("pointnet", (16, 3), "pool"),
    ("resnet18", (3, 32, 32), "layer2.0"),
]


def front_end(name: str, shape: tuple[int, ...], split: str) -> nn.Sequential:
    """A front end with random weights and statistics, in evaluation mode."""
    torch.manual_seed(0)
    registered = CATALOGUE.task_models[name]
    model = registered.load()(registered.parameters(epochs=1), 10, shape)
    model(torch.rand(32, *shape))  # statistics of normalisations
    front: nn.Sequential = model.eval().requires_grad_(False).front_end(split)
    return front


def samples(shape: tuple[int, ...], number: int = 200) -> np.ndarray[Any, np.dtype[np.float32]]:
    return torch.rand(number, *shape, generator=torch.Generator().manual_seed(5)).numpy()


@pytest.mark.parametrize(("name", "shape", "split"), SPLITS)
@pytest.mark.parametrize("keeps_outputs", [False, True])
def test_dropped_channels_make_the_running_network_smaller(
    name: str, shape: tuple[int, ...], split: str, keeps_outputs: bool
) -> None:
    """Half of the channels leave about a quarter of the weights; features keep their sides, or all their channels."""
    network, one = front_end(name, shape, split), torch.rand(1, *shape)
    reduced = reduced_skeleton(network, shape, HALF, keeps_outputs=keeps_outputs).eval()
    before, after = network(one).shape, reduced(one).shape
    assert after == (before if keeps_outputs else (1, before[1] // 2, *before[2:]))
    ratio = 0.6 if keeps_outputs else 0.35
    assert module_bytes(reduced) < ratio * module_bytes(network)
    assert multiply_accumulates(reduced, one).counted < 0.6 * multiply_accumulates(network, one).counted
    for layer in (part for part in reduced.modules() if isinstance(part, nn.Conv2d | nn.Linear)):
        assert layer.weight.shape[0] in (
            getattr(layer, "out_channels", None),
            getattr(layer, "out_features", None),
        )


@pytest.mark.parametrize(("name", "shape", "split"), SPLITS)
def test_int8_halves_the_bytes_and_stays_close(name: str, shape: tuple[int, ...], split: str) -> None:
    """Against fp16: at most 0.52 of the bytes of the weights, and outputs within a few percent."""
    network = front_end(name, shape, split)
    reduced = reduce_network(network, samples(shape), Reduction("int8"), keeps_outputs=False)
    tested, one = torch.from_numpy(samples(shape)[:50]), torch.rand(1, *shape)
    expected, outputs = network(tested), reduced(tested)
    assert (outputs - expected).square().mean().sqrt() < 0.06 * expected.std()
    assert multiply_accumulates(reduced, one) == multiply_accumulates(network, one)
    weights = sum(p.numel() for p in network.parameters() if p.ndim > 1)
    channels = sum(p.numel() for p in network.parameters() if p.ndim == 1)
    channels += sum(len(part.scales) for part in reduced.modules() if isinstance(part, Int8Layer))
    assert module_bytes(reduced) <= weights + 16 * channels + 64


@pytest.mark.usefixtures("short_recovery")
@pytest.mark.parametrize("precision", [None, "fp16", "fp32", "int8"])
@pytest.mark.parametrize("pruning", ["none", "structured", "unstructured"])
def test_a_reduced_network_has_the_structure_of_its_skeleton(precision: Any, pruning: Any) -> None:
    """The skeleton knows no weight of the network, and takes those of the reduced one."""
    shape, reduction = (1, 8, 8), Reduction(precision, pruning, 0.4 if pruning != "none" else 0.0)
    network = front_end("small_cnn", shape, "conv2")
    reduced = reduce_network(network, samples(shape), reduction, keeps_outputs=False)
    other = copy.deepcopy(network)
    for weight in other.parameters():
        nn.init.normal_(weight)
    skeleton = reduced_skeleton(other, shape, reduction, keeps_outputs=False).eval()
    skeleton.load_state_dict(reduced.state_dict())
    tested = torch.from_numpy(samples(shape)[:9])
    assert torch.equal(skeleton(tested), reduced(tested))
    assert module_bytes(skeleton) == module_bytes(reduced)
    stored = sum(tensor.nbytes for tensor in stored_tensors(reduced).values())
    assert stored == module_bytes(reduced)


@pytest.mark.parametrize("pruning", ["structured", "unstructured"])
def test_recovery_improves_the_match_and_repeats_bit_for_bit(
    pruning: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On samples that it was not trained on; without it, the same weights are pruned at once."""
    from ratefront.codecs.reduction.recovery import OutputMatching

    shape, reduction = (1, 8, 8), Reduction(None, pruning, 0.5)
    network = front_end("small_cnn", shape, "hidden")
    tested = torch.rand(200, *shape, generator=torch.Generator().manual_seed(9))

    def reduced() -> nn.Sequential:
        return reduce_network(network, samples(shape, 2000), reduction, keeps_outputs=True)

    def error(network_: nn.Module) -> float:
        return float((network_(tested) - network(tested)).square().mean() / network(tested).var())

    torch.manual_seed(1)
    recovered = reduced()
    torch.manual_seed(2)
    again = reduced()
    for name, tensor in recovered.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    monkeypatch.setattr(OutputMatching, "train", lambda *_: None)
    assert error(recovered) < 0.5 * error(reduced())


@pytest.mark.usefixtures("short_recovery")
def test_single_weights_that_are_pruned_are_0() -> None:
    """So many of each layer as the share says, in the precision that is stored; bytes follow from the formula."""
    shape = (1, 8, 8)
    network = front_end("small_cnn", shape, "conv2")
    reduced = reduce_network(
        network, samples(shape), Reduction(None, "unstructured", 0.75), keeps_outputs=True
    )
    expected = 0
    for layer in (part for part in reduced.modules() if isinstance(part, nn.Conv2d)):
        zeros = int((layer.weight == 0).sum())
        assert zeros >= math.floor(0.75 * layer.weight.numel() + 0.5)
        bitmap = math.ceil(layer.weight.numel() / 8)
        expected += min(2 * layer.weight.numel(), bitmap + 2 * (layer.weight.numel() - zeros))
        assert layer.bias is not None
        expected += 2 * layer.bias.numel()
    assert module_bytes(reduced) == expected
    one = torch.rand(1, *shape)
    assert multiply_accumulates(reduced, one) == multiply_accumulates(network, one)


def test_a_normalisation_vanishes_only_where_it_directly_follows() -> None:
    """Behind a pooling, a ReLU, or a convolution whose output is also taken elsewhere, it stays as a scale."""

    class TwoUses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

        def forward(self, values: Tensor) -> Tensor:
            taken: Tensor = self.conv(values)
            return self.norm(taken) + taken

    network = nn.Sequential(
        OrderedDict(
            direct=nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
            pooled=nn.Sequential(nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.BatchNorm2d(4)),
            twice=TwoUses(),
        )
    )
    plan = plan_int8(network.eval(), (1, 12, 12))
    assert plan.folded == [("direct.0", "direct.1")]
    assert plan.scales == ["pooled.2", "twice.norm"]
    reduced = reduce_network(network, samples((1, 12, 12)), Reduction("int8"), keeps_outputs=True)
    assert [name for name, part in reduced.named_modules() if isinstance(part, ChannelScale)] == plan.scales


def test_the_share_of_channels_is_rounded() -> None:
    assert [kept_channels(16, share) for share in (0.01, 0.04, 0.5, 0.96, 0.97)] == [16, 15, 8, 1, 0]


class Scrambled(nn.Module):
    """It mixes the order of its channels in a way that no dependency graph knows."""

    def forward(self, values: Tensor) -> Tensor:
        n, channels, height, width = values.shape
        return values.reshape(n, height, channels, width).movedim(1, 2)


@pytest.mark.parametrize(
    ("network", "reduction", "message"),
    [
        (nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), nn.PReLU())), Reduction("int8"), "layer 0.1 (PReLU)"),
        (nn.Sequential(nn.ReLU()), Reduction("int8"), "no layer with an int8 form"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 1, 3)), HALF, "layer 1, which has 1 channel,"),
        (nn.Sequential(nn.ReLU()), HALF, "no layer that can lose channels"),
        (nn.Sequential(nn.ReLU()), Reduction(None, "unstructured", 0.5), "no convolution or linear layer"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), Scrambled(), nn.Conv2d(4, 4, 1)), HALF, "cannot be followed"),
    ],
)  # fmt: skip
def test_what_cannot_be_reduced_is_refused(network: Any, reduction: Reduction, message: str) -> None:
    with pytest.raises(InputError) as refused:
        reduced_skeleton(network.eval(), (1, 10, 10), reduction, keeps_outputs=False)
    assert message in str(refused.value)


def test_a_last_layer_alone_can_lose_only_outputs() -> None:
    network = front_end("small_cnn", (1, 8, 8), "conv1")
    assert prunable_layers(network, (1, 8, 8), keeps_outputs=False) == [("0.0", 16)]
    with pytest.raises(InputError, match="all outputs of the last one are needed"):
        prunable_layers(network, (1, 8, 8), keeps_outputs=True)
