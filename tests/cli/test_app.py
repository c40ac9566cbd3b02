"""The command line as a new user meets it: what it prints and how it exits."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


def ratefront(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with warnings as errors."""
    command = [sys.executable, "-c", "from ratefront.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )


COMMANDS = [
    "check",
    "doctor",
    "sweep",
    "status",
    "stop",
    "report",
    "ui",
    "dashboard",
    "clean",
    "trial",
    "reproduce",
    "waterfall",
    "export",
    "simulate",
    "bounds",
    "schema",
]


def test_help_names_every_command() -> None:
    done = ratefront("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


HELP = """
import sys, time
begin = time.process_time()
from ratefront.cli import main
sys.argv = ["ratefront", *sys.argv[1:], "--help"]
try:
    main()
finally:
    took_s = time.process_time() - begin
    print("\\n" + repr((took_s, sorted({name.partition(".")[0] for name in sys.modules}))))
"""


@pytest.mark.parametrize(
    "command", [[], ["sweep"], ["doctor"], ["status"], ["dashboard"], ["reproduce"], ["export"]]
)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", HELP, *command], capture_output=True, text=True, check=True)
    took_s, modules = ast.literal_eval(done.stdout.splitlines()[-1])
    heavy = {"torch", "ray", "mlflow", "optuna", "compressai", "matplotlib", "numpy", "yaml", "rich"}
    assert heavy & set(modules) == set()
    assert took_s < 1.0, "about 0.1 s on a quiet machine"


def test_check_prints_the_plan() -> None:
    done = ratefront("check", DIGITS)
    assert done.returncode == 0, done.stderr
    for word in ("label", "split", "factorized", "categorical", "beta", "conv2", "refine_steps", "small_cnn"):
        assert word in done.stdout
    assert "in runs/digits-<time>/ or the folder given by --out:" in done.stdout


def test_check_survives_a_terminal_without_unicode() -> None:
    assert ratefront("check", DIGITS, PYTHONIOENCODING="ascii").returncode == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("--set", "trails=3"), "trails"),
        (("--set", "trials.x=3"), "trials.x: trials is"),
        (("--set", "trials=0"), "trials"),
        (("--set", "space.family.split.split=[conv2, conv9]"), "conv1, conv2, conv3, hidden"),
        (("--set", "space.family.split.beta={float: [5, 2]}"), "space.family.split.beta"),
        (("--set", "objectives=[rate_bits, beauty]"), "transmitter_bytes"),
        (("--set", "task_model.name=resnet"), "small_cnn"),
    ],
)
def test_a_bad_sweep_file_is_refused_with_its_path(change: tuple[str, ...], expected: str) -> None:
    done = ratefront("check", DIGITS, *change)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_sweep_refuses_before_anything_starts(tmp_path: Path) -> None:
    done = ratefront("sweep", DIGITS, "--set", "resources.gpus=64", "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert "resources.gpus" in done.stderr
    assert not (tmp_path / "run").exists()


def test_trial_prints_its_record_without_ray_mlflow_optuna() -> None:
    params = {
        "family": "split",
        "split": "conv3",
        "entropy_model": "categorical",
        "width": 2,
        "alphabet": 8,
        "beta": 40,
    }
    done = ratefront("trial", DIGITS, "--params", json.dumps(params), "--set", "training.epochs=4")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["status"] == "finished"
    assert params.items() <= record["params"].items()
    assert (
        record["test"]["rate_bits"]
        <= 1.02 * record["test"]["rate_bits_estimated"] + 64 / record["test"]["samples"]
    )


LOUD = """
from torch import nn

print("imported")

def network(classes, shape):
    print("made")
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 16), nn.ReLU(), nn.Linear(16, classes))

def right(labels, classes):
    print("measured")
    return (labels == classes).mean()
"""


def test_prints_of_user_code_are_not_in_the_output(tmp_path: Path) -> None:
    """Neither in the command's nor in those of the process that decodes."""
    (tmp_path / "loud_.py").write_text(LOUD)
    family = {"image": {"codec": "png"}}
    sweep = {
        "name": "loud",
        "dataset": "digits",
        "task_model": {"name": "module", "target": "loud_:network", "epochs": 1},
        "space": {"family": family},
        "metrics": ["loud_:right"],
        "trials": 1,
    }
    (tmp_path / "loud.yaml").write_text(json.dumps(sweep))
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    params = json.dumps({"family": "image", **family["image"]})
    done = ratefront("trial", tmp_path / "loud.yaml", "--params", params, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    test = json.loads(done.stdout)["test"]
    assert test["metrics"]["right"] == test["accuracy"]
    assert {"imported", "made", "measured"} <= set(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ('{"family": "labels"}', "image, label, sample, split, student"),
        ('{"method": "lossless"}', "family"),
        ('{"family": "label", "method": "merged"}', "merged_classes"),
        ('{"family": "label", "method": "lossless", "colour": 3}', "colour"),
        ('{"family": "label", "metod": "lossless"}', "method"),
        ('{"family": "label", "method": "merged", "merged_classes": 9999}', "9"),
        (
            '{"family": "split", "split": "conv9", "entropy_model": "factorized", "width": 2, "beta": 1}',
            "conv1",
        ),
        ("{not json", "JSON"),
    ],
)
def test_trial_refuses_bad_parameters(params: str, expected: str) -> None:
    done = ratefront("trial", DIGITS, "--params", params)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_gpu_is_named_in_the_error() -> None:
    params = '{"family": "label", "method": "lossless"}'
    done = ratefront("trial", DIGITS, "--params", params, "--device", "cuda", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert "no GPU" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_created_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ratefront("sweep", DIGITS, "--out", tmp_path / "file" / "run")
    assert done.returncode == 2
    assert "cannot be made" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_in_the_sweep_file_is_refused_without_showing_it() -> None:
    done = ratefront("check", DIGITS, "--set", "tracking.uri=http://bob:hunter2@localhost:5000")
    assert done.returncode == 2
    assert "tracking.uri: no user or password here; give it as --tracking-uri or" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_bounds_of_predictions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2000)
    np.savez(tmp_path / "p.npz", labels=labels, logits=rng.normal(size=(2000, 10)) + 4 * np.eye(10)[labels])
    done = ratefront("bounds", tmp_path / "p.npz", "--out", tmp_path / "bounds.json")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "bounds.json").read_text())
    assert set(document["curves"]) >= {
        "oracle",
        "estimate_and_compress",
        "indirect_estimate_and_compress",
        "sample_and_communicate",
        "time_sharing",
    }
    assert document["samples"] == 2000


