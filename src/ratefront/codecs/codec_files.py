"""A codec on disk: ``codec.json`` (its structure) and ``codec.safetensors`` (every tensor). No pickle.

The hash of both files is the codec's identity, by which a stream names the codec that wrote it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ratefront.bounded_files import check_regular_file, parse_json, read_regular_file
from ratefront.catalogue import CATALOGUE
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables
from ratefront.codecs.reduction import Int8Layer
from ratefront.complexity.stored_precision import stored_tensors, with_zeros
from ratefront.data.dataset import Dataset
from ratefront.errors import InputError
from ratefront.known_code import check_may_run
from ratefront.record_fields import record_check
from ratefront.spec.import_paths.target_modules import own_task_model_code
from ratefront.spec.sweep_spec import Named
from ratefront.trial_records import Scalar

_VERSION = 3

#: A tensor of a network may take so many times the bytes of all stored weights, and so many more.
_FACTOR, _SPARE_BYTES = 8, 256 << 20
_LARGEST_SIZE = 1 << 20  # of a sample's side, and of the number of classes


def load_family(name: str) -> Family:
    """The family of this name."""
    family: Family = CATALOGUE.families[name].load()()
    return family


def save_codec(codec: Codec, family: str, structure: CodecStructure, config: Path, weights: Path) -> bytes:
    """Write both files.

    Returns:
        The codec's identity, 32 bytes.
    """
    config_bytes = _config_bytes(family, structure)
    weight_bytes = save(stored_tensors(codec))
    config.write_bytes(config_bytes)
    weights.write_bytes(weight_bytes)
    return _identity(config_bytes, weight_bytes)


def _config_bytes(family: str, structure: CodecStructure) -> bytes:
    content = {"version": _VERSION, "family": family, **asdict(structure)}
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def codec_content(family: str, structure: CodecStructure) -> dict[str, Any]:
    """What ``codec.json`` of such a codec says, as JSON gives it back."""
    content: dict[str, Any] = json.loads(_config_bytes(family, structure))
    return content


def _identity(config: bytes, weights: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(config).digest() + hashlib.sha256(weights).digest()).digest()


def load_codec(
    config: Path, weights: Path, *, receiver_only: bool = False, own_module: bool = False
) -> tuple[Codec, bytes]:
    """Load a codec on the CPU, in evaluation mode.

    Args:
        config: The file ``codec.json``.
        weights: The file ``codec.safetensors``.
        receiver_only: Build only what decoding needs.
        own_module: Allow the files to name Python code that is run, as they do where the task model is a ``module``.
            Say so only for files of your own. Code that this machine has run for the user's own sweeps needs no such
            word.

    Returns:
        The codec and its identity.

    Raises:
        InputError: A file is missing, is not a codec's, has another version, or names code that may not be run.
    """
    try:
        check_regular_file(weights)
        config_bytes, weight_bytes = read_regular_file(config), weights.read_bytes()
        content: dict[str, Any] = dict(parse_json(config_bytes))
        tensors = load(weight_bytes)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, SafetensorError) as error:
        raise InputError(f"no codec at {config.parent}: {error}") from error
    if content.get("version") != _VERSION:
        raise InputError(
            f"{config}: version {content.get('version')!r} cannot be read; this is version {_VERSION}"
        )
    structure = _structure(content, config)
    check_may_run(own_task_model_code(structure.task_model), str(config), own_module=own_module)
    try:
        codec = _build(str(content.get("family")), structure, receiver_only, len(weight_bytes))
        _load_weights(codec, tensors, config)
    except InputError:
        raise
    except Exception as error:  # the file may hold anything, and each network fails in its own way
        raise InputError(f"{config} describes no codec: {type(error).__name__}: {error}") from error
    return codec.eval().requires_grad_(False), _identity(config_bytes, weight_bytes)


def _build(family: str, structure: CodecStructure, receiver_only: bool, stored_bytes: int) -> Codec:
    """Build the codec; a network that is much larger than the stored weights is refused before its memory is used."""
    parameters = CATALOGUE.families[family].parameters.model_validate(dict(structure.parameters))
    facts = {"classes": structure.classes, "shape": structure.shape}
    if problem := parameters.unfit(facts):
        raise ValueError(problem)
    with _BoundedTensors(_FACTOR * stored_bytes + _SPARE_BYTES):
        return load_family(family).build(structure, receiver_only=receiver_only)


class _BoundedTensors(TorchFunctionMode):
    """Refuses a tensor of more than so many bytes as soon as it is made: its memory is used only when it is filled."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the operation and look at what it returns."""
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor) and tensor.numel() * tensor.element_size() > self._most_bytes:
                raise ValueError(
                    f"a tensor of shape {tuple(tensor.shape)} is larger than the stored weights allow"
                )
        return made


def _structure(content: Mapping[str, Any], config: Path) -> CodecStructure:
    """The structure in a file that a stranger may have written: every size of a network must be a whole number."""
    try:
        record_check(CodecStructure, is_partial=True)(dict(content))
        parameters, task_model = dict(content["parameters"]), dict(content["task_model"])
        sizes = [content["classes"], *content["shape"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{config}: it lacks what a codec is built from: {error}") from error
    if not (len(sizes) in (3, 4) and all(type(size) is int and 0 < size < _LARGEST_SIZE for size in sizes)):
        raise InputError(
            f"{config}: classes and shape must be whole numbers from 1 to {_LARGEST_SIZE}, got {sizes}"
        )
    return CodecStructure(parameters, task_model, sizes[0], tuple(sizes[1:]))


def _load_weights(codec: Codec, tensors: Mapping[str, Tensor], config: Path) -> None:
    wanted, tensors = codec.state_dict(), with_zeros(tensors, codec)
    missing = wanted.keys() - tensors.keys()
    if missing:
        raise InputError(f"{config}: the weights lack {', '.join(sorted(missing))}")
    mismatched = [name for name, tensor in wanted.items() if tensors[name].shape != tensor.shape]
    if mismatched:
        raise InputError(f"{config}: weights of another shape: {', '.join(mismatched)}")
    for name, tensor in wanted.items():
        stored = tensors[name]
        if stored.is_floating_point() != tensor.is_floating_point() or stored.is_complex():
            raise InputError(
                f"{config}: the weights {name} are stored as {stored.dtype}, not as {tensor.dtype}"
            )
        if not stored.isfinite().all():
            raise InputError(f"{config}: the weights {name} are not all finite")
    codec.load_state_dict({name: tensors[name].to(tensor.dtype) for name, tensor in wanted.items()})
    for part in codec.modules():
        if isinstance(part, QuantizedTables | Int8Layer):
            part.check()


def codec_structure(values: Mapping[str, Scalar], task_model: Named, data: Dataset) -> CodecStructure:
    """The structure of a codec with a family's own parameters, for samples of this data set."""
    content = task_model.model_dump()
    if content.get("weights") is not None:
        content["weights"] = (
            "given"  # the codec stores the weights: its identity must not depend on their path
        )
    return CodecStructure(dict(values), content, data.classes, data.shape)
