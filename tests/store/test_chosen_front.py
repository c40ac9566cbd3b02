"""Which codecs meet constraints, in every view of a sweep, and a target that no codec can reach."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import FakeSweep, full_sweep, label, spec, split
from tests.small_sweep import small_sweep_spec
from typer.testing import CliRunner

import ratefront as rf
from ratefront.cli.app import app
from ratefront.errors import InputError, SpecError
from ratefront.report.findings import findings
from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_figure import Level
from ratefront.report.page.page_tables import front_table
from ratefront.report.sweep_view import read_view
from ratefront.spec.goals.target import Target
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.reachable_target import check_reachable
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.chosen_front import FIRST_TRIALS, goal_sentences
from ratefront.store.views.front_trials import front_of
from ratefront.store.views.sweep_status import status_of
from ratefront.store.views.trials_csv import trial_columns, trials_csv

pytestmark = pytest.mark.medium


def asked(path: Path, **goals: Any) -> FakeSweep:
    """Four trials: cheap and poor, dear and good, and one that is good on validation alone."""
    sweep = FakeSweep(path, spec(**goals))
    sweep.finish(label(), 3.0, 0.97, 50_000)
    sweep.finish(split("stem", 1.0), 1.0, 0.6, 3_000)
    sweep.finish(split("stem", 9.0), 8.0, 0.95, 3_000)
    sweep.finish(split("block1", 9.0), 9.0, 0.8, 2_000, validation=(9.0, 0.96))
    return sweep


def test_the_front_of_those_that_meet_is_ranked_anew(tmp_path: Path) -> None:
    """A limit on what is no objective takes out a trial that dominated others."""
    sweep = FakeSweep(tmp_path, spec(objectives=["rate_bits", "accuracy"]))
    sweep.finish(label(), 3.0, 0.97, 50_000)
    sweep.finish(split("stem", 1.0), 4.0, 0.96, 3_000)
    sweep.finish(split("stem", 9.0), 5.0, 0.95, 3_000)
    opened = rf.open(tmp_path)
    assert [trial.params.trial_id for trial in opened.choose().trials] == ["t0000"]
    choice = opened.choose(max_transmitter="10 kB")
    assert [trial.params.trial_id for trial in choice.trials] == ["t0001"]
    assert (choice.finished, choice.meeting, dict(choice.excluded)) == (
        3,
        2,
        {"transmitter_bytes <= 10 kB": 1},
    )


def test_the_choice_is_made_on_validation(tmp_path: Path) -> None:
    asked(tmp_path)
    choice = rf.open(tmp_path).choose("transmitter_bytes <= 2500", min_accuracy=0.95)
    assert choice.best is not None
    assert choice.best.params.trial_id == "t0003", "0.8 is on test"
    assert choice.best_by == "rate_bits"
    assert rf.open(tmp_path).choose(max_rate=8.5).best_by == "accuracy"


def test_without_arguments_the_sweep_files_constraints_count(tmp_path: Path) -> None:
    asked(tmp_path, constraints=["accuracy >= 0.95", "transmitter_bytes <= 10 kB"])
    choice = rf.open(tmp_path).choose()
    assert [trial.params.trial_id for trial in choice.trials] == ["t0002", "t0003"]
    assert rf.open(tmp_path).choose(min_accuracy="97 %").meeting == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--min-accuracy", "2"], "an accuracy lies between 0 and 1"),
        (["--min-accuracy", "nan"], "a constraint is a name"),
        (["--max-transmitter", "3q"], 'unknown unit "q"; units of transmitter_bytes: B, kB'),
        (["--where", "speed >= 3"], 'unknown objective or metric "speed"; valid: rate_bits'),
        (["--max-rate", "3", "--where", "rate_bits >= 4"], "no trial can meet both"),
    ],
)
def test_a_limit_that_cannot_be_used_is_one_sentence(tmp_path: Path, words: list[str], message: str) -> None:
    asked(tmp_path)
    done = CliRunner().invoke(app, ["front", str(tmp_path), *words])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


@pytest.mark.parametrize("width", ["48", "60", "200"])
def test_the_answer_is_readable_at_any_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    full_sweep(tmp_path)
    done = CliRunner().invoke(app, ["front", str(tmp_path), "--min-accuracy", "0.93"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert all(len(line) <= int(width) for line in lines if not line.startswith("its codec"))
    rows = [line for line in lines if line.startswith("t0")]
    choice = rf.open(tmp_path).choose(min_accuracy=0.93)
    assert [row[:5] for row in rows] == [trial.params.trial_id for trial in choice.trials]
    assert all(
        f"{trial.result.test.rate_bits:.3f}" in row for trial, row in zip(choice.trials, rows, strict=True)
    )
    assert lines[-1].startswith("its codec was not kept; make it again with: ratefront reproduce ")


def test_a_kept_codec_is_named_with_its_command(tmp_path: Path) -> None:
    asked(tmp_path)
    config = SweepFolder(tmp_path).trial("t0000").codec_config
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    done = CliRunner().invoke(app, ["front", str(tmp_path), "--min-accuracy", "0.95"])
    assert done.stdout.splitlines()[-1].endswith(f"encode {tmp_path} t0000 IMAGES --out FILE")


def test_where_none_meets_it_says_what_leaves_out_how_many(tmp_path: Path) -> None:
    asked(tmp_path)
    words = ["front", str(tmp_path), "--min-accuracy", "0.99", "--max-rate", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert "accuracy >= 0.99: 4 of 4 finished trials do not meet it" in done.stdout
    assert "rate_bits <= 2: 3 of 4 finished trials do not meet it" in done.stdout
    plain = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (plain["best"], plain["front"], plain["meeting"]) == (None, [], 0)


def test_every_view_marks_who_meets_the_constraints(tmp_path: Path) -> None:
    folder = asked(tmp_path, constraints=["accuracy >= 0.95", "transmitter_bytes <= 10 kB"]).end()
    history = read_history(folder)
    rows = csv.DictReader(io.StringIO(trials_csv(history)))
    assert [row["meets_constraints"] for row in rows] == ["False", "False", "True", "True"]
    assert len(front_of(history)) == 4, "the front is that of all trials"
    view = read_view(folder)
    assert [row[1].text for row in front_table(view).rows] == ["", "", "✓", "✓"]
    assert any("2 of which meet accuracy >= 0.95 and transmitter_bytes <= 10 kB" in s for s in findings(view))
    figure = describe_front(view)
    assert "accuracy >= 0.95" in [level.label for level in figure.main.of_kind(Level)]
    assert "transmitter_bytes <= 10 kB" in [level.label for level in figure.size.of_kind(Level)]
    front = status_of(folder).to_json()["front"]
    assert (front["meeting"], [row["meets_constraints"] for row in front["rows"]]) == (
        2,
        [False, False, True, True],
    )
    assert "2 of them meet the constraints" in CliRunner().invoke(app, ["status", str(tmp_path)]).stdout


def test_a_sweep_without_constraints_has_no_such_column(tmp_path: Path) -> None:
    folder = asked(tmp_path).end()
    assert "meets_constraints" not in trial_columns(read_history(folder))
    assert front_table(read_view(folder)).columns[1].text == "series"


def test_unmet_constraints_are_told_after_the_first_trials(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, spec(constraints=["accuracy >= 0.999", "rate_bits <= 100"]))
    for number in range(FIRST_TRIALS - 1):
        sweep.finish(split("stem", 1.0 + number), 3.0, 0.9 + number / 1000, 3_000)
    assert goal_sentences(read_history(sweep.folder)) == []
    sweep.finish(split("stem", 99.0), 3.0, 0.97, 3_000)
    expected = "None of the 20 trials so far meets accuracy >= 0.999 (the nearest has 0.97)."
    assert goal_sentences(read_history(sweep.folder)) == [expected]
    assert status_of(sweep.folder).goals == (expected,)
    assert expected in findings(read_view(sweep.folder))
    sweep.finish(split("stem", 200.0), 9.0, 0.9995, 3_000)
    assert goal_sentences(read_history(sweep.folder)) == []


def test_constraints_that_are_met_only_apart_are_told(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, spec(constraints=["accuracy >= 0.9", "rate_bits <= 1"]))
    for number in range(FIRST_TRIALS):
        rate, accuracy = (0.5, 0.3) if number % 2 else (5.0, 0.95)
        sweep.finish(split("stem", 1.0 + number), rate, accuracy, 3_000)
    (sentence,) = goal_sentences(read_history(sweep.folder))
    assert "meets accuracy >= 0.9 and rate_bits <= 1 together; each alone is met by some" in sentence


def test_the_best_at_the_target_is_told(tmp_path: Path) -> None:
    asked(tmp_path / "a", target={"accuracy": 0.95})
    (sentence,) = goal_sentences(read_history(SweepFolder(tmp_path / "a")))
    assert sentence.startswith(
        "Target (the fewest bits at accuracy >= 0.95): t0000 (label) is the best, with 3 bit"
    )
    asked(tmp_path / "b", target={"rate_bits": 2.0})
    (sentence,) = goal_sentences(read_history(SweepFolder(tmp_path / "b")))
    assert "t0001 (split) is the best, with 1 bit/sample at 60.00 %" in sentence
    asked(tmp_path / "c", target={"accuracy": 0.99})
    (sentence,) = goal_sentences(read_history(SweepFolder(tmp_path / "c")))
    assert sentence.endswith("no trial has reached it yet.")


def goals(**changes: Any) -> Any:
    return small_sweep_spec().model_copy(update=changes)


def test_a_target_beyond_the_oracle_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Ten equally frequent classes: log2 10 bits without an error, by equation 4 of RA 2.536 bits at 90 %."""
    folder = FakeSweep(tmp_path).folder
    target = {"target": Target(accuracy=0.9)}
    check_reachable(folder, goals(**target))
    check_reachable(folder, goals(**target, constraints=("rate_bits <= 2.54",)))
    with pytest.raises(
        SpecError, match=r"accuracy of 0\.9 needs at least 2\.536 bit/sample .* no more than 2\.5$"
    ):
        check_reachable(folder, goals(**target, constraints=("rate_bits <= 2.5",)))
    with pytest.raises(
        SpecError, match=r"target: the highest accuracy at rate_bits <= 2 is beyond the oracle"
    ):
        check_reachable(folder, goals(target=Target(rate_bits=2), constraints=("accuracy >= 0.9",)))
    with caplog.at_level(logging.WARNING):
        check_reachable(folder, goals(constraints=("accuracy >= 0.9", "rate_bits <= 2")))
    assert "no trial can meet them" in caplog.text


def test_the_oracle_is_that_of_the_labels_own_counts(tmp_path: Path) -> None:
    """One class of nine tenths: 90 % cost nothing."""
    folder = FakeSweep(tmp_path).folder
    np.savez(folder.predictions, labels_validation=np.repeat([0, 1], [90, 10]))
    check_reachable(folder, goals(target=Target(accuracy=0.9), constraints=("rate_bits <= 0",)))
    with pytest.raises(SpecError, match=r"needs at least 0\.\d+ bit"):
        check_reachable(folder, goals(target=Target(accuracy=0.99), constraints=("rate_bits <= 0.01",)))
    folder.predictions.write_bytes(b"damaged")
    with pytest.raises(InputError, match="labels_validation cannot be read"):
        check_reachable(folder, goals(target=Target(accuracy=0.99), constraints=("rate_bits <= 0.01",)))
