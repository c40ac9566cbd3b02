"""``ratefront bounds``: what it writes, what it prints, and what it refuses before it computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ratefront.cli import app

pytestmark = pytest.mark.medium

DEFAULT = [
    "oracle",
    "task_model",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
]


def bounds(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bounds", *map(str, arguments)])


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    np.savez(tmp_path / "p.npz", labels=labels, logits=3 * np.eye(3)[labels] + rng.normal(size=(600, 3)))
    return tmp_path / "p.npz"


def test_the_json_holds_all_curves_with_both_distortions(predictions: Path, tmp_path: Path) -> None:
    done = bounds(predictions, "--out", tmp_path / "b.json")
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "b.json").read_text())
    assert list(document["curves"]) == DEFAULT
    task_model = document["curves"]["task_model"]
    sizes = {len(task_model[key]) for key in ("rate_bits", "distortion", "gap_bits", "distortion_expected")}
    assert sizes == {len(task_model["rate_bits"])}
    assert max(task_model["gap_bits"]) <= 1e-4
    assert done.stdout.strip() == str(tmp_path / "b.json")
    assert "600 samples, 3 classes" in done.stderr
    assert all(name in done.stderr for name in DEFAULT)


def test_only_some_curves_with_fewer_points_and_a_figure(predictions: Path, tmp_path: Path) -> None:
    figure = tmp_path / "b.pdf"
    done = bounds(
        predictions, "--only", "oracle,task_model", "--only", "huffman", "--points", 7, "--out",
        tmp_path / "b.json", "--figure", figure,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    curves = json.loads((tmp_path / "b.json").read_text())["curves"]
    assert list(curves) == ["oracle", "task_model", "huffman"]
    assert len(curves["task_model"]["rate_bits"]) <= 8
    assert figure.read_bytes().startswith(b"%PDF")


def test_intervals_depend_on_the_seed_alone(predictions: Path, tmp_path: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        arguments = ["--only", "indirect_estimate_and_compress", "--points", 8, "--bootstrap", 50]
        done = bounds(predictions, *arguments, "--seed", seed, "--out", tmp_path / "b.json")
        assert done.exit_code == 0, done.output
        document = json.loads((tmp_path / "b.json").read_text())
        found.append(document["curves"]["indirect_estimate_and_compress"]["held_out"])
    assert found[0] == found[1] != found[2]
    assert found[0]["resamples"] == 50
    low, high = found[0]["rate_bits_low"], found[0]["rate_bits_high"]
    assert all(a is None or b is None or a <= b for a, b in zip(low, high, strict=True))


def test_calibration_is_reported(predictions: Path, tmp_path: Path) -> None:
    done = bounds(predictions, "--calibrate", "--only", "task_model", "--out", tmp_path / "b.json")
    document = json.loads((tmp_path / "b.json").read_text())
    calibration = document["calibration"]
    assert calibration["log_loss_bits_after"] < calibration["log_loss_bits_before"]
    assert calibration["expected_calibration_error_before"] == document["expected_calibration_error"]
    assert f"temperature {calibration['temperature']:.4g}" in done.stderr


def test_few_samples_give_a_warning_and_the_estimates_for_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 100)
    np.savez(tmp_path / "p.npz", labels=labels, logits=rng.normal(size=(100, 10)) + 2 * np.eye(10)[labels])
    process = bounds(tmp_path / "p.npz", "--points", 10, "--out", tmp_path / "b.json")
    assert process.exit_code == 0, process.output
    document = json.loads((tmp_path / "b.json").read_text())
    assert "optimistic" in document["warnings"][0]
    assert f"warning: {document['warnings'][0]}" in process.stderr
    added = {f"indirect_estimate_and_compress_{kind}" for kind in ("posterior", "cross_fitted")}
    assert set(document["curves"]) == {*DEFAULT, *added}


def test_probabilities_named_logits_are_refused_without_as(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    scores = 3 * rng.normal(size=(900, 5))
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.savez(tmp_path / "p.npz", labels=labels, logits=p)
    written = ["--only", "oracle,task_model", "--points", 8, "--out", tmp_path / "b.json"]
    refused = bounds(tmp_path / "p.npz", *written)
    assert refused.exit_code == 2
    assert "--as probabilities" in refused.output
    assert not (tmp_path / "b.json").exists()
    errors = {}
    for kind in ("probabilities", "logits"):
        done = bounds(tmp_path / "p.npz", *written, "--as", kind)
        assert done.exit_code == 0, done.output
        document = json.loads((tmp_path / "b.json").read_text())
        errors[kind] = document["expected_calibration_error"]
        assert ("warning: The posteriors are badly calibrated" in done.stderr) == (kind == "logits")
    assert errors["probabilities"] < 0.05 < 0.3 < errors["logits"]


def test_a_prior_alone_has_an_oracle(tmp_path: Path) -> None:
    (tmp_path / "counts.json").write_text(json.dumps({"cat": 30, "dog": 50, "eel": 20}))
    done = bounds(
        "--prior", tmp_path / "counts.json", "--out", tmp_path / "o.json", "--figure", tmp_path / "o.png"
    )
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "o.json").read_text())
    assert list(document["curves"]) == ["oracle"]
    assert len(document["curves"]["oracle"]["rate_bits"]) >= 200
    assert document["zero_rate_distortion"] == pytest.approx(0.5)
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["mixture", "detection", "modelnet40", "published"])
def test_the_examples_write_numbers_and_figures(name: str, tmp_path: Path) -> None:
    done = bounds("--example", name, "--out", tmp_path / "e.json", "--figure", tmp_path / "e.png")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "e.json").read_text())["example"] == name
    assert (tmp_path / "e.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "b.json"], "either PREDICTIONS.npz, or --prior"),
        (["{p}", "--example", "mixture", "--out", "b.json"], "either PREDICTIONS.npz, or --prior"),
        (["{p}"], "nothing to write"),
        (["--example", "mixture", "--bootstrap", "10", "--out", "b.json"], "are for PREDICTIONS.npz"),
        (["--example", "mixtures", "--out", "b.json"], "there are mixture, detection, modelnet40, published"),
        (["{p}", "--only", "orcale", "--out", "b.json"], "no such curve: 'orcale'; there are oracle"),
        (["{p}", "--figure", "b.svg"], "must end in .png or .pdf"),
        (["{p}", "--out", "nowhere/b.json"], "there is no folder nowhere"),
        (["nothing.npz", "--out", "b.json"], "nothing.npz"),
        (["--prior", "{p}", "--out", "b.json"], "p.npz"),
    ],
)
def test_bad_input_is_refused_and_writes_nothing(
    arguments: list[str], message: str, predictions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    done = bounds(*(argument.format(p=predictions) for argument in arguments))
    assert done.exit_code == 2
    assert message in done.stderr
    assert set(tmp_path.iterdir()) == before
