"""What torch says of GPUs to doctor, by a torch that the test makes; and how many GPUs Ray counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray._private.accelerators import NvidiaGPUAcceleratorManager

from ratefront.orchestrate.doctor import usable_gpus
from ratefront.orchestrate.doctor.this_machine import this_machine

pytestmark = pytest.mark.medium

TORCH = """
import os, sys, time, types, warnings
print("hello")
__version__ = "2.6.0+cu124"
version = types.SimpleNamespace(cuda="12.4", hip=None)
def init():
    {init}
cuda = types.SimpleNamespace(init=init, device_count=lambda: 2)
"""


@pytest.fixture
def torch_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a torch that Python finds before the installed one."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "torch.py"


def found_with(torch: Path, init: str) -> dict[str, object]:
    torch.write_text(TORCH.format(init=init))
    return usable_gpus.usable_gpus()


def test_a_torch_that_fits_says_how_many_it_can_use(torch_with: Path) -> None:
    assert found_with(torch_with, "warnings.warn('something else')") == {
        "torch": "2.6.0+cu124",
        "cuda": "12.4",
        "count": 2,
        "problem": "",
        "is_known": True,
    }


@pytest.mark.parametrize(
    ("init", "problem"),
    [
        (
            "raise RuntimeError('The NVIDIA driver\\n on your system is too old (found version 11040). Please update')",
            "The NVIDIA driver on your system is too old (found version 11040)",
        ),
        (
            "raise AssertionError('Torch not compiled with CUDA enabled')",
            "Torch not compiled with CUDA enabled",
        ),
        (
            "warnings.warn('Found GPU0 V100 which is of compute capability (CC) 7.0.\\nThe following')",
            "Found GPU0 V100 which is of compute capability (CC) 7.0",
        ),
        ("os._exit(3)", "Python ends with status 3"),
    ],
)
def test_a_torch_that_does_not_fit_says_why(torch_with: Path, init: str, problem: str) -> None:
    found = found_with(torch_with, init)
    assert (found["count"], found["problem"], found["is_known"]) == (0, problem, True)


def test_a_missing_torch_is_named(torch_with: Path) -> None:
    torch_with.write_text("raise ModuleNotFoundError(\"No module named 'torch'\")")
    assert usable_gpus.usable_gpus()["problem"] == "ModuleNotFoundError: No module named 'torch'"


def test_a_torch_that_hangs_is_not_known(torch_with: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usable_gpus, "TORCH_WITHIN_S", 0.5)
    found = found_with(torch_with, "time.sleep(1000)")
    assert (found["problem"], found["is_known"]) == ("no answer within 0.5 s", False)


@pytest.mark.parametrize(("visible", "seen"), [("", None), ("0,2", "0,2"), (None, None)])
def test_gpus_that_ray_hides_from_the_question_count(
    torch_with: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, seen: str | None
) -> None:
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = found_with(torch_with, "raise RuntimeError(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))")
    assert found["problem"] == repr(seen)


@pytest.mark.parametrize(("visible", "counted"), [(None, 4.0), ("0,2", 2.0), ("", 0.0), ("0,1,2,3,4,5", 4.0)])
def test_gpus_of_this_machine_are_those_that_ray_counts(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, counted: float
) -> None:
    """Ray asks the driver: in a container, /dev may show others."""
    four = staticmethod(lambda: 4)
    monkeypatch.setattr(NvidiaGPUAcceleratorManager, "get_current_node_num_accelerators", four)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert this_machine()["Resources"].get("GPU", 0.0) == counted
