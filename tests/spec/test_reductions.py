"""Reductions that a task model does not allow are refused when the sweep file is checked, naming the layer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratefront.catalogue.families import SplitParameters
from ratefront.errors import SpecError
from ratefront.spec.load_spec import load_spec

OWN = """
from collections import OrderedDict
from torch import nn

def build(classes, shape):
    first = nn.Sequential(nn.Conv2d(shape[0], 8, 3, padding=1), nn.PReLU())
    second = nn.Sequential(nn.Conv2d(8, 1, 1), nn.ReLU(), nn.Flatten())
    return nn.Sequential(OrderedDict(first=first, second=second, last=nn.Linear(64, classes)))
"""
OWN_MODEL = {"name": "module", "target": "network_with_prelu:build"}


def sweep(split: str, task_model: Any = "small_cnn", **parameters: Any) -> dict[str, Any]:
    bottleneck = {"beta": 60.0, "entropy_model": "factorized", "width": 4, "split": split}
    return {
        "name": "reductions",
        "dataset": "digits",
        "task_model": task_model,
        "space": {"family": {"split": {**bottleneck, **parameters}}},
        "trials": 1,
        "training": {"epochs": 1},
    }


def structured(share: Any) -> dict[str, Any]:
    return {"pruning": {"none": {}, "structured": {"pruned_share": share}}}


def problems(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as refused:
        load_spec(raw)
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            sweep("conv2", **structured({"float": [0.1, 0.98]})),
            "pruned_share: 0.98 of layer conv1.0, which has 16 channels, leaves none; valid there: < 0.96875",
        ),
        (
            sweep("conv1", **structured(0.5), refine={"sga": {"refine_steps": 5}}),
            "pruning: structured: there is no layer that can lose channels, "
            "since all outputs of the last one are needed",
        ),
        (sweep("conv1", pruned_share=0.5), "pruned_share means nothing when pruning is none"),
        (sweep("conv1", pruning="structured"), "pruned_share is needed when pruning is structured"),
    ],
)
def test_problems_of_a_built_in_task_model(raw: dict[str, Any], problem: str) -> None:
    assert problems(raw) == [f"space.family.split: {problem}"]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_is_between_0_and_1(share: float) -> None:
    (problem,) = problems(sweep("conv1", pruning="structured", pruned_share=share))
    assert problem.startswith("space.family.split.pruned_share: must be ")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            sweep("second", OWN_MODEL, precision=["fp16", "int8"]),
            "precision: int8: layer first.1 (PReLU) has no int8 form, since it is no Conv1d, Conv2d or Linear; "
            "valid there: fp32, fp16",
        ),
        (
            sweep("second", OWN_MODEL, **structured(0.7)),
            "pruned_share: 0.7 of layer second.0, which has 1 channel, leaves none; valid there: < 0.5",
        ),
    ],
)
def test_problems_of_a_users_own_task_model(
    raw: dict[str, Any], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "network_with_prelu.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert problems(raw) == [f"space.family.split: {problem}"]


def test_valid_reductions_pass() -> None:
    space = {"precision": ["fp32", "fp16", "int8"], **structured({"float": [0.1, 0.9]})}
    load_spec(sweep("conv2", **space))
    load_spec(sweep("conv1", pruning="unstructured", pruned_share=0.99))


def test_torch_is_imported_only_where_a_reduction_needs_it() -> None:
    """fp16 and fp32 depend on no layer."""
    program = (
        "import sys; from ratefront.spec.load_spec import load_spec\n"
        f"load_spec({sweep('conv2', precision=['fp32', 'fp16'])!r}); assert 'torch' not in sys.modules\n"
        f"load_spec({sweep('conv2', precision='int8')!r}); assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_parameters_without_facts_need_no_task_model() -> None:
    """As a codec's file gives them: its layers are looked at when it is built."""
    parameters = SplitParameters(
        entropy_model="factorized", width=4, beta=1.0, split="conv1", precision="int8"
    )
    assert parameters.unfit({"classes": 10, "shape": (1, 8, 8)}) is None
