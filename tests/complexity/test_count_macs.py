"""Multiply–accumulates against hand counts and published ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from tests.complexity.networks import ENCODER, ENCODER_MACS, Network, images, sequence
from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.complexity.macs import Macs, multiply_accumulates

HAND_COUNTS: dict[str, tuple[Network, Tensor, int]] = {
    "linear": (nn.Linear(8, 3), torch.rand(1, 8), 8 * 3),
    "matrix on vector": (lambda x: torch.ones(3, 8) @ x[0], torch.rand(1, 8), 3 * 8),
    "matrix on vector, added": (lambda x: torch.addmv(torch.ones(3), torch.ones(3, 8), x[0]), torch.rand(1, 8), 24),
    "dot product": (lambda x: x[0] @ torch.ones(8), torch.rand(1, 8), 8),
    "outer product, added": (lambda x: torch.addr(torch.ones(8, 8), x[0], x[0]), torch.rand(1, 8), 64),
    "matrices, summed": (lambda x: torch.addbmm(torch.ones(5, 5), x, x.mT), sequence(), 5 * 5 * 8),
    "einsum": (lambda x: torch.einsum("bij,kj->bik", x, torch.ones(3, 8)), sequence(), 5 * 8 * 3),
    "einsum to a number": (lambda x: torch.einsum("bij,bij->b", x, x + 1), sequence(), 5 * 8),
    "product that is summed": (lambda x: (x * torch.ones(8)).view(5, 8).sum(dim=1), sequence(), 5 * 8),
    "in place": (lambda x: torch.ones(1, 3).addmm_(x, torch.ones(8, 3)), torch.rand(1, 8), 8 * 3),
    "into a tensor": (lambda x: torch.mm(x, torch.ones(8, 3), out=torch.empty(1, 3)), torch.rand(1, 8), 24),
    "bilinear": (lambda x: nn.Bilinear(8, 6, 3)(x, torch.ones(1, 6)), torch.rand(1, 8), 3 * 8 * 6 + 3 * 8),
    "convolution": (nn.Conv2d(4, 8, 3, padding=1), images(4), 36 * 9 * 4 * 8),
    "grouped": (nn.Conv2d(4, 8, 3, padding=1, groups=2), images(4), 36 * 9 * 2 * 8),
    "depthwise": (nn.Conv2d(4, 4, 3, padding=1, groups=4), images(4), 36 * 9 * 4),
    "dilated, strided": (nn.Conv2d(4, 8, 3, stride=2, dilation=2), images(4, 9), 9 * 9 * 4 * 8),
    "of sequences": (nn.Conv1d(8, 4, 3), torch.rand(1, 8, 7), 5 * 3 * 8 * 4),
    "of volumes": (nn.Conv3d(2, 4, 2), torch.rand(1, 2, 3, 3, 3), 8 * 8 * 2 * 4),
    "over time": (lambda x: torch.conv_tbc(x, torch.ones(3, 8, 4), torch.ones(4)), torch.rand(7, 1, 8), 5 * 96),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2), images(4, 5), 25 * 9 * 4 * 6),
    "transposed, grouped": (nn.ConvTranspose2d(4, 6, 3, groups=2), images(4, 5), 25 * 9 * 2 * 6),
    "unfolded": (lambda x: torch.ones(8, 16) @ F.unfold(x, 2), images(4), 25 * 16 * 8),
    "LSTM": (nn.LSTM(8, 4, batch_first=True), sequence(), 5 * 4 * 4 * (8 + 4)),
    "LSTM, two ways, two layers": (
        nn.LSTM(8, 4, num_layers=2, bidirectional=True, batch_first=True),
        sequence(),
        5 * 2 * 4 * 4 * (8 + 4) + 5 * 2 * 4 * 4 * (8 + 4),
    ),
    "GRU": (nn.GRU(8, 4, batch_first=True), sequence(), 5 * 3 * 4 * (8 + 4)),
    "RNN": (nn.RNN(8, 4, batch_first=True), sequence(), 5 * 4 * (8 + 4)),
    "LSTM cell": (nn.LSTMCell(8, 4), torch.rand(1, 8), 4 * 4 * (8 + 4)),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), torch.rand(1, 2, 5, 4), 2 * 2 * 25 * 4),
    "transformer layer": (ENCODER, sequence(), ENCODER_MACS),
    "transformer": (nn.TransformerEncoder(ENCODER, 3).eval(), sequence(), 3 * ENCODER_MACS),
    "mapped": (torch.vmap(nn.Linear(8, 4)), sequence(), 5 * 8 * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND_COUNTS)
def test_networks_have_the_macs_that_one_counts_by_hand(name: str) -> None:
    network, sample, macs = HAND_COUNTS[name]
    assert multiply_accumulates(network, sample) == Macs(macs)


@pytest.mark.parametrize("name", ["transformer layer", "LSTM", "bilinear", "convolution", "attention"])
def test_inference_mode_has_the_same_macs(name: str) -> None:
    """In inference mode, composite operations arrive undivided."""
    network, sample, macs = HAND_COUNTS[name]
    with torch.inference_mode():
        assert multiply_accumulates(network, sample) == Macs(macs)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("resnet18", 1.814),
        ("resnet50", 4.089),
        ("vgg16", 15.470),
        ("vit_b_16", 17.564),
        ("mobilenet_v3_large", 0.217),
        ("swin_t", 4.491),
    ],
)
def test_networks_of_torchvision_have_its_published_macs(name: str, published: float) -> None:
    """Sizes are enough for counting: these networks are on the device ``meta``."""
    with torch.device("meta"):
        network = torchvision.models.get_model(name).eval()
        macs = multiply_accumulates(network, torch.empty(1, 3, 224, 224))
    assert macs.value is not None
    assert macs.value / 1e9 == pytest.approx(published, abs=6e-4)


PRODUCTLESS: dict[str, Network] = {
    "activations": lambda x: [
        f(x)
        for f in (F.relu, F.gelu, F.silu, F.elu, F.leaky_relu, F.hardswish, F.hardsigmoid, F.mish, F.softplus, F.selu)
    ],
    "in place": lambda x: F.hardswish(F.relu(x.clone(), inplace=True), inplace=True).mul_(2).clamp_(0, 1),
    "softmax": lambda x: (x.softmax(1), x.log_softmax(1), F.glu(x, 1), F.prelu(x, torch.ones(4))),
    "normalisation": lambda x: [
        network(x)
        for network in (nn.BatchNorm2d(4), nn.BatchNorm2d(4).eval(), nn.GroupNorm(2, 4), nn.LayerNorm(6), nn.RMSNorm(6))
    ],
    "pooling": lambda x: (F.max_pool2d(x, 2), F.avg_pool2d(x, 2), F.adaptive_avg_pool2d(x, 1), F.lp_pool2d(x, 2, 2)),
    "resizing": lambda x: [F.interpolate(x, scale_factor=2, mode=m) for m in ("nearest", "bilinear", "bicubic")],
    "padding": lambda x: [F.pad(x, (1, 1, 1, 1), mode=m) for m in ("constant", "reflect", "replicate", "circular")],
    "reductions": lambda x: (x.mean(), x.var(1), x.norm(), x.amax(1), x.cumsum(1), x.logsumexp(1), x.topk(2)),
    "choosing": lambda x: (x[x > 0.5], x[:, [0, 1]], x.sort(), x.argmax(1), F.one_hot(x.argmax(1)), torch.unique(x)),
    "shapes": lambda x: (torch.cat([x, x]), x.mT.flatten(1), x.chunk(2, 1), torch.t_copy(x[0, 0])),
    "pixels": lambda x: (F.pixel_shuffle(x, 2), F.fold(F.unfold(x, 2), (6, 6), 2)),
    "chance": lambda x: (F.dropout(x), torch.rand_like(x), torch.bernoulli(x), F.gumbel_softmax(x)),
    "a square": lambda x: (x * x).sum(),
    "made and written": lambda x: _written(x) + 1,
    "an array at the end": lambda x: (x + 1).numpy(),
    "numbers": lambda x: torch.tensor([float(x.sum()), *range(3)]) + torch.from_numpy(np.ones(4)),
}  # fmt: skip


def _written(x: Tensor) -> Tensor:
    held = torch.empty_like(x)
    held[:, :2].copy_(x[:, :2])
    held[:, 2:] = 0
    return held


@pytest.mark.parametrize("name", PRODUCTLESS)
def test_operations_that_papers_do_not_count_have_no_macs(name: str) -> None:
    assert multiply_accumulates(PRODUCTLESS[name], images(4)) == Macs(0)


def test_an_error_of_the_network_is_raised() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        multiply_accumulates(nn.Linear(7, 3), torch.rand(1, 8))


def test_torchs_settings_are_restored_after_counting() -> None:
    def settings() -> list[bool]:
        return [
            torch.backends.mha.get_fastpath_enabled(),
            torch.backends.mkldnn.enabled,
            torch.backends.cudnn.enabled,
            torch.backends.cuda.flash_sdp_enabled(),
        ]

    before = settings()
    multiply_accumulates(nn.Linear(8, 3), torch.rand(1, 8))
    with pytest.raises(RuntimeError):
        multiply_accumulates(nn.Linear(7, 3), torch.rand(1, 8))
    assert settings() == before


def test_a_sum_is_unknown_where_a_part_is() -> None:
    total = Macs(3) + Macs(4, ("a", "b")).times(2) + Macs(1, ("b",))
    assert total == Macs(12, ("a", "b"))
    assert total.value is None
    assert (Macs(3) + Macs(4).times(2)).value == 11
