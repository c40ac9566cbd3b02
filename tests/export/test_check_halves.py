"""What the check of an export notices: weights and quantization that are not the codec's, and values at an edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from tests.export.conftest import ExportedSweep

from ratefront.data.dataset import Split
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DisagreementError
from ratefront.export.check_halves import RECEIVER, TRANSMITTER, ExportCheck, check_halves
from ratefront.export.coder_tables import coder_description
from ratefront.export.export_trial import Export
from ratefront.export.halves import halves_of
from ratefront.trial.stored_codec import StoredCodec, load_stored_codec

pytestmark = pytest.mark.medium

#: Adds to a weight: its first element, where no other is chosen.
Change = Callable[[np.ndarray], np.ndarray]


@dataclass
class Exported:
    files: dict[str, bytes]
    stored: StoredCodec
    test: Split

    def check(self) -> ExportCheck:
        codec = self.stored.module
        schedule = coder_description(codec)["schedule"]
        halves = halves_of(codec, self.stored.family)
        return check_halves(self.files, codec, self.stored.identity, halves, schedule, self.test, 150)

    def change(self, file: str, is_meant: Callable[[Any], bool], change: Change) -> None:
        """Change the first tensor of a file that is meant; fp16 weights become float32, so that they change as told."""
        model = onnx.load_from_string(self.files[file])
        tensor = next(tensor for tensor in model.graph.initializer if is_meant(tensor))
        changed = change(numpy_helper.to_array(tensor))
        name = tensor.name
        if name.endswith(".fp16"):
            (cast,) = [node for node in model.graph.node if list(node.input) == [name]]
            name = cast.output[0]
            model.graph.node.remove(cast)
            changed = changed.astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(changed, name))
        self.files[file] = model.SerializeToString()


@pytest.fixture
def load(exported: Callable[[str], Export], exported_sweep: ExportedSweep) -> Callable[[str], Exported]:
    def load(name: str) -> Exported:
        folder = exported(name).folder
        files = {file: (folder / file).read_bytes() for file in (TRANSMITTER, RECEIVER)}
        test = load_dataset(exported_sweep.context.spec.dataset).test
        return Exported(files, load_stored_codec(exported_sweep.files(name)), test)

    return load


def _is_weight(tensor: Any) -> bool:
    return tensor.name.endswith("weight.fp16")


def _first_plus(step: float) -> Change:
    def change(weights: np.ndarray) -> np.ndarray:
        changed = weights.astype(np.float32)
        changed.flat[0] += step
        return changed

    return change


@pytest.mark.parametrize("name", ["label-merged", "split-factorized", "split-categorical"])
def test_a_changed_weight_of_the_transmitter_is_noticed(load: Callable[[str], Exported], name: str) -> None:
    altered = load(name)
    altered.change(TRANSMITTER, _is_weight, _first_plus(0.25))
    with pytest.raises(DisagreementError, match=r"transmitter.onnx: the values of sample \d+ differ"):
        altered.check()


@pytest.mark.parametrize("name", ["split-factorized", "split-categorical"])
def test_a_changed_weight_of_the_receiver_is_noticed(load: Callable[[str], Exported], name: str) -> None:
    altered = load(name)
    altered.change(RECEIVER, _is_weight, _first_plus(0.25))
    with pytest.raises(DisagreementError, match=r"receiver.onnx: the scores of sample \d+ differ"):
        altered.check()


@pytest.mark.parametrize(
    ("what", "said"), [("kernel", "values of sample"), ("input_scale", "goes into an int8")]
)
def test_a_changed_number_of_an_int8_layer_is_noticed(
    load: Callable[[str], Exported], what: str, said: str
) -> None:
    altered = load("label-small-int8")

    def change(numbers: np.ndarray) -> np.ndarray:
        changed = numbers.copy()
        changed.flat[0] = -numbers.flat[0] if what == "kernel" else 1.05 * numbers.flat[0]
        return changed

    altered.change(TRANSMITTER, lambda tensor: tensor.name.endswith(what), change)
    with pytest.raises(DisagreementError, match=f"transmitter.onnx: .*{said}"):
        altered.check()


def test_an_int8_input_at_the_edge_of_a_cell_is_counted(load: Callable[[str], Exported]) -> None:
    """A scale that differs in its last bits moves values across edges: they are counted, and explain what follows."""
    altered = load("label-small-int8")
    altered.change(
        TRANSMITTER,
        lambda tensor: tensor.name.endswith("input_scale"),
        lambda scale: (scale * np.float32(1 + 2e-5)).astype(np.float32),
    )
    check = altered.check()
    assert check.int8_inputs_apart > 0
    assert 0 < check.int8_input_distance < 0.003


def test_other_quantization_is_noticed(load: Callable[[str], Exported]) -> None:
    """A saturation that the codec has not: the values are the codec's, the latents are not."""
    altered = load("split-factorized")
    altered.change(TRANSMITTER, lambda t: t.data_type == onnx.TensorProto.INT32, lambda ends: ends * 0)
    with pytest.raises(DisagreementError, match=r"transmitter.onnx: \d+ latents are not the codec's"):
        altered.check()


def test_another_merging_of_classes_is_noticed(load: Callable[[str], Exported]) -> None:
    altered = load("label-merged")
    altered.change(TRANSMITTER, lambda t: t.name.endswith("sent_as"), lambda sent: np.roll(sent, 1))
    with pytest.raises(DisagreementError, match=r"transmitter.onnx: \d+ latents are not the codec's"):
        altered.check()


def test_a_value_at_the_edge_of_a_cell_is_counted(load: Callable[[str], Exported]) -> None:
    """A bias is moved by so little that one value crosses the edge of its cell: counted, and no error."""
    altered = load("split-factorized")
    codec = altered.stored.module
    with torch.no_grad():
        halves = halves_of(codec, "split")
        values = halves.transmitter.values(torch.from_numpy(altered.test.images[:])).double().numpy()
    past_edge = np.floor(values - 0.5) + 0.5 - values  # ≤ 0: down to the next edge
    lowest, highest = (end.numpy() for end in codec.bottleneck.model.tables.ranges)
    inside = (values > lowest + 0.6) & (values < highest - 0.6)
    past_edge = np.where(inside, past_edge, -np.inf)
    sample, element = np.unravel_index(past_edge.argmax(), past_edge.shape)
    second = np.sort(past_edge[:, element])[-2]
    step = (past_edge[sample, element] + max(second, 2 * past_edge[sample, element])) / 2
    assert -0.002 < step < 0
    biases = _biases_of_last_layer(altered.files[TRANSMITTER], values.shape[1])

    def move(bias: np.ndarray) -> np.ndarray:
        moved = bias.astype(np.float32)
        moved[element] += np.float32(step)
        return moved

    altered.change(TRANSMITTER, lambda t: t.name in biases, move)
    check = altered.check()
    assert (check.samples_apart, check.latents_apart) == (1, 1)
    assert 0 < check.edge_distance <= -step
    assert check.edge_distance == pytest.approx(-past_edge[sample, element], abs=1e-6)


def _biases_of_last_layer(content: bytes, outputs: int) -> set[str]:
    graph = onnx.load_from_string(content).graph
    return {t.name for t in graph.initializer if "g_a" in t.name and list(t.dims) == [outputs]}
