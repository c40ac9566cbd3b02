"""Elementwise products have the MACs that one counts by hand, whichever operation adds them up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.complexity.networks import Network, images
from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.complexity.macs import Macs, multiply_accumulates

INPUTS, OUTPUTS = 16, 8
WEIGHT = torch.rand(INPUTS, OUTPUTS)
#: Which input and which output each weight joins.
INPUT = torch.arange(INPUTS).repeat_interleave(OUTPUTS)
OUTPUT = torch.arange(OUTPUTS).repeat(INPUTS)


def _spread(x: Tensor) -> Tensor:
    return x[:, :, None] * WEIGHT


def _joined(x: Tensor) -> Tensor:
    return x[:, INPUT] * WEIGHT.reshape(-1)


def _in_pieces(x: Tensor) -> Tensor:
    held = torch.empty(1, INPUTS, OUTPUTS)
    for k in range(INPUTS):
        held[:, k] = x[:, k : k + 1] * WEIGHT[k]
    return held.sum(1)


def _by_weights_beside_the_sample(x: Tensor) -> Tensor:
    both = torch.cat([x[0], WEIGHT.reshape(-1)])
    return sum(both[INPUTS + k * OUTPUTS :][:OUTPUTS] * both[k] for k in range(INPUTS))  # type: ignore[return-value]


def _by_weights_in_a_buffer(x: Tensor) -> Tensor:
    held = torch.zeros(INPUTS + OUTPUTS, OUTPUTS)
    held[:INPUTS] = WEIGHT
    held[INPUTS:] = x.view(2, OUTPUTS).repeat(OUTPUTS // 2, 1)
    return sum(held[k] * x[:, k : k + 1] for k in range(INPUTS))  # type: ignore[return-value]


#: The product of a vector with a matrix: all of them multiply INPUTS · OUTPUTS times.
LINEAR: dict[str, Network] = {
    "matrix product": lambda x: x @ WEIGHT,
    "sum": lambda x: _spread(x).sum(1),
    "mean": lambda x: _spread(x).mean(1),
    "cumulated": lambda x: _spread(x).cumsum(1)[:, -1],
    "pooled": lambda x: F.avg_pool1d(_spread(x).mT, INPUTS),
    "after an addition": lambda x: (_spread(x) + 1.0).sum(1),
    "after copies": lambda x: _spread(x).mT.reshape(1, -1).reshape(1, OUTPUTS, INPUTS).sum(2),
    "stacked": lambda x: torch.stack([x[:, k : k + 1] * WEIGHT[k] for k in range(INPUTS)]).sum(0),
    "in pieces": _in_pieces,
    "Python's sum": lambda x: sum(WEIGHT[k] * x[:, k : k + 1] for k in range(INPUTS)),
    "number by number": lambda x: [
        sum(WEIGHT[k, j] * x[0, k] for k in range(INPUTS)) for j in range(OUTPUTS)
    ],
    "by Python's numbers": lambda x: sum(WEIGHT[k] * float(x[0, k]) for k in range(INPUTS)),
    "by a list's numbers": lambda x: sum(WEIGHT[k] * number for k, number in enumerate(x[0].tolist())),
    "by weights as Python's numbers": lambda x: [
        sum(float(WEIGHT[k, j]) * x[:, k] for k in range(INPUTS)) for j in range(OUTPUTS)
    ],
    "by a list of weights": lambda x: [sum(map(torch.mul, x[0], column)) for column in WEIGHT.T.tolist()],
    "added at indices": lambda x: torch.zeros(1, OUTPUTS).index_add(1, OUTPUT, _joined(x)),
    "scattered": lambda x: torch.zeros(1, OUTPUTS).scatter_add(1, OUTPUT[None], _joined(x)),
    "put": lambda x: torch.zeros(OUTPUTS).index_put((OUTPUT,), _joined(x)[0], accumulate=True),
    "multiplied and added": lambda x: torch.addcmul(torch.zeros(INPUTS, OUTPUTS), x.T, WEIGHT).sum(0),
    "in place": lambda x: x.T.repeat(1, OUTPUTS).mul_(WEIGHT).sum(0),
    "added in place": lambda x: torch.zeros(INPUTS, OUTPUTS).addcmul_(x.T, WEIGHT).sum(0),
    "into a tensor": lambda x: torch.mul(x.T, WEIGHT, out=torch.empty(INPUTS, OUTPUTS)).sum(0),
    "weights in place": lambda x: WEIGHT.clone().mul_(x.T).sum(0),
    "divided": lambda x: (x.T / WEIGHT).sum(0),
    "of lists": lambda x: torch._foreach_mul([WEIGHT[k] for k in range(INPUTS)], list(x[0])),
    "weights of the sample's shape": lambda x: (x.T * x.new_empty(INPUTS, OUTPUTS).copy_(WEIGHT)).sum(0),
    "weights beside the sample": _by_weights_beside_the_sample,
    "weights in a buffer": _by_weights_in_a_buffer,
    "of derived values": lambda x: _spread(F.relu(x * 2.0).flip(1).contiguous()).sum(1),
    "outer": lambda x: torch.outer(x[0], WEIGHT[0]),
    "of Kronecker": lambda x: torch.kron(x, WEIGHT[0]),
    "distances": lambda x: ((x.T - WEIGHT) ** 2).sum(0),
    "distances by a product": lambda x: torch.square((WEIGHT - x.T).contiguous() + 1e-6).mean(0),
    "distances by norm": lambda x: torch.linalg.vector_norm(x.T - WEIGHT, dim=0),
    "distances by pairs": lambda x: F.pairwise_distance(x.T.expand(-1, OUTPUTS), WEIGHT),
}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("inference", [False, True])
def test_a_matrix_product_has_the_same_macs_however_it_is_written(name: str, inference: bool) -> None:
    with torch.inference_mode(inference):
        assert multiply_accumulates(LINEAR[name], torch.rand(1, INPUTS)) == Macs(INPUTS * OUTPUTS)


def test_a_convolution_written_by_shifts_has_its_macs() -> None:
    kernel = torch.rand(8, 1, 3, 3)

    def shifted(x: Tensor) -> Tensor:
        padded = F.pad(x, (1, 1, 1, 1))
        parts = [
            (kernel[:, :, i, j, None], padded[..., i : i + 6, j : j + 6]) for i in range(3) for j in range(3)
        ]
        return sum(weight[None] * part for weight, part in parts)  # type: ignore[return-value]

    x = images(1)
    torch.testing.assert_close(shifted(x), F.conv2d(x, kernel, padding=1))
    macs = [multiply_accumulates(run, x) for run in (shifted, lambda x: F.conv2d(x, kernel, padding=1))]
    assert macs == [Macs(36 * 9 * 8)] * 2


def test_a_kernel_of_single_weights_counts_as_weights() -> None:
    kernel = torch.rand(3)
    macs = multiply_accumulates(lambda x: sum(kernel[k] * x[..., k : k + 4] for k in range(3)), images(1))
    assert macs == Macs(3 * 6 * 4)


class Squeezed(nn.Module):
    """A squeeze-and-excitation block: activations are multiplied by activations."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.up(self.down(F.adaptive_avg_pool2d(x, 1)).relu()).sigmoid()


