"""A file of weights that somebody has trained: read without running anything, filled into a network by its names."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ratefront.complexity.stored_precision import non_finite_parameters
from ratefront.errors import InputError

_PLACE = "task_model.weights"
_SHOWN = 12
_COUNTER = (
    "num_batches_tracked"  # of batch normalisation: older files lack it, and evaluation does not need it
)


def weights_digest(path: Path) -> str:
    """SHA-256 of the file.

    Raises:
        InputError: It is not there.
    """
    with _existing(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, of a ``.safetensors`` file, or of what ``torch.save`` made of a ``state_dict()``.

    Raises:
        InputError: It is not there, or holds something else; what it holds, and what to do, is said.
    """
    _existing(path)
    state = _read_safetensors(path) if _looks_like_safetensors(path) else _read_torch(path)
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(
            f"{_PLACE}: {path} holds {_found(state)}, not the tensors of a state_dict{_advice(state)}"
        )
    odd = [name for name, tensor in state.items() if tensor.layout != torch.strided or tensor.is_quantized]
    if odd:
        raise InputError(
            f"{_PLACE}: {path} holds tensors that are sparse or quantised: {', '.join(odd[:_SHOWN])}"
        )
    return {str(name): tensor for name, tensor in state.items()}


def _existing(path: Path) -> Path:
    if path.is_dir():
        raise InputError(f"{_PLACE}: {path} is a folder; name the file in it")
    if not path.is_file():
        raise InputError(
            f"{_PLACE}: {path} is not there (a relative path counts from where ratefront is run)"
        )
    return path


def _looks_like_safetensors(path: Path) -> bool:
    """Whatever it is called: eight bytes of a length, then JSON."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{_PLACE}: {path} is no safetensors file, or a truncated one: {error}") from error


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):  # of formats that are refused below, or taken
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{_PLACE}: {path} holds Python objects that only pickle could read, which could run anything; save the "
            "tensors alone: torch.save(model.state_dict(), FILE)"
        ) from error
    except Exception as error:  # what the reader of a file that is none meets is of any kind
        said = str(error).strip().splitlines()[:1]
        raise InputError(
            f"{_PLACE}: {path} is no file of torch.save, or a truncated one: {' '.join(said)}"
        ) from error


def _found(state: object) -> str:
    if isinstance(state, Mapping):
        return ", ".join(f"{name!r}" for name in list(state)[:_SHOWN]) or "nothing"
    return f"a {type(state).__name__}"


def _advice(state: object) -> str:
    """A checkpoint of a training loop has the state under one of its keys."""
    if not isinstance(state, Mapping):
        return ""
    nested = [name for name, value in state.items() if isinstance(value, Mapping) and _is_state(value)]
    if not nested:
        return ""
    return f"; it seems to be under {nested[0]!r}: torch.save(torch.load(FILE)[{nested[0]!r}], OTHER)"


def _is_state(value: Mapping[Any, Any]) -> bool:
    return bool(value) and all(isinstance(tensor, Tensor) for tensor in value.values())


def fill_network(
    network: nn.Module, state: Mapping[str, Tensor], source: str, but: Collection[str] = ()
) -> None:
    """Fill a network with a state of the same names and shapes; the tensors ``but`` these keep what they hold.

    Raises:
        InputError: Something does not fit, listed by name and shape, or is not finite; ``source`` is what the
            message calls it.
    """
    wanted = {name: tensor for name, tensor in network.state_dict().items() if name not in but}
    given = {name: tensor for name, tensor in state.items() if name not in but}
    given |= _tied(network, given)
    if problems := _misfits(wanted, given):
        shown = [f"  {problem}" for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            shown.append(f"  … and {len(problems) - _SHOWN} more")
        raise InputError("\n".join([f"{source} does not fit the network:", *shown, *_hint(wanted, given)]))
    network.load_state_dict(given, strict=False)
    if bad := _no_numbers(network):
        raise InputError(f"{source} holds NaN or infinite weights: {', '.join(bad[:_SHOWN])}")


def _no_numbers(network: nn.Module) -> list[str]:
    """Parameters are finite; a buffer may hold an infinity, as a mask of attention does."""
    return non_finite_parameters(network) + [
        name for name, buffer in network.named_buffers() if torch.isnan(buffer).any()
    ]


def _tied(network: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Further names of tensors that are given under one: safetensors writes what is shared once."""
    names_of: dict[int, list[str]] = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        names_of.setdefault(id(tensor), []).append(name)
    further: dict[str, Tensor] = {}
    for names in names_of.values():
        if there := [name for name in names if name in given]:
            further |= {name: given[there[0]] for name in names if name not in given}
    return further


def _misfits(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    missing = [name for name in wanted if name not in given and not name.endswith(_COUNTER)]
    other = [name for name in wanted if name in given and wanted[name].shape != given[name].shape]
    return [
        *(f"{name}: the network has {tuple(wanted[name].shape)}, the file lacks it" for name in missing),
        *(
            f"{name}: the network has {tuple(wanted[name].shape)}, the file {tuple(given[name].shape)}"
            for name in other
        ),
        *(
            f"{name}: the file has {tuple(given[name].shape)}, the network no such tensor"
            for name in given
            if name not in wanted
        ),
    ]


def _hint(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """Names that differ by a beginning alone, as those behind DataParallel or a wrapper of the training loop do."""
    beginnings = {name.partition(".")[0] + "." for name in given}
    if len(beginnings) == 1:
        (beginning,) = beginnings
        if wanted.keys() <= {name.removeprefix(beginning) for name in given}:
            return [
                f"every name in the file begins with {beginning!r}, without which all would fit: take it away"
            ]
    return []