def test_bounds_refuses_a_file_without_predictions(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", labels=np.array([0, 1]), probabilities=np.array([[0.5, 0.6], [0.5, 0.5]]))
    done = ratefront("bounds", tmp_path / "p.npz", "--out", tmp_path / "bounds.json")
    assert done.returncode == 2
    assert "probabilities" in done.stderr
    assert not (tmp_path / "bounds.json").exists()


def test_report_refuses_a_folder_without_a_sweep(tmp_path: Path) -> None:
    done = ratefront("report", tmp_path)
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr


def test_ui_refuses_a_folder_without_a_store(tmp_path: Path) -> None:
    done = ratefront("ui", tmp_path)
    assert done.returncode == 2
    assert "mlflow.db" in done.stderr


@pytest.mark.parametrize(
    ("ledger", "code", "complaint"),
    [
        (None, 2, "is not a sweep's folder"),
        ("", 2, "has not begun"),
        ("no entry\n", 2, "is damaged: entry 0"),
    ],
)
def test_dashboard_refuses_a_folder_without_a_sweep(
    tmp_path: Path, ledger: str | None, code: int, complaint: str
) -> None:
    if ledger is not None:
        (tmp_path / "ledger.jsonl").write_text(ledger)
    done = ratefront("dashboard", tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
