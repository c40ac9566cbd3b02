"""Integer networks: the same bits in any batch, order and number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ratefront.codecs.entropy_models.integer_networks import integer_forward, round_to_integer_grid
from ratefront.trial.threads import using_threads


def _network(seed: int, scale: float = 1.0) -> nn.Sequential:
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.PixelShuffle(2), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.ReLU()
    )
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(scale)
    round_to_integer_grid(network)
    return network


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1.0, 30.0]))
def test_batches_threads_and_order_change_no_bit(seed: int, scale: float) -> None:
    network = _network(seed, scale)
    integers = torch.randint(-60, 60, (6, 3, 5, 5), generator=torch.Generator().manual_seed(seed))
    with using_threads(1):
        together = integer_forward(network, integers)
    with using_threads(2):
        single = torch.cat([integer_forward(network, integers[i : i + 1]) for i in range(6)])
    assert torch.equal(together, single)
    assert torch.equal(integer_forward(network, integers.flip(0)).flip(0), together)


def test_outputs_equal_those_of_integer_arithmetic() -> None:
    """Compared with Python's integers, which do not round."""
    torch.manual_seed(3)
    layer = nn.Linear(40, 4)
    round_to_integer_grid(layer)
    values = torch.randint(-64, 65, (1, 40))
    weights = [[int(w * 4096) for w in row] for row in layer.weight.tolist()]
    biases = [int(b * 4096) for b in layer.bias.tolist()]
    sums = [
        sum(w * v for w, v in zip(row, values[0].tolist(), strict=True)) + b
        for row, b in zip(weights, biases, strict=True)
    ]
    expected = [((s * 2 + 16) // 32) / 256 for s in sums]  # to the nearest 2^-8, halves upwards
    assert integer_forward(nn.Sequential(layer), values)[0].tolist() == expected


def test_rounded_weights_fit_half_precision_and_change_little() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(50, 50)
    before = layer.weight.detach().clone()
    round_to_integer_grid(layer)
    assert torch.equal(layer.weight.half().float(), layer.weight)
    assert torch.equal((layer.weight * 4096).round() / 4096, layer.weight)
    assert (layer.weight - before).abs().max() <= 2.0**-12


def test_plain_float32_sums_depend_on_their_order() -> None:
    """The reason for integer networks: float32 gives other bits in another order of the sum."""
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=4096).astype(np.float32))
    weights = torch.from_numpy(rng.normal(size=4096).astype(np.float32))
    order = torch.from_numpy(rng.permutation(4096))
    assert float(values @ weights) != float(values[order] @ weights[order])


@pytest.mark.parametrize("large", [1e6, -1e6])
def test_activations_are_bounded(large: float) -> None:
    network = nn.Sequential(nn.Linear(1, 1))
    round_to_integer_grid(network)
    assert integer_forward(network, torch.tensor([[large]])).abs().item() <= 2.0**12
