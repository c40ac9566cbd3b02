"""What ``check`` says of a transmitter's bytes, against networks built and counted one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import ratefront as rf
from ratefront.api.sweep_files import transmitter_table
from ratefront.catalogue.families import StudentParameters
from ratefront.codecs.bottleneck.student_family import StudentFamily
from ratefront.codecs.codec_interface import CodecStructure
from ratefront.complexity import transmitter_sizes
from ratefront.complexity.macs import multiply_accumulates
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path))


@pytest.fixture
def digits() -> transmitter_sizes.TransmitterTable:
    table = transmitter_table(rf.plan(DIGITS))
    assert table is not None
    return table


def test_rows_are_the_front_ends_as_they_are_counted(digits) -> None:
    model = build_task_model(Named(name="small_cnn"), 10, (1, 8, 8)).eval()
    sample = torch.zeros(1, 1, 8, 8)
    assert [row.split for row in digits.rows] == ["conv1", "conv2", "conv3", ""]
    for row in digits.rows:
        network = model.front_end(row.split) if row.split else model
        assert row.fp16 == module_bytes(network)
        assert row.fp32 == sum(
            tensor.numel() * tensor.element_size() for tensor in network.state_dict().values()
        )
        assert row.macs == multiply_accumulates(network, sample).value
        assert row.share == row.fp16 / module_bytes(model)
    assert digits.whole == ("label",)


def test_int8_counts_weights_scales_and_biases(digits) -> None:
    model = build_task_model(Named(name="small_cnn"), 10, (1, 8, 8))
    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert digits.rows[-1].int8 == sum(x.weight.numel() + 6 * len(x.weight) + 5 for x in layers)


def test_the_ends_of_g_a_are_those_of_real_codecs() -> None:
    space = {
        "space.family": {
            "student": {
                "split": "conv2", "entropy_model": "factorized", "width": {"int": [2, 9]}, "beta": 10.0,
                "encoder_width": {"int": [4, 16]}, "encoder_depth": [1, 2],
            }
        }
    }  # fmt: skip
    table = transmitter_table(rf.plan(DIGITS, space))
    assert table is not None
    sizes = []
    for width in range(2, 10):
        for channels in (4, 7, 16):
            for depth in (1, 2):
                values = {
                    "split": "conv2", "entropy_model": "factorized", "width": width, "beta": 10.0,
                    "encoder_width": channels, "encoder_depth": depth,
                }  # fmt: skip
                StudentParameters.model_validate(values)
                structure = CodecStructure(values, {"name": "small_cnn"}, 10, (1, 8, 8))
                sizes.append(StudentFamily().build(structure).transmitter_parts()["bottleneck.g_a"])
    assert table.student == (min(sizes), max(sizes))
    assert [row.split for row in table.rows] == ["conv2", ""]


def test_a_large_network_is_counted_without_its_weights() -> None:
    """torchvision's ResNet-50: 25 557 032 parameters, 53 normalisations with 53 120 statistics and a count each."""
    from ratefront.codecs.transmitter_table import transmitter_table as table_of

    (whole,) = table_of(Named(name="resnet50"), {"label": {}}, 1000, (3, 224, 224)).rows
    assert whole.fp16 == 2 * 25_557_032 + 4 * 53_120 + 8 * 53
    assert whole.macs == 4_089_184_256


def test_a_table_is_remembered_and_computed_once(digits, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("ratefront.codecs.transmitter_table.transmitter_table", refuse)
    assert transmitter_table(rf.plan(DIGITS)) == digits
    with pytest.raises(AssertionError, match="computed again"):
        transmitter_table(rf.plan(DIGITS, {"task_model.seed": 5}))
    monkeypatch.setattr(transmitter_sizes, "_program_state", lambda: [["changed", 1, 2]])
    with pytest.raises(AssertionError, match="computed again"):
        transmitter_table(rf.plan(DIGITS))


def test_a_space_without_the_task_model_has_no_table() -> None:
    assert transmitter_table(rf.plan(DIGITS, {"space.family": {"image": {"codec": "png"}}})) is None
