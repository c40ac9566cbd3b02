"""Recorded trials answer as they did, and the nearest one answers for a trial that was not recorded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.simulate.example_values import OWN, split

from ratefront.errors import InputError
from ratefront.history.events import Planned
from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.outcome import outcome_of
from ratefront.simulate.problems.recorded_table import RecordedTable, RecordedTrial
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.problems.table_from_ledger import table_of
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.scenario import Scenario
from ratefront.simulate.simulation_input import make_scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import to_plain
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.trial_records import Scalar, TrialParams

SPEC = built_in_sweep().spec


def test_a_recorded_trial_answers_as_recorded(recorded: FinishedSimulation, table: RecordedTable) -> None:
    for trial in recorded.engine.history.trials.values():
        actual, expected = table.course(trial.params), recorded.scenario.problem.course(trial.params)
        assert actual.result == expected.result
        for step, expected_step in zip(actual.steps, expected.steps, strict=True):
            assert step.metrics == pytest.approx(expected_step.metrics, rel=1e-5)
            assert step.seconds == pytest.approx(expected_step.seconds, abs=0.02), (
                "the driver's latency is in it"
            )
        assert actual.closing_s == pytest.approx(expected.closing_s, abs=0.02)


def test_a_table_comes_back_from_its_file(table: RecordedTable, tmp_path: Path) -> None:
    table.save(tmp_path / "t.json.gz")
    back = RecordedTable.load(tmp_path / "t.json.gz")
    assert (back.rows, back.spec, back.sweep, back.reference) == (
        table.rows,
        table.spec,
        table.sweep,
        table.reference,
    )
    table.save(tmp_path / "again.json.gz")
    assert (tmp_path / "again.json.gz").read_bytes() == (tmp_path / "t.json.gz").read_bytes()


def table_of_values(*rows: dict[str, Scalar], **changes: Any) -> RecordedTable:
    """Recorded values; the result's size tells which row answered."""
    loaded = built_in_sweep()
    problem = SyntheticProblem(loaded.space)
    recorded_trials = []
    for number, values in enumerate(rows):
        course = problem.course(TrialParams("t0000", 0, values))
        recorded_trials.append(
            RecordedTrial(
                values, TrialCourse((), 1.0, {**(course.result or {}), "transmitter_bytes": number})
            )
        )
    return RecordedTable("small", to_plain(SPEC), recorded_trials, {})


@pytest.mark.parametrize(
    ("values", "row"),
    [
        (split(50.0), 0),
        (split(100.0), 1),  # nearer to 150 than to 50, in logarithms
        (split(80.0), 0),
        (split(50.0, "conv2"), 2),  # the choice goes before the distance
        (split(50.0, "conv3"), 0),  # one choice differs everywhere: the nearest
        (split(150.0, width=12), 1),
        ({**split(150.0), "entropy_model": "categorical", "width": 1, "alphabet": 4}, 3),
    ],
)
def test_the_nearest_trial_answers(values: dict[str, Scalar], row: int) -> None:
    categorical = {**split(8.0), "entropy_model": "categorical", "width": 3, "alphabet": 16}
    table = table_of_values(split(50.0), split(150.0), split(300.0, "conv2"), categorical)
    course = table.course(TrialParams("t0042", 7, values))
    assert course.result is not None
    assert (course.result["trial_id"], course.result["transmitter_bytes"]) == ("t0042", row)


def test_a_sweep_over_own_metrics_can_be_recorded(tmp_path: Path) -> None:
    loaded = built_in_sweep()
    spec = loaded.spec.model_copy(update={**OWN, "trials": 12})
    finished = run(make_scenario(LoadedSpec(spec, loaded.space), None, trial_s=60.0, latency_s=0.0))
    table = table_of(finished.entries)
    assert table.reference["own"] < table.reference["miss"] <= 1, "the worst that was measured of each"
    table.save(tmp_path / "own.json.gz")
    again = run(
        make_scenario(
            LoadedSpec(spec, loaded.space), RecordedTable.load(tmp_path / "own.json.gz"), latency_s=0.0
        )
    )
    assert again.engine.history.counts["finished"] == 12
    for trial in again.engine.history.trials.values():
        assert trial.result is not None
        assert trial.result.objective("own") == pytest.approx(trial.result.validation.accuracy)
        assert trial.result.objective("own") == pytest.approx(1 - trial.result.objective("miss"))
    assert outcome_of(again).hypervolume[100] > 0


def test_a_metric_without_values_has_no_reference() -> None:
    rows = table_of_values(split(50.0), split(150.0)).rows
    for row in rows:
        assert row.course.result is not None
        row.course.result["validation"]["metrics"] = {"own": None, "miss": 0.25}  # type: ignore[index]
    spec = to_plain(SPEC.model_copy(update=OWN))
    assert {"own", "miss"} & RecordedTable("own", spec, rows, {}).reference.keys() == {"miss"}


def test_an_unrecorded_family_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no trial of family 'label' was recorded; there are split"):
        table_of_values(split(50.0)).course(
            TrialParams("t0000", 0, {"family": "label", "method": "lossless"})
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda plain: plain.update(format=2), "format: Input should be 1, got 2"),
        (lambda plain: plain.pop("trials"), "trials"),
        (lambda plain: plain.update(reference=None), "reference: Input should be a valid dictionary"),
        (lambda plain: plain["trials"][0]["seconds"].pop(), "argument 2 is longer"),
        (lambda plain: plain["trials"][0]["result"].pop("test"), "incomplete or wrong"),
        (lambda plain: plain["trials"][0]["result"].update(encode_ms=1e999), "encode_ms is inf"),
    ],
)
def test_a_file_that_is_no_table_says_why(
    table: RecordedTable, tmp_path: Path, change: Any, reason: str
) -> None:
    path = tmp_path / "t.json.gz"
    table.save(path)
    plain = json.loads(gzip.decompress(path.read_bytes()))
    change(plain)
    path.write_bytes(gzip.compress(json.dumps(plain).encode()))
    with pytest.raises(InputError, match=f"(?s)t.json.gz is no table of a recorded sweep: .*{reason}"):
        RecordedTable.load(path)


def test_a_table_has_one_row_for_a_configuration_that_was_repeated() -> None:
    loaded = built_in_sweep()
    repeats = Repeats.model_validate({"front": 1, "most_trials": 2})
    spec = loaded.spec.model_copy(update={"trials": 8, "repeats": repeats})
    entries = run(Scenario(spec, loaded.space, SyntheticProblem(loaded.space), (2,), 0.0)).entries
    assert sum(isinstance(entry.event, Planned) for entry in entries) == 10
    assert len(table_of(entries).rows) == 8
