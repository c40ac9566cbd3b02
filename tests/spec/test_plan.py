"""The plan as a stranger reads it, on paper and in a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tests.data.data_files import describe, load, write_npz

from ratefront.catalogue import CATALOGUE
from ratefront.cli.shared_arguments import overrides_of
from ratefront.spec.load_spec import load_spec
from ratefront.spec.views.plan import Plan, plan_of, render_plan

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


def plan(*overrides: str) -> Plan:
    return plan_of(load_spec(DIGITS, overrides_of(overrides)), CATALOGUE)


def printed(what: Plan, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=140, force_terminal=terminal)
    console.print(render_plan(what))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "dataset          digits: scikit-learn's 1797 handwritten digits of 8×8 pixels (split_seed 0)",
        "                 samples of 1×8×8, 10 classes; 1 077 train, 360 validate, 360 test",
        "split points     conv1, conv2, conv3, hidden",
        "trials           56, 2 at a time",
        "one trial needs  1 CPU, no GPU",
        "objectives       minimise rate_bits, maximise accuracy, minimise transmitter_bytes",
        "├── label  (a class, entropy coded: the task model's, or that of a smaller classifier)",
        "│       ├── lossless",
        "    │   │   ├── width: 2 to 12, whole, logarithmic  (elements of a latent vector, channels of a latent map)",
        "    ├── split: conv1 | conv2 | conv3  (split point of the task model)",
        "A sweep writes, in its folder:",
        "and logs to MLflow: experiment ratefront in mlflow.db, beside the folder of the sweep",
    ],
)
def test_the_plan_of_the_demo_shows_every_setting(line: str) -> None:
    assert line in lines(printed(plan()))


def test_facts_of_a_data_set_are_those_of_the_loaded_data() -> None:
    data = load("digits")
    facts = describe("digits")
    assert facts["samples"] == {name: len(getattr(data, name)) for name in ("train", "validation", "test")}
    assert (facts["shape"], facts["classes"]) == (data.shape, data.classes)


def test_the_plan_shows_what_arrays_hold(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "own.npz", y_train=np.arange(40) % 10)
    text = printed(
        plan(
            f"dataset={{name: arrays, path: '{path}'}}",
            "task_model={name: residual_cnn}",
            "space.family.split.split=[pool]",
        )
    )
    assert "                 samples of 1×9×8, 10 classes" in text


def test_plain_text_has_no_control_codes() -> None:
    assert "\x1b" not in printed(plan())
    assert "\x1b" in printed(plan(), terminal=True)


def test_overrides_show_in_the_plan() -> None:
    text = printed(
        plan(
            "resources.cpus=2",
            "resources.gpus=0.25",
            "reference.rate_bits=64",
            "space.family.split.beta=3",
            "bounds=[]",
        )
    )
    for line in (
        "one trial needs  2 CPUs, 0.25 GPUs",
        "reference        rate_bits 64",
        "bounds drawn     none",
    ):
        assert line in lines(text)
    assert "beta: 3  (bits" in text


def test_brackets_of_a_setting_are_text() -> None:
    text = printed(plan("tracking.uri=postgresql://db/mlflow", "tracking.experiment='[red]x'"))
    assert "experiment [red]x in postgresql://db/mlflow" in text


def test_a_space_with_fewer_configurations_than_trials_is_reported() -> None:
    note = "the space holds 7 configurations, fewer than the 56 trials: the sweep ends after 7"
    label = "{label: {method: {lossless: {}, merged: {merged_classes: {int: [1, 6]}}}}}"
    assert f"                 {note}" in lines(printed(plan(f"space.family={label}")))
    assert "configurations" not in printed(plan())


def test_the_plan_warns_of_a_doubtful_accuracy(tmp_path: Path) -> None:
    """A network that was trained elsewhere has seen a validation split that is carved out; one of its own is none."""
    import torch

    from ratefront.task_models.architectures.small_cnn import SmallCNN

    weights = tmp_path / "mine.pt"
    torch.save(SmallCNN(10).state_dict(), weights)
    task_model = f"task_model={{name: small_cnn, weights: {weights}, epochs: 0}}"
    text = " ".join(printed(plan(task_model)).split())
    assert (
        "warning validation is held out of the training split, which a task model trained elsewhere" in text
    )
    assert "taken as it is: nothing is trained" in text
    images = np.zeros((6, 8, 8), dtype=np.uint8)
    images[:, 0, :6] = np.eye(6) * 255
    labels = np.array([0, 1, 2, 0, 1, 2])
    arrays = {f"x_{name}": images for name in ("train", "validation", "test")}
    arrays |= {f"y_{name}": labels for name in ("train", "validation")} | {"y_test": labels % 2}
    np.savez(tmp_path / "own.npz", **arrays)
    torch.save(SmallCNN(3).state_dict(), weights)
    dataset = f"dataset={{name: arrays, path: {tmp_path / 'own.npz'}}}"
    text = " ".join(
        printed(
            plan(task_model, dataset, "space.family.label.method.merged.merged_classes.int=[1, 2]")
        ).split()
    )
    assert "held out" not in text
    assert "warning the test split has no sample of 1 of the 3 classes: class 2" in text
