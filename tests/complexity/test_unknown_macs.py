"""An operation with an unknown number of multiply–accumulates is named, and never counted as none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torchvision
from tests.complexity.networks import ENCODER, Network, images, sequence
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import flop_registry, register_flop_formula

from ratefront.complexity.macs import Macs, multiply_accumulates


@torch.library.custom_op("ratefront_tests::tripled", mutates_args=())
def tripled(x: Tensor) -> Tensor:
    return x * 3


def _in_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(x.numpy() @ np.ones((6, 2), np.float32))


def _as_a_list(x: Tensor) -> Tensor:
    return torch.tensor([sum(row) for row in x[0, 0].tolist()])


def _into_a_buffer(x: Tensor) -> Tensor:
    held = torch.empty(1, 4, 6, 6)
    np.matmul(np.asarray(x), np.ones((6, 6), np.float32), out=held.numpy())
    return held


def _at_an_address(x: Tensor) -> Tensor:
    assert x.data_ptr()
    return x


UNKNOWN: dict[str, tuple[Network, str]] = {
    "distances": (lambda x: torch.cdist(x[0], x[0]), "aten._cdist_forward"),
    "Fourier transform": (lambda x: torch.fft.rfft(x), "aten._fft_r2c"),
    "decomposition": (lambda x: torch.linalg.svd(x), "aten._linalg_svd"),
    "solution": (lambda x: torch.linalg.solve(x + torch.eye(6), x), "aten._linalg_solve_ex"),
    "sampling": (lambda x: F.grid_sample(x, torch.zeros(1, 2, 2, 2), align_corners=False), "aten.grid_sampler_2d"),
    "sparse": (lambda x: torch.eye(6).to_sparse() @ x[0, 0], "aten.mm"),
    "complex": (lambda x: torch.complex(x, x) @ torch.complex(x, x), "aten.bmm"),
    "custom": (lambda x: tripled(x), "ratefront_tests.tripled"),
    "deformable": (
        lambda x: torchvision.ops.deform_conv2d(x, torch.zeros(1, 18, 4, 4), torch.ones(2, 4, 3, 3)),
        "torchvision.deform_conv2d",
    ),
    "fused by hand": (
        lambda x: torch._native_multi_head_attention(
            *[x[0]] * 3, 6, 2, torch.ones(18, 6), torch.ones(18), torch.ones(6, 6), torch.ones(6)
        ),
        "aten._native_multi_head_attention",
    ),
    "numpy": (_in_numpy, "Tensor.numpy"),
    "lists": (_as_a_list, "Tensor.tolist"),
    "a buffer": (lambda x: _into_a_buffer(x) + 1, "outside of torch's operations, whose output aten.add reads"),
    "a buffer in place": (lambda x: _into_a_buffer(x).relu_(), "whose output aten.relu_ reads"),
    "a buffer at the end": (_into_a_buffer, "wrote the result"),
    "an address": (_at_an_address, "Tensor.data_ptr"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_operation_without_a_formula_is_named(name: str) -> None:
    run, named = UNKNOWN[name]
    macs = multiply_accumulates(lambda x: (run(x), x @ x.mT), images(4))
    assert macs.value is None
    assert macs.counted >= 4 * 6 * 6 * 6
    assert named in macs.why_unknown


def test_a_formula_of_torchs_registry_makes_a_custom_operation_known() -> None:
    @torch.library.custom_op("ratefront_tests::known", mutates_args=())
    def known(x: Tensor) -> Tensor:
        return x @ x.mT

    register_flop_formula(torch.ops.ratefront_tests.known)(lambda x, out_shape=None: 2 * 4 * 6 * 6 * 6)
    try:
        assert multiply_accumulates(lambda x: known(x), images(4)) == Macs(4 * 6 * 6 * 6)
    finally:
        del flop_registry[torch.ops.ratefront_tests.known]


@pytest.fixture
def deprecated() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says so of all that is scripted
        yield


@pytest.mark.usefixtures("deprecated")
class TestNetworksThatAreNotPython:
    NETWORK = nn.Sequential(nn.Conv2d(4, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)).eval()
    MACS = Macs(16 * 9 * 4 * 2 + 32 * 3)

    def test_scripted_networks_are_counted(self) -> None:
        scripted = torch.jit.script(self.NETWORK)
        for _ in range(3):  # it is optimised by then
            scripted(images(4))
        assert multiply_accumulates(scripted, images(4)) == self.MACS

    def test_fused_networks_are_unknown(self) -> None:
        macs = multiply_accumulates(torch.jit.script(ENCODER), sequence())
        assert "aten._transformer_encoder_layer_fwd" in macs.why_unknown

    def test_networks_in_another_layout_are_counted_or_unknown(self) -> None:
        """What mkldnn computes is no operation of its own."""
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.script(self.NETWORK)))
        assert multiply_accumulates(frozen, images(4)).value in (None, self.MACS.value)

    def test_compiled_networks_are_counted(self) -> None:
        compiled = torch.compile(self.NETWORK, backend="eager")
        compiled(images(4))
        assert multiply_accumulates(compiled, images(4)) == self.MACS

    def test_quantized_layers_are_unknown(self) -> None:
        quantised = torch.ao.quantization.quantize_dynamic(self.NETWORK, {nn.Linear}, dtype=torch.qint8)
        assert "quantized.linear" in multiply_accumulates(quantised, images(4)).why_unknown

    def test_a_network_that_fails_while_counted_is_unknown(self) -> None:
        """A traced one compares sizes by an operation for tensors."""
        traced = torch.jit.trace(ENCODER, sequence(), check_trace=False)
        assert multiply_accumulates(traced, sequence()).value is None
