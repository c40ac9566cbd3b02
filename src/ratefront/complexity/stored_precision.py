"""In which precision a module's tensors are stored, and so counted: parameters in fp16 unless ``keep_fp32`` is called.

Arithmetic stays in fp32. What is stored in fp16 is rounded to fp16 before anything is measured. Buffers are constants
and statistics of their layers, which fp16 may spoil (a variance of 10⁵, a likelihood of 10⁻⁹): they are stored as they
are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

_MARK = "parameters_are_stored_in_fp32"


class TensorToStore(NamedTuple):
    """A tensor of a module, its name in the module, and its type in a file."""

    name: str
    tensor: Tensor
    dtype: torch.dtype


def keep_fp32(module: nn.Module) -> None:
    """Store and count in fp32 the parameters of the module, and of every copy of a part of it, from now on."""
    for part in module.modules():
        setattr(part, _MARK, True)


def tensors_to_store(module: nn.Module) -> Iterator[TensorToStore]:
    """Yield every parameter and buffer; one that has two names comes twice."""
    for prefix, part in module.named_modules(remove_duplicate=False):
        path = f"{prefix}." if prefix else ""
        for name, tensor in part.named_parameters(recurse=False, remove_duplicate=False):
            is_rounded = tensor.is_floating_point() and not hasattr(part, _MARK)
            yield TensorToStore(path + name, tensor, torch.float16 if is_rounded else tensor.dtype)
        for name, tensor in part.named_buffers(recurse=False, remove_duplicate=False):
            yield TensorToStore(path + name, tensor, tensor.dtype)


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round the parameters that are stored in fp16 to what fp16 can hold."""
    for _, tensor, dtype in tensors_to_store(module):
        if dtype != tensor.dtype:
            tensor.copy_(tensor.to(dtype).to(tensor.dtype))


def stored_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the module's state as it is written to a file: on the CPU, each tensor with memory of its own."""
    types = {name: dtype for name, _, dtype in tensors_to_store(module)}
    return {
        name: tensor.detach().to("cpu", types[name], copy=True).contiguous()
        for name, tensor in module.state_dict().items()
    }


def non_finite_parameters(module: nn.Module) -> list[str]:
    """Return the names of the parameters that hold NaN or an infinity."""
    return [name for name, weight in module.named_parameters() if not torch.isfinite(weight).all()]
