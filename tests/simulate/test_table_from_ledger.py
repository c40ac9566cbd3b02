"""A ledger becomes a table of its ended trials."""

from __future__ import annotations

from typing import Any

import pytest
from tests.simulate.example_values import split

from ratefront.errors import InputError
from ratefront.history.events import Entry, Failed, Finished, Planned, Reported, Resumed, Started, Stopped
from ratefront.simulate.problems.table_from_ledger import table_of
from ratefront.simulate.run_simulation import FinishedSimulation
from ratefront.testing.faults.faulty_sweep import run_with_faults
from ratefront.testing.faults.seeded_sweeps import draw_sweep


def entries(*timed: tuple[float, Any], recorded: FinishedSimulation) -> list[Entry]:
    created = recorded.entries[0].event
    planned = Planned("t0000", 0, 1, split(50.0))
    ledger = [(0.0, created), (0.0, planned), *timed]
    return [Entry(seq, time, event) for seq, (time, event) in enumerate(ledger)]


def result_of(recorded: FinishedSimulation) -> dict[str, Any]:
    finished = next(entry.event for entry in recorded.entries if isinstance(entry.event, Finished))
    return {**finished.result, "trial_id": "t0000"}


def test_durations_are_those_of_the_last_attempt(recorded: FinishedSimulation) -> None:
    ledger = entries(
        (10.0, Started("t0000", 1, "w")),
        (13.0, Reported("t0000", 1, 1, {"loss": 3.0})),
        (17.0, Reported("t0000", 1, 2, {"loss": 2.0})),
        (30.0, Resumed("again")),
        (40.0, Started("t0000", 2, "w")),
        (45.0, Reported("t0000", 2, 2, {"loss": 2.5})),  # from a checkpoint behind step 1
        (52.0, Finished("t0000", 2, result_of(recorded))),
        recorded=recorded,
    )
    (row,) = table_of(ledger).rows
    assert [(step.seconds, step.metrics) for step in row.course.steps] == [
        (3.0, {"loss": 3.0}),
        (5.0, {"loss": 2.5}),
    ]
    assert row.course.closing_s == 7.0


def test_process_metrics_are_not_recorded(recorded: FinishedSimulation) -> None:
    reported = {"loss": 3.0, "system/process_memory_usage_megabytes": 412}
    ledger = entries(
        (10.0, Started("t0000", 1, "w")),
        (13.0, Reported("t0000", 1, 1, reported)),
        (52.0, Finished("t0000", 1, result_of(recorded))),
        recorded=recorded,
    )
    (row,) = table_of(ledger).rows
    assert [step.metrics for step in row.course.steps] == [{"loss": 3.0}]


def test_failed_trials_are_recorded_but_not_stopped_ones(recorded: FinishedSimulation) -> None:
    good = [(0.0, Started("t0000", 1, "w")), (1.0, Finished("t0000", 1, result_of(recorded)))]
    others = [
        (2.0, Planned("t0001", 1, 1, split(60.0))),
        (2.0, Started("t0001", 1, "w")),
        (5.0, Failed("t0001", 1, "ValueError", "no such alphabet", final=True)),
        (6.0, Planned("t0002", 2, 1, split(70.0))),
        (6.0, Stopped("t0002", 0, "by hand")),
        (7.0, Planned("t0003", 3, 1, split(70.0))),
    ]
    rows = table_of(entries(*good, *others, recorded=recorded)).rows
    assert [(row.course.error, row.course.closing_s) for row in rows] == [("", 1.0), ("ValueError", 3.0)]


def test_a_sweep_without_a_finished_trial_is_no_table(recorded: FinishedSimulation) -> None:
    with pytest.raises(InputError, match="no finished trial"):
        table_of(entries((1.0, Started("t0000", 1, "w")), recorded=recorded))


def test_a_sweep_with_faults_can_be_recorded() -> None:
    done = run_with_faults(*draw_sweep(4))
    trials = done.engine.history.trials.values()
    finished = [trial for trial in trials if trial.result is not None and not trial.repeat_of]
    rows = [row for row in table_of(done.entries).rows if row.course.result is not None]
    assert len(rows) == len(finished) > 0
