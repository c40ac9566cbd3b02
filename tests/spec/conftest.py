"""Sweep files to break: the smallest one that passes, and a way to write a changed one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratefront.cli.shared_arguments import overrides_of
from ratefront.errors import SpecError
from ratefront.spec.load_spec import load_spec
from ratefront.spec.yaml_text import write_yaml

SMALLEST: dict[str, Any] = {
    "name": "small",
    "dataset": "digits",
    "task_model": "small_cnn",
    "space": {
        "family": {
            "label": {"method": {"lossless": {}, "merged": {"merged_classes": {"int": [2, 8]}}}},
            "split": {
                "split": ["conv1", "conv2"],
                "entropy_model": {
                    "factorized": {"width": {"int": [1, 16], "log": True}},
                    "categorical": {"width": {"int": [1, 4]}, "alphabet": [2, 4, 8]},
                },
                "beta": {"float": [0.5, 500], "log": True},
                "refine": {"none": {}, "sga": {"refine_steps": {"int": [20, 200]}}},
            },
        }
    },
    "trials": 4,
}


@pytest.fixture
def plain() -> dict[str, Any]:
    """The smallest sweep file as plain data, free to change."""
    return copy.deepcopy(SMALLEST)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write plain data, or text as it is, as a sweep file."""

    def write_file(content: Any) -> Path:
        path = tmp_path / "sweep.yaml"
        text = content if isinstance(content, str) else write_yaml(content)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def problems(plain: dict[str, Any], write: Callable[[Any], Path]) -> Callable[..., list[str]]:
    """The problems of the smallest sweep file after ``overrides``; the file itself has none."""

    def problems_of(*overrides: str) -> list[str]:
        with pytest.raises(SpecError) as caught:
            load_spec(write(plain), overrides_of(overrides))
        assert caught.value.exit_code == 2
        return list(caught.value.problems)

    return problems_of
