"""A user's file of weights: read without executing anything in it, and filled into a network by name."""

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
#: Of batch normalisation: older files lack it, and evaluation does not need it.
_COUNTER = "num_batches_tracked"


def weights_digest(path: Path) -> str:
    """Return the SHA-256 of the file.

    Raises:
        InputError: It does not exist.
    """
    with _check_exists(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name, on the CPU, from a ``.safetensors`` file or a ``state_dict()`` that ``torch.save`` wrote.

    Raises:
        InputError: The file does not exist, or holds something else. The message says what it holds and what to do.
    """
    _check_exists(path)
    state = _read_safetensors(path) if _looks_like_safetensors(path) else _read_torch(path)
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(
            f"{_PLACE}: {path} holds {_content_in_words(state)}, not the tensors of a state_dict{_advice(state)}"
        )
    odd = [name for name, tensor in state.items() if tensor.layout != torch.strided or tensor.is_quantized]
    if odd:
        raise InputError(
            f"{_PLACE}: {path} holds tensors that are sparse or quantised: {', '.join(odd[:_SHOWN])}"
        )
    return {str(name): tensor for name, tensor in state.items()}


def _check_exists(path: Path) -> Path:
    if path.is_dir():
        raise InputError(f"{_PLACE}: {path} is a folder; name the file in it")
    if not path.is_file():
        raise InputError(
            f"{_PLACE}: {path} is not there (a relative path counts from where ratefront is run)"
        )
    return path


def _looks_like_safetensors(path: Path) -> bool:
    """Recognise safetensors whatever the file's name: eight bytes of a length, then JSON."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{_PLACE}: {path} is not a safetensors file, or it is truncated: {error}"
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):  # about formats that are refused below, or accepted
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{_PLACE}: {path} holds Python objects that only pickle could read, which could run anything; save the "
            "tensors alone: torch.save(model.state_dict(), FILE)"
        ) from error
    except Exception as error:  # the error for a file of another format may be of any type
        first_line = str(error).strip().splitlines()[:1]
        raise InputError(
            f"{_PLACE}: {path} is not a file of torch.save, or it is truncated: {' '.join(first_line)}"
        ) from error


def _content_in_words(state: object) -> str:
    if isinstance(state, Mapping):
        return ", ".join(f"{name!r}" for name in list(state)[:_SHOWN]) or "nothing"
    return f"a {type(state).__name__}"


def _advice(state: object) -> str:
    """Say where the state is: a checkpoint of a training loop has it under one of its keys."""
    if not isinstance(state, Mapping):
        return ""
    nested = [name for name, value in state.items() if isinstance(value, Mapping) and _is_state(value)]
    if not nested:
        return ""
    return f"; it seems to be under {nested[0]!r}: torch.save(torch.load(FILE)[{nested[0]!r}], OTHER)"


def _is_state(value: Mapping[Any, Any]) -> bool:
    return bool(value) and all(isinstance(tensor, Tensor) for tensor in value.values())


def fill_network(
    network: nn.Module, state: Mapping[str, Tensor], source: str, except_for: Collection[str] = ()
) -> None:
    """Fill a network with a state of the same names and shapes.

    Args:
        network: The network to fill.
        state: Tensors by name.
        source: What the message calls the state.
        except_for: Names of tensors in the network that keep their values.

    Raises:
        InputError: Something does not fit, which the message lists by name and shape; or a weight is not finite.
    """
    wanted = {name: tensor for name, tensor in network.state_dict().items() if name not in except_for}
    loaded = {name: tensor for name, tensor in state.items() if name not in except_for}
    loaded |= _tied_tensors(network, loaded)
    if problems := _mismatches(wanted, loaded):
        shown = [f"  {problem}" for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            shown.append(f"  … and {len(problems) - _SHOWN} more")
        raise InputError("\n".join([f"{source} does not fit the network:", *shown, *_hint(wanted, loaded)]))
    network.load_state_dict(loaded, strict=False)
    if bad := _invalid_tensors(network):
        raise InputError(f"{source} holds NaN or infinite weights: {', '.join(bad[:_SHOWN])}")


def _invalid_tensors(network: nn.Module) -> list[str]:
    """Return the names of invalid tensors. A parameter must be finite; a buffer, as a mask, may hold infinities."""
    return non_finite_parameters(network) + [
        name for name, buffer in network.named_buffers() if torch.isnan(buffer).any()
    ]


def _tied_tensors(network: nn.Module, loaded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under their further names in the network: safetensors writes a shared tensor once."""
    names_by_tensor: dict[int, list[str]] = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        names_by_tensor.setdefault(id(tensor), []).append(name)
    further: dict[str, Tensor] = {}
    for names in names_by_tensor.values():
        if loaded_names := [name for name in names if name in loaded]:
            further |= {name: loaded[loaded_names[0]] for name in names if name not in loaded}
    return further


def _mismatches(wanted: Mapping[str, Tensor], loaded: Mapping[str, Tensor]) -> list[str]:
    missing = [name for name in wanted if name not in loaded and not name.endswith(_COUNTER)]
    mismatched = [name for name in wanted if name in loaded and wanted[name].shape != loaded[name].shape]
    return [
        *(f"{name}: the network has {tuple(wanted[name].shape)}, the file lacks it" for name in missing),
        *(
            f"{name}: the network has {tuple(wanted[name].shape)}, the file {tuple(loaded[name].shape)}"
            for name in mismatched
        ),
        *(
            f"{name}: the file has {tuple(loaded[name].shape)}, the network no such tensor"
            for name in loaded
            if name not in wanted
        ),
    ]


def _hint(wanted: Mapping[str, Tensor], loaded: Mapping[str, Tensor]) -> list[str]:
    """Point out a common prefix of all names, as DataParallel or a wrapper of the training loop adds."""
    prefixes = {name.partition(".")[0] + "." for name in loaded}
    if len(prefixes) == 1:
        (prefix,) = prefixes
        if wanted.keys() <= {name.removeprefix(prefix) for name in loaded}:
            return [
                f"every name in the file begins with {prefix!r}, without which all would fit: take it away"
            ]
    return []
