"""In which precision a module's tensors are stored, and so counted: parameters in fp16 unless ``keep_fp32`` is called.

Arithmetic stays in fp32, but for layers in int8, whose integers are buffers of one byte each. What is stored in fp16 is
rounded to fp16 before anything is measured. Buffers are constants and statistics of their layers, which fp16 may spoil
(a variance of 10⁵, a likelihood of 10⁻⁹): they are stored as they are.

Pruned weights, for which ``keep_sparse`` is called, are stored as a bitmap of the places that are not 0 and the values
there, unless all values take fewer bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

_MARK = "parameters_are_stored_in_fp32"
_SPARSE_MARK = "names_of_sparse_tensors"

#: How the two tensors are called in a file that stand for a sparse one.
_PLACES, _VALUES = ".places_of_nonzeros", ".nonzeros"


class TensorToStore(NamedTuple):
    """A tensor of a module, its name in the module, its type in a file, and whether it may be stored sparse."""

    name: str
    tensor: Tensor
    dtype: torch.dtype
    may_be_sparse: bool = False

    @property
    def bytes(self) -> int:
        """How many bytes of a file it takes: min(all values, bitmap and nonzeros)."""
        dense = self.tensor.numel() * self.dtype.itemsize
        return min(dense, self._sparse_bytes()) if self.may_be_sparse else dense

    @property
    def is_sparse(self) -> bool:
        """Whether it is stored as a bitmap and its nonzeros."""
        return self.may_be_sparse and self._sparse_bytes() < self.tensor.numel() * self.dtype.itemsize

    def _sparse_bytes(self) -> int:
        nonzeros = int(torch.count_nonzero(self.tensor.to(self.dtype)))
        return (self.tensor.numel() + 7) // 8 + nonzeros * self.dtype.itemsize


def keep_fp32(module: nn.Module) -> None:
    """Store and count in fp32 the parameters of the module, and of every copy of a part of it, from now on."""
    for part in module.modules():
        setattr(part, _MARK, True)


def keep_fp16(module: nn.Module) -> None:
    """Store and count in fp16 the parameters of the module, and of every copy of a part of it, from now on."""
    for part in module.modules():
        if hasattr(part, _MARK):
            delattr(part, _MARK)


def keep_sparse(layer: nn.Module, *names: str) -> None:
    """Store and count these tensors of a layer, and of every copy of it, without their zeros where that saves bytes."""
    setattr(layer, _SPARSE_MARK, names)


def tensors_to_store(module: nn.Module) -> Iterator[TensorToStore]:
    """Yield every parameter and buffer; one that has two names comes twice."""
    for prefix, part in module.named_modules(remove_duplicate=False):
        path, sparse = f"{prefix}." if prefix else "", getattr(part, _SPARSE_MARK, ())
        for name, tensor in part.named_parameters(recurse=False, remove_duplicate=False):
            is_rounded = tensor.is_floating_point() and not hasattr(part, _MARK)
            dtype = torch.float16 if is_rounded else tensor.dtype
            yield TensorToStore(path + name, tensor, dtype, name in sparse)
        for name, tensor in part.named_buffers(recurse=False, remove_duplicate=False):
            yield TensorToStore(path + name, tensor, tensor.dtype, name in sparse)


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round the parameters that are stored in fp16 to what fp16 can hold."""
    for _, tensor, dtype, _ in tensors_to_store(module):
        if dtype != tensor.dtype:
            tensor.copy_(tensor.to(dtype).to(tensor.dtype))


def stored_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the module's state as it is written to a file: on the CPU, each tensor with memory of its own."""
    to_store = {one.name: one for one in tensors_to_store(module)}
    stored: dict[str, Tensor] = {}
    for name, tensor in module.state_dict().items():
        values = tensor.detach().to("cpu", to_store[name].dtype, copy=True).contiguous()
        stored |= _without_zeros(name, values) if to_store[name].is_sparse else {name: values}
    return stored


def _without_zeros(name: str, values: Tensor) -> dict[str, Tensor]:
    flat = values.flatten()
    places = torch.from_numpy(np.packbits((flat != 0).numpy()))
    return {name + _PLACES: places, name + _VALUES: flat[flat != 0]}


def with_zeros(stored: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Return stored tensors with those of the module that are sparse in the file in their own shape.

    Raises:
        ValueError: The bitmap and the nonzeros of a tensor do not fit each other or the tensor's shape.
    """
    shapes = {one.name: one.tensor.shape for one in tensors_to_store(module) if one.may_be_sparse}
    filled = {name: tensor for name, tensor in stored.items() if not name.endswith((_PLACES, _VALUES))}
    for name, shape in shapes.items():
        if name + _PLACES in stored and name + _VALUES in stored:
            filled[name] = _filled(name, stored[name + _PLACES], stored[name + _VALUES], shape)
    return filled


def _filled(name: str, places: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    if places.dtype != torch.uint8 or places.shape != ((shape.numel() + 7) // 8,):
        raise ValueError(f"the bitmap of {name} does not fit its shape {tuple(shape)}")
    bits = torch.from_numpy(np.unpackbits(places.numpy()).astype(np.bool_))
    if bits[shape.numel() :].any() or values.shape != (int(bits.sum()),):
        raise ValueError(f"the nonzeros of {name} do not fit its bitmap")
    flat = torch.zeros(shape.numel(), dtype=values.dtype)
    flat[bits[: shape.numel()]] = values
    return flat.reshape(shape)


def non_finite_parameters(module: nn.Module) -> list[str]:
    """Return the names of the parameters that hold NaN or an infinity."""
    return [name for name, weight in module.named_parameters() if not torch.isfinite(weight).all()]
