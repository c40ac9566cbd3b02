"""A sweep as an object shows what its files hold, and refuses what is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from tests.api.conftest import DIGITS, SMALL
from tests.builders import FakeSweep, full_sweep, label

import ratefront as rf
from ratefront.bounds import RateDistortionCurve
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import UnknownTrialError

pytestmark = pytest.mark.medium


def test_the_tables_are_those_of_the_files(sweep: rf.Sweep) -> None:
    for shown, name in ((sweep.trials, "trials.csv"), (sweep.front, "front.csv")):
        written = pd.read_csv(sweep.folder / name, float_precision="round_trip")
        found = shown.to_dataframe().replace("", None)  # an empty text is an empty cell
        assert list(found) == list(written)
        assert len(found) == len(written) > 0
        for column in written:
            pd.testing.assert_series_equal(
                found[column], written[column], check_dtype=False, check_exact=True, obj=column
            )


def test_summary_and_status_agree_with_summary_json(sweep: rf.Sweep) -> None:
    written = json.loads((sweep.folder / "summary.json").read_text())
    assert sweep.summary.to_json() == written
    assert sweep.summary.trials_finished == written["trials_finished"]
    assert [trial.trial_id for trial in sweep.front] == [row["trial_id"] for row in written["front"]]
    assert sweep.status().state == "ended"
    assert sweep.name == "digits"


def test_a_loaded_codec_codes_as_the_trial_did(sweep: rf.Sweep) -> None:
    test = load_dataset(sweep.spec.spec.dataset).test
    for trial in sweep.front:
        codec, result = trial.load_codec(), trial.result
        assert result is not None
        coded = codec.compress(test.images[:], block_size=sweep.spec.spec.block_size)
        assert bytes(coded) == (trial.folder / "stream.bin").read_bytes()
        assert coded.rate_bits == result.test.rate_bits
        classes = codec.decompress(bytes(coded))
        assert (classes == test.labels).mean() == result.test.accuracy
        again = rf.load_codec(trial.folder).compress(test.images[:5])
        assert bytes(again) == bytes(rf.load_codec(sweep.folder, trial.trial_id).compress(test.images[:5]))


def test_the_bounds_are_those_of_the_task_models_predictions(sweep: rf.Sweep) -> None:
    with np.load(sweep.folder / "task_model" / "predictions.npz") as stored:
        curves = rf.bounds.from_predictions(stored["labels_test"], logits=stored["logits_test"])
    assert isinstance(sweep.bounds["oracle"], RateDistortionCurve)
    for errors in (0.05, 0.2, 0.5):
        assert sweep.bounds["oracle"].rate_at(errors) == curves["oracle"].rate_at(errors)


def test_the_front_is_drawn_into_given_axes(sweep: rf.Sweep) -> None:
    axes = Figure().add_subplot()
    assert sweep.plot_front(axes) is axes
    assert axes.get_xscale() == "log"
    assert axes.lines


def test_the_study_has_the_trials(sweep: rf.Sweep) -> None:
    study = sweep.study()
    assert len(study.trials) == len(sweep.trials)
    assert {trial.user_attrs["trial_id"] for trial in study.trials} == set(sweep.trials)


def test_a_sweep_is_resumed_and_its_trials_reproduce(tmp_path: Path) -> None:
    """Two trials, then one more, called as a script calls it; what came first stays."""
    folder = tmp_path / "b"
    first = rf.run(DIGITS, folder, overrides=SMALL | {"trials": 2}, progress=False)
    before = dict(first.trials)
    more = rf.run(folder=folder, extend=1, progress=False)
    assert len(more.trials) == 3
    assert all(more.trials[name].result == trial.result for name, trial in before.items())
    assert len(before) == 2, "what was asked for earlier is as it was"
    assert len(first.trials) == 3, "asked again, a sweep says what its ledger says now"
    again = more.trials["t0000"].reproduce(tmp_path / "again")
    assert again.differences == ()


def test_missing_things_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(rf.InputError, match="not a sweep's folder"):
        rf.open(tmp_path)
    done = full_sweep(tmp_path / "full")
    sweep = rf.open(done.path)
    with pytest.raises(UnknownTrialError, match=r"^the sweep has no trial 't9999'; .*valid: t0000 to t0029$"):
        sweep.trials["t9999"]
    with pytest.raises(KeyError):
        sweep.trials["x"]
    assert "x" not in sweep.trials
    assert sweep.trials.get("x") is None
    with pytest.raises(rf.InputError, match="t0026 is pruned: it has left no codec"):
        sweep.trials["t0026"].load_codec()
    with pytest.raises(rf.InputError, match="no codec at"):
        rf.load_codec(tmp_path)
    with pytest.raises(rf.InputError, match="no driver runs"):
        sweep.stop()
    unready = FakeSweep(tmp_path / "unready", task_model=False)
    with pytest.raises(rf.InputError, match="the task model is not ready yet"):
        rf.open(unready.folder.path).bounds  # noqa: B018
    with pytest.raises(rf.InputError, match="pass its folder"):
        rf.run(extend=3)
    with pytest.raises(rf.InputError, match="pass a spec"):
        rf.run(folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_sweep_shows_the_current_state_of_its_ledger(tmp_path: Path) -> None:
    growing = FakeSweep(tmp_path)
    growing.finish(label(), 3.3, 0.97, 52_000)
    sweep = rf.open(tmp_path)
    trials, front = sweep.trials, sweep.front
    growing.finish(label(), 3.1, 0.98, 51_000)
    assert (len(trials), len(front)) == (1, 1)
    assert (len(sweep.trials), [trial.trial_id for trial in sweep.front]) == (2, ["t0001"])


def test_one_trial_runs_without_a_sweep(tmp_path: Path) -> None:
    spec = rf.load_spec(DIGITS, SMALL)
    params = {"family": "label", "method": "lossless"}
    steps: list[int] = []
    result = rf.run_trial(
        spec, params, tmp_path / "kept", on_progress=lambda progress: steps.append(progress.step)
    )
    assert result == rf.run_trial(spec, params) or result.test == rf.run_trial(spec, params).test
    assert rf.load_codec(tmp_path / "kept" / "trials" / "trial").family == "label"
    with pytest.raises(rf.InputError, match="holds a trial already"):
        rf.run_trial(spec, params, tmp_path / "kept")


class TestNotebook:
    """What a cell shows whose last line it is."""

    def test_a_sweep_shows_its_state_its_figure_and_its_front(self, tmp_path: Path) -> None:
        html = rf.open(full_sweep(tmp_path).path)._repr_html_()
        assert "24 finished" in html
        assert html.count("<img ") == 1
        assert "data:image/png;base64," in html
        assert "<table" in html
        assert len(html) < 300_000

    def test_names_are_escaped(self, tmp_path: Path) -> None:
        place = tmp_path / "<script>alert(1)"
        assert "<script>" not in rf.open(full_sweep(place).path)._repr_html_()

    def test_a_sweep_that_has_just_begun_has_little_to_show(self, tmp_path: Path) -> None:
        html = rf.open(FakeSweep(tmp_path, task_model=False).folder.path)._repr_html_()
        assert "<img" not in html
        assert "0 of 30 trials ended" in html
        (tmp_path / "ledger.jsonl").write_text("")
        assert "sweep in" in rf.open(tmp_path)._repr_html_()

    def test_tables_show_themselves(self, sweep: rf.Sweep) -> None:
        assert "<table" in sweep.trials._repr_html_()
        html = sweep.front._repr_html_()
        assert sweep.front[0].trial_id in html
        assert html.count("<img ") == 1


def test_a_spec_is_a_file_a_mapping_or_a_spec() -> None:
    loaded = rf.load_spec(DIGITS, {"trials": 3, "dataset.split_seed": 4})
    plain = loaded.spec.model_dump(mode="json")
    assert rf.load_spec(plain) == loaded == rf.load_spec(loaded)
    assert rf.load_spec(plain, {"trials": 5}).spec.trials == 5
    assert plain["trials"] == 3, "what was passed is not changed"
    with pytest.raises(rf.InputError, match="trials: must be ≥ 1, got 0"):
        rf.load_spec(loaded, {"trials": 0})


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    """As somebody types it who has never heard of multiprocessing."""
    script = tmp_path / "script.py"
    script.write_text(
        f"import ratefront as rf\n"
        f"sweep = rf.run({str(DIGITS)!r}, {str(tmp_path / 'c')!r}, overrides={SMALL | {'trials': 1}!r})\n"
        f"print(sweep.summary.trials_finished)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "1\n"
    assert "[1/1] t0000" in done.stderr, "its progress goes to the terminal"