SCALE = torch.rand(4, 1, 1)
NUMBER = nn.Parameter(torch.rand(1))


#: Of images of 4 channels and 36 numbers each.
ELEMENTWISE: dict[str, tuple[Callable[[Tensor], object], int]] = {
    "a block of gates": (Squeezed(), 8 + 8),
    "gates, then a residue": (lambda x: F.relu(Squeezed()(x) + x).mean((2, 3)), 8 + 8),
    "gates, summed": (lambda x: Squeezed()(x).sum((2, 3)), 8 + 8 + 4 * 36),
    "gates, copied, then pooled": (
        lambda x: F.adaptive_avg_pool2d(Squeezed()(x).contiguous() + 1, 1),
        8 + 8 + 4 * 36,
    ),
    "two gates, added and summed": (lambda x: (x * x.sigmoid() + x * x.tanh()).sum(), 2 * 4 * 36),
    "attention by hand": (lambda x: (x[:, :2] * x[:, 2:].softmax(1)).flatten(1).sum(1), 2 * 36),
    "a mask made of the sample": (lambda x: x * (x > 0.5), 0),
    "a scale by layer": (lambda x: x + SCALE * F.relu(x), 4 * 36),
    "mean and deviation": (lambda x: (x - SCALE) / SCALE, 4 * 36),
    "numbers": (lambda x: 0.5 * (x / 255 - 0.1) * 2, 0),
    "a learned number": (lambda x: (x * NUMBER).sum() + (x * NUMBER[0]).sum() + x.mul(NUMBER.exp()).sum(), 0),
    "numbers that are read": (lambda x: x * float(x.max()) + x * NUMBER.item() + x[:, : int(x.sum() > 0)] * 2, 0),
    "a number of the sample": (lambda x: x / x.amax() * 2.0, 0),
    "zeros and ones": (lambda x: x * torch.ones_like(x) + x.new_zeros(1, 4, 6, 6) * x, 0),
    "ones, summed": (lambda x: (x * torch.ones_like(x)).sum(), 4 * 36),
    "a dropout": (lambda x: F.dropout(x, 0.1, training=True), 0),
    "normalised": (nn.RMSNorm([4, 6, 6]), 0),
    "a bias, then squares of it": (lambda x: (x + SCALE).abs(), 0),
    "a square of the sample": (lambda x: (x - x.mean()).pow(2).sum(), 0),
    "absolute distances": (lambda x: (x - SCALE).norm(p=1), 0),
    "weights by weights": (lambda x: x + SCALE * SCALE.exp(), 0),
    "products along an axis": (lambda x: torch.stack([x, SCALE.expand_as(x)]).prod(0), 2 * 4 * 36),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_products_have_the_macs_counted_by_hand(name: str) -> None:
    network, macs = ELEMENTWISE[name]
    assert multiply_accumulates(network, images(4)) == Macs(macs)
