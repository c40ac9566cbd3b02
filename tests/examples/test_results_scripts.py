"""The scripts that make the files of a results page."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from tests.builders import FakeSweep, full_sweep, label, predictions, spec, split

import ratefront as rf
from ratefront.bounds import example, from_predictions
from ratefront.report.colours import series_styles

pytestmark = pytest.mark.medium

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, RESULTS / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    monkeypatch.syspath_prepend(RESULTS)  # scripts import each other
    monkeypatch.setitem(sys.modules, name, module)  # where its dataclasses look for their types
    found.loader.exec_module(module)
    return module


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_page_has_the_best_codec_at_each_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = script("draw_front", monkeypatch)
    full_sweep(tmp_path / "run")
    page = tmp_path / "page"
    budgets = "3000,5000,15000,1000000"
    drawing.main(
        [
            str(tmp_path / "run"),
            "--out",
            str(page),
            "--dataset",
            "mnist",
            "--budgets",
            budgets,
            "--min-accuracy",
            "0.9",
        ]
    )
    assert all((page / name).stat().st_size > 20_000 for name in ("front.png", "budget.png"))
    sweep = rf.open(tmp_path / "run")
    trials = [trial for trial in sweep.trials.values() if trial.status == "finished"]
    rows = json.loads((page / "summary.json").read_text())["budgets"]
    assert rows[0]["most_accurate"] is rows[0]["fewest_bits"] is None, "no transmitter is so small"
    for row in rows[1:]:
        fitting = [trial for trial in trials if trial.result.transmitter_bytes <= row["budget_bytes"]]
        best = max(fitting, key=lambda trial: trial.result.validation.accuracy)
        assert row["most_accurate"]["trial_id"] == best.trial_id
        assert row["most_accurate"]["accuracy"] == best.result.test.accuracy
        gap = sweep.bounds.gaps(best.result.test.rate_bits, best.result.test.accuracy)["oracle"].bits
        assert row["most_accurate"]["gap_oracle"] == gap
        enough = [trial for trial in fitting if trial.result.validation.accuracy >= 0.9]
        fewest = min(enough, key=lambda trial: trial.result.validation.rate_bits)
        assert row["fewest_bits"]["trial_id"] == fewest.trial_id
    assert {row["trial_id"] for row in read_csv(page / "front.csv")} == {
        trial.trial_id for trial in sweep.front
    }


def test_sweeps_behind_other_task_models_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = script("draw_front", monkeypatch)
    one, other = FakeSweep(tmp_path / "one"), FakeSweep(tmp_path / "other")
    for sweep in (one, other):
        sweep.finish(label(), 3.3, 0.95, 50_000)
    with np.load(other.folder.predictions) as stored:
        changed = dict(stored) | {"logits_test": stored["logits_test"][::-1]}
    np.savez(other.folder.predictions, **changed)
    with pytest.raises(rf.InputError, match="different task models"):
        drawing.main([str(tmp_path / "one"), str(tmp_path / "other"), "--out", str(tmp_path / "page")])


def test_the_files_of_a_bounds_page_repeat_its_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    bounds = from_predictions(labels, logits=3 * np.eye(4)[labels] + rng.normal(size=(300, 4)))
    (tmp_path / "b.json").write_text(json.dumps(bounds.to_json()))
    script("write_bounds", monkeypatch).main(
        [str(tmp_path / "b.json"), "--out", str(tmp_path), "--distortions", "0.3,0.5"]
    )
    rates = json.loads((tmp_path / "summary.json").read_text())["rate_bits_at_distortion"]
    for name, curve in bounds.items():
        assert rates[name]["0.3"] == pytest.approx(curve.rate_at(0.3))
    rows = read_csv(tmp_path / "curves.csv")
    assert len(rows) == sum(curve.rate_bits.size for curve in bounds.values())


def test_the_files_of_the_published_page_are_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.json").write_text(json.dumps(example("published").to_json()))
    script("write_bounds", monkeypatch).main([str(tmp_path / "p.json"), "--out", str(tmp_path)])
    for name in ("summary.json", "front.csv"):
        assert (tmp_path / name).read_text() == (RESULTS / "rate-accuracy-bounds" / name).read_text()


def test_bits_at_an_accuracy_are_interpolated_for_each_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = FakeSweep(tmp_path / "run")
    labels, logits = predictions(2)
    wanted = 0.9 * float(np.mean(logits.argmax(1) == labels))
    for beta, points in {1.0: ((4.0, -0.1), (8.0, -0.1)), 2.0: ((16.0, 0.1), (8.0, -0.05))}.items():
        for rate, above in points:  # the first seed crosses the accuracy halfway, the second never does
            sweep.finish(split("stem", beta), rate, wanted + above, 2_600)
        for rate in (2.0, 4.0):  # already the lowest rate is accurate enough; the second point is worse
            sweep.finish(split("block1", beta), rate, wanted + 0.05 - rate / 100, 9_800)
    page = tmp_path / "page"
    arguments = [str(tmp_path / "run"), "--out", str(page), "--share", "0.9", "--budgets", "3000,50000"]
    script("bits_at_accuracy", monkeypatch).main(arguments)
    found = {row["codec"]: row for row in read_csv(page / "front.csv")}
    assert json.loads(found["split: split stem"]["rate_bits_of_seeds"]) == [pytest.approx(8.0), None]
    assert found["split: split stem"]["mean_rate_bits"] == ""
    assert json.loads(found["split: split block1"]["rate_bits_of_seeds"]) == [2.0, 4.0]
    small, large = json.loads((page / "summary.json").read_text())["budgets"]
    assert small["fewest_bits"] is None, "one seed of the small codec does not reach the accuracy"
    assert large["fewest_bits"]["mean_rate_bits"] == 3.0
    assert (page / "front.png").stat().st_size > 20_000


def test_severities_have_a_panel_for_each_corruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = {"clean": {}, "noise 3": {"corruption": "noise", "severity": 3}}
    for name, corruption in conditions.items():
        sweep = FakeSweep(tmp_path / name, spec(dataset={"name": "digits", "split_seed": 0, **corruption}))
        sweep.finish(label(), 3.32, 0.95, 50_000)
        sweep.finish(split("stem", 1.0), 9.0, 0.9, 2_600)
    page = tmp_path / "page"
    drawing = script("draw_severity", monkeypatch)
    drawing.main([*(str(tmp_path / name) for name in conditions), "--out", str(page)])
    assert (page / "severity.png").stat().st_size > 20_000
    rows = read_csv(page / "front.csv")
    assert [row["condition"] for row in rows] == list(conditions), "only the task model's classes"
    gap = rf.open(tmp_path / "clean").bounds.gaps(3.32, 0.95)["oracle"].bits
    assert float(rows[0]["gap_oracle"]) == gap
    found = json.loads((page / "summary.json").read_text())["conditions"]
    assert [row["condition"] for row in found] == list(conditions)
    with pytest.raises(rf.InputError, match="none of these sweeps has corrupted samples"):
        drawing.main([str(tmp_path / "clean"), "--out", str(page)])


def test_no_two_kinds_of_codecs_look_the_same() -> None:
    styles = series_styles([str(number) for number in range(36)])
    assert len({(style.colour, style.marker) for style in styles.values()}) == 36
    assert len({(style.colour, style.symbol) for style in styles.values()}) == 36
