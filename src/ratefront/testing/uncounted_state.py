"""Find state that a codec's encoder reads although ``transmitter_bytes`` does not count it.

A codec is loaded from its files, and everything is overwritten that is neither in ``transmitter_modules`` nor in
``transmitter_tensors``: parameters, buffers, and tensors and arrays that are plain attributes. The encoder must give
the same bytes as before. The tensors that ``transmitter_tensors`` declares are then compared with the bytes that the
codec claims for its tables and its further state.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.codecs.codec_interface import Codec
from ratefront.complexity.transmitter_bytes import table_bytes

TensorOrArray: TypeAlias = Tensor | NDArray[Any]

_MODULE_ATTRIBUTES = frozenset(vars(nn.Module()))

_SLACK_BYTES = 128  # for the compressed file's header, and for trivial content such as 0, 1, 2, …


def uncounted_but_read(load: Callable[[], Codec], encode: Callable[[Codec], bytes]) -> list[str]:
    """Names of uncounted tensors and arrays that change what is encoded when they are overwritten.

    Args:
        load: Gives a new copy of the codec at each call.
        encode: Gives the bytes that a codec makes of some fixed samples.
    """
    expected = encode(load())
    if _encodes_the_same_without(load, encode, expected, None):
        return []
    names = list(uncounted_tensors(load()))
    alone = [name for name in names if not _encodes_the_same_without(load, encode, expected, name)]
    return alone or names


def uncounted_tensors(codec: Codec) -> dict[str, TensorOrArray]:
    """Tensors and arrays that the codec holds and does not count, by name.

    One that shares its memory with a counted one is counted.
    """
    modules = codec.transmitter_modules()
    counted = {_address(t) for module in modules for t in (*module.parameters(), *module.buffers())}
    counted |= {_address(tensor) for tensor in codec.transmitter_tensors()}
    return {name: value for name, value in _all_tensors(codec).items() if _address(value) not in counted}


def undercounted_bytes(codec: Codec) -> int:
    """How many bytes the codec claims too little for its tables and further state; 0 if it claims enough.

    The content of ``transmitter_tensors`` is measured by compression, with floats in half precision, so that padding
    costs nothing.
    """
    claimed = table_bytes(codec.transmitter_tables()) + codec.further_state_bytes()
    held = len(zlib.compress(b"".join(map(_in_smallest_type, codec.transmitter_tensors())), 9))
    return max(0, held - _SLACK_BYTES - claimed)


def _encodes_the_same_without(
    load: Callable[[], Codec], encode: Callable[[Codec], bytes], expected: bytes, name: str | None
) -> bool:
    """Whether encoding gives ``expected`` after one uncounted value, or every one (None), is overwritten."""
    codec = load()
    for key, value in uncounted_tensors(codec).items():
        if name in (None, key):
            _overwrite(value)
    try:
        return encode(codec) == expected
    except Exception:  # overwritten state may raise any error
        return False


@torch.no_grad()
def _overwrite(value: TensorOrArray) -> None:
    if isinstance(value, Tensor):
        value.copy_(value.logical_not() if value.dtype == torch.bool else _worst(value))
    elif value.flags.writeable and value.dtype.kind in "fiu":
        value[...] = np.nan if value.dtype.kind == "f" else np.iinfo(value.dtype).max


def _worst(tensor: Tensor) -> Tensor:
    has_nan = tensor.is_floating_point() or tensor.is_complex()
    return torch.full_like(tensor, torch.nan if has_nan else torch.iinfo(tensor.dtype).max)


def _all_tensors(codec: nn.Module) -> dict[str, TensorOrArray]:
    """Parameters, buffers, and what tensors and arrays lie in plain attributes."""
    held: dict[str, TensorOrArray] = {**dict(codec.named_parameters()), **dict(codec.named_buffers())}
    for path, module in codec.named_modules():
        plain = {name: value for name, value in vars(module).items() if name not in _MODULE_ATTRIBUTES}
        for name, value in _nested(plain, path):
            held.setdefault(name, value)
    return held


def _nested(value: object, path: str) -> Iterator[tuple[str, TensorOrArray]]:
    """Tensors and arrays in nested lists and mappings."""
    if isinstance(value, Tensor | np.ndarray):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _nested(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _nested(inner, f"{path}.{number}")


def _address(value: TensorOrArray) -> int:
    """The address of the values; an empty tensor is known by its object."""
    if isinstance(value, Tensor):
        return value.untyped_storage().data_ptr() or id(value)
    return int(value.__array_interface__["data"][0])


def _in_smallest_type(tensor: Tensor) -> bytes:
    """The bytes of the values, in the smallest type that holds them."""
    if tensor.is_floating_point():
        return tensor.half().cpu().numpy().tobytes()
    values = tensor.cpu().numpy()
    least, most = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return values.astype(np.result_type(np.min_scalar_type(least), np.min_scalar_type(most))).tobytes()
