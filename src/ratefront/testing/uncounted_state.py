"""What a codec's encoder reads though its ``transmitter_bytes`` do not count it, found by spoiling it.

Whatever is not in ``transmitter_modules`` and not declared by ``transmitter_tensors`` is overwritten, in a codec that
is read from its files: parameters, buffers, and tensors and arrays that are plain attributes. The encoder must not
notice. What is declared is compared with the bytes that tables and further state are said to take.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.codecs.contract import Codec
from ratefront.complexity.transmitter_bytes import table_bytes

Held: TypeAlias = Tensor | NDArray[Any]

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))

_SLACK_BYTES = 128  # of a compressed file's own head, and of what goes without saying, as 0, 1, 2, …


def needed_but_left_out(load: Callable[[], Codec], encode: Callable[[Codec], bytes]) -> list[str]:
    """Names of what is not counted and without which the codec that ``load`` gives does not ``encode`` the same."""
    right = encode(load())
    if _unchanged_without(load, encode, right, None):
        return []
    names = list(uncounted(load()))
    alone = [name for name in names if not _unchanged_without(load, encode, right, name)]
    return alone or names


def uncounted(codec: Codec) -> dict[str, Held]:
    """What the codec holds and does not count, by name; what shares memory with something counted is counted."""
    modules = codec.transmitter_modules()
    counted = {_place(t) for module in modules for t in (*module.parameters(), *module.buffers())}
    counted |= {_place(tensor) for tensor in codec.transmitter_tensors()}
    return {name: value for name, value in _held(codec).items() if _place(value) not in counted}


def undercounted_bytes(codec: Codec) -> int:
    """How many bytes less than what ``transmitter_tensors`` hold tables and further state are said to take.

    What they hold is judged by a compressor, numbers in half precision, so that padding costs nothing.
    """
    told = table_bytes(codec.transmitter_tables()) + codec.further_state_bytes()
    held = len(zlib.compress(b"".join(map(_in_short, codec.transmitter_tensors())), 9))
    return max(0, held - _SLACK_BYTES - told)


def _unchanged_without(
    load: Callable[[], Codec], encode: Callable[[Codec], bytes], right: bytes, name: str | None
) -> bool:
    codec = load()
    for key, value in uncounted(codec).items():
        if name in (None, key):
            _spoil(value)
    try:
        return encode(codec) == right
    except Exception:  # whatever a spoiled codec does
        return False


@torch.no_grad()
def _spoil(value: Held) -> None:
    if isinstance(value, Tensor):
        value.copy_(value.logical_not() if value.dtype == torch.bool else _worst(value))
    elif value.flags.writeable and value.dtype.kind in "fiu":
        value[...] = np.nan if value.dtype.kind == "f" else np.iinfo(value.dtype).max


def _worst(tensor: Tensor) -> Tensor:
    has_nan = tensor.is_floating_point() or tensor.is_complex()
    return torch.full_like(tensor, torch.nan if has_nan else torch.iinfo(tensor.dtype).max)


def _held(codec: nn.Module) -> dict[str, Held]:
    """Parameters, buffers, and what tensors and arrays lie in plain attributes."""
    held: dict[str, Held] = {**dict(codec.named_parameters()), **dict(codec.named_buffers())}
    for path, module in codec.named_modules():
        plain = {name: value for name, value in vars(module).items() if name not in _OF_EVERY_MODULE}
        for name, value in _inside(plain, path):
            held.setdefault(name, value)
    return held


def _inside(value: object, path: str) -> Iterator[tuple[str, Held]]:
    """Tensors and arrays in nested lists and mappings."""
    if isinstance(value, Tensor | np.ndarray):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _inside(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _inside(inner, f"{path}.{number}")


def _place(value: Held) -> int:
    """Where the numbers lie; nothing lies where there are none."""
    if isinstance(value, Tensor):
        return value.untyped_storage().data_ptr() or id(value)
    return int(value.__array_interface__["data"][0])


def _in_short(tensor: Tensor) -> bytes:
    """The bytes of numbers in the least type that holds them."""
    if tensor.is_floating_point():
        return tensor.half().cpu().numpy().tobytes()
    values = tensor.cpu().numpy()
    least, most = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return values.astype(np.result_type(np.min_scalar_type(least), np.min_scalar_type(most))).tobytes()
