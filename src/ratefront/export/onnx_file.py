"""Networks as ONNX files, by torch's exporter: weights in their stored precision, no traces of this machine."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ratefront.errors import InputError

if TYPE_CHECKING:
    import onnx

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_OPSET = 20
_FEWEST_AS_FP16 = 32  # for fewer weights, the conversion takes more bytes than it saves


def check_packages() -> None:
    """Check that the packages are here that an export needs besides torch.

    Raises:
        InputError: One is missing; the message says what to install.
    """
    missing = []
    for name in PACKAGES:
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise InputError(
            f"an export to ONNX needs {', '.join(missing)}, which this environment lacks: pip install 'ratefront[onnx]'"
        )


def package_versions() -> dict[str, str]:
    """Return the versions of torch and of these packages, by name."""
    return {name: version(name) for name in ("torch", *PACKAGES)}


def onnx_bytes(network: nn.Module, example: Tensor, input_name: str, output_names: Sequence[str]) -> bytes:
    """Export a network whose input and outputs have samples as their first axis, of any number.

    Args:
        network: In evaluation mode, on the CPU.
        example: An input of two samples or more.
        input_name: The input's name in the file.
        output_names: The outputs' names. Of several, only the first is an output of the file; the others are values
            inside the network that keep their names.

    Returns:
        The file.

    Raises:
        InputError: A layer of the network has no ONNX form; the message names it.
    """
    program = _exported(network, example, input_name, output_names)
    model = program.model_proto
    _remove_traces(model)
    del model.graph.output[1:]
    _shorten_names(model, output_names)
    _store_as_fp16(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _exported(network: nn.Module, example: Tensor, input_name: str, output_names: Sequence[str]) -> Any:
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    try:
        with _silent():
            program = _program(network, example, input_name, output_names)
    except Exception as error:  # each layer fails in its own way
        with _silent():
            layer = _failing_layer(network, example)
        raise InputError(f"{layer} cannot be exported to ONNX: {_reason(error)}") from error
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    return program


@contextmanager
def _silent() -> Iterator[None]:
    """Keep torch's account of a failed export off the terminal, and make a warning an error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="error"), redirect_stdout(None), redirect_stderr(None):
            yield
    finally:
        logging.disable(before)


@torch.no_grad()
def _program(network: nn.Module, example: Tensor, input_name: str, output_names: Sequence[str]) -> Any:
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        optimize=False,  # it would merge normalisations into weights, which are no longer fp16 then
        opset_version=_OPSET,
        dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
        input_names=[input_name],
        output_names=list(output_names),
        verbose=False,
    )
    assert program is not None, "dynamo gives a program"
    graph = program.model.graph
    shapes = graph.inputs[0].shape, graph.outputs[0].shape
    if any(shape is None or isinstance(shape[0], int) for shape in shapes):
        raise ValueError("it fixes the number of samples (len(x) does; x.flatten(1) and x.shape[0] do not)")
    return program


def _failing_layer(network: nn.Module, example: Tensor) -> str:
    """Name the innermost layer that cannot be exported alone, by its path in the network."""
    inputs = _inputs_of_layers(network, example)
    path, part = "", network
    while True:
        children = ((f"{path}.{name}".lstrip("."), module) for name, module in part.named_modules() if name)
        failing = next(
            (
                (name, module)
                for name, module in children
                if name in inputs and not _is_exported(module, inputs[name])
            ),
            None,
        )
        if failing is None:
            return f"layer {path} ({type(part).__name__})" if path else "the network"
        path, part = failing


def _inputs_of_layers(network: nn.Module, example: Tensor) -> dict[str, Tensor]:
    """The input of each layer that takes one tensor, by its path."""
    inputs: dict[str, Tensor] = {}

    def note(path: str, given: tuple[Any, ...]) -> None:
        if len(given) == 1 and isinstance(given[0], Tensor):
            inputs[path] = given[0]

    hooks = [
        module.register_forward_pre_hook(lambda module, given, path=path: note(path, given))
        for path, module in network.named_modules()
    ]
    with torch.no_grad():
        network(example)
    for hook in hooks:
        hook.remove()
    return inputs


def _is_exported(layer: nn.Module, example: Tensor) -> bool:
    try:
        _program(layer, example, "samples", ["output"])
    except Exception:  # each layer fails in its own way
        return False
    return True


def _reason(error: BaseException) -> str:
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return str(causes[-1]).strip().partition("\n")[0] or type(causes[-1]).__name__


def _remove_traces(model: onnx.ModelProto) -> None:
    """Remove what names files and code of this machine, and what a reader infers; only what is computed is left."""
    graph = model.graph
    del graph.value_info[:]
    for node in graph.node:
        node.ClearField("name")
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.ClearField("doc_string")


def _shorten_names(model: onnx.ModelProto, kept: Sequence[str]) -> None:
    """Give the values between nodes short names: in a small file, names take a share that counts."""
    names = {output: output for output in kept}
    for node in model.graph.node:
        if any(attribute.HasField("g") for attribute in node.attribute):
            return  # what is inside uses these names as well
        for output in filter(None, node.output):
            names.setdefault(output, f"v{len(names)}")
    for node in model.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]


def _store_as_fp16(model: onnx.ModelProto) -> None:
    """Store weights that fp16 holds exactly as fp16, and convert them when the file is loaded: half the bytes."""
    from onnx import TensorProto, helper, numpy_helper

    converted = []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or weights.size < _FEWEST_AS_FP16:
            continue
        with np.errstate(over="ignore"):
            half = weights.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), weights):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.fp16"))
        converted.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*converted, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
