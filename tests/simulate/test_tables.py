"""Recorded sweeps answer as they did, and the nearest trial answers for one that was not recorded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ratefront.errors import InputError
from ratefront.history.events import Entry, Failed, Finished, Planned, Reported, Resumed, Started, Stopped
from ratefront.records import Scalar, TrialParams
from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.outcome import outcome_of
from ratefront.simulate.problems.recorded_table import SHIPPED, RecordedTable, RecordedTrial
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.problems.table_from_ledger import table_of
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.scenario import Scenario
from ratefront.simulate.simulation_input import find_table, make_scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import to_plain
from ratefront.spec.schema import Metric
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.testing.faults.faulty_sweep import run_with_faults
from ratefront.testing.faults.seeded_sweeps import draw_sweep

SPEC = built_in_sweep().spec


@pytest.fixture(scope="module")
def recorded() -> FinishedSimulation:
    """A simulated sweep stands for a real one: its ledger is one."""
    loaded = built_in_sweep()
    spec = loaded.spec.model_copy(update={"trials": 30})
    return run(Scenario(spec, loaded.space, SyntheticProblem(loaded.space, 60.0, reports=4), (3,)))


@pytest.fixture(scope="module")
def table(recorded: FinishedSimulation) -> RecordedTable:
    return table_of(recorded.entries)


def test_a_recorded_trial_answers_as_it_did(recorded: FinishedSimulation, table: RecordedTable) -> None:
    for trial in recorded.engine.history.trials.values():
        mine, its = table.course(trial.params), recorded.scenario.problem.course(trial.params)
        assert mine.result == its.result
        for step, expected in zip(mine.steps, its.steps, strict=True):
            assert step.metrics == pytest.approx(expected.metrics, rel=1e-5)
            assert step.seconds == pytest.approx(expected.seconds, abs=0.02), "the driver's latency is in it"
        assert mine.closing_s == pytest.approx(its.closing_s, abs=0.02)


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


def split(beta: float, split: str = "conv1", width: int = 4, **values: Scalar) -> dict[str, Scalar]:
    return {
        "family": "split",
        "split": split,
        "entropy_model": "factorized",
        "width": width,
        "beta": beta,
    } | values


def small(*rows: dict[str, Scalar], **changes: Any) -> RecordedTable:
    """Recorded values; the result's size tells which row answered."""
    loaded = built_in_sweep()
    problem = SyntheticProblem(loaded.space)
    found = []
    for number, values in enumerate(rows):
        course = problem.course(TrialParams("t0000", 0, values))
        found.append(
            RecordedTrial(
                values, TrialCourse((), 1.0, {**(course.result or {}), "transmitter_bytes": number})
            )
        )
    return RecordedTable("small", to_plain(SPEC), found, {})


@pytest.mark.parametrize(
    ("asked", "row"),
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
def test_the_nearest_trial_answers(asked: dict[str, Scalar], row: int) -> None:
    categorical = {**split(8.0), "entropy_model": "categorical", "width": 3, "alphabet": 16}
    table = small(split(50.0), split(150.0), split(300.0, "conv2"), categorical)
    course = table.course(TrialParams("t0042", 7, asked))
    assert course.result is not None
    assert (course.result["trial_id"], course.result["transmitter_bytes"]) == ("t0042", row)


OWN: dict[str, Any] = {
    "metrics": (
        Metric(name="own", target="m:own"),
        Metric(name="miss", target="m:miss", direction="minimise"),
    ),
    "objectives": ("rate_bits", "own", "miss"),
    "reference": {"own": 0.0, "miss": 1.0},
}


def test_a_sweep_over_metrics_is_simulated_recorded_and_answers(tmp_path: Path) -> None:
    loaded = built_in_sweep()
    spec = loaded.spec.model_copy(update={**OWN, "trials": 12})
    done = run(make_scenario(LoadedSpec(spec, loaded.space), None, trial_s=60.0, latency_s=0.0))
    table = table_of(done.entries)
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


def test_a_metric_that_was_not_recorded_is_an_input_error(table: RecordedTable) -> None:
    loaded = built_in_sweep()
    asked = LoadedSpec(loaded.spec.model_copy(update=OWN), loaded.space)
    with pytest.raises(
        InputError, match="objectives: the recorded trials have no own, miss; they have rate_bits"
    ):
        make_scenario(asked, table)


def test_trials_that_could_not_tell_a_metric_have_no_reference_of_it() -> None:
    rows = small(split(50.0), split(150.0)).rows
    for row in rows:
        assert row.course.result is not None
        row.course.result["validation"]["metrics"] = {"own": None, "miss": 0.25}  # type: ignore[index]
    spec = to_plain(SPEC.model_copy(update=OWN))
    assert {"own", "miss"} & RecordedTable("own", spec, rows, {}).reference.keys() == {"miss"}


def test_a_family_that_was_not_recorded_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no trial of family 'label' was recorded; there are split"):
        small(split(50.0)).course(TrialParams("t0000", 0, {"family": "label", "method": "lossless"}))


def entries(*timed: tuple[float, Any], recorded: FinishedSimulation) -> list[Entry]:
    created = recorded.entries[0].event
    planned = Planned("t0000", 0, 1, split(50.0))
    story = [(0.0, created), (0.0, planned), *timed]
    return [Entry(seq, time, event) for seq, (time, event) in enumerate(story)]


def result_of(recorded: FinishedSimulation) -> dict[str, Any]:
    finished = next(entry.event for entry in recorded.entries if isinstance(entry.event, Finished))
    return {**finished.result, "trial_id": "t0000"}


def test_durations_are_those_of_the_attempt_that_went_on(recorded: FinishedSimulation) -> None:
    story = entries(
        (10.0, Started("t0000", 1, "w")),
        (13.0, Reported("t0000", 1, 1, {"loss": 3.0})),
        (17.0, Reported("t0000", 1, 2, {"loss": 2.0})),
        (30.0, Resumed("again")),
        (40.0, Started("t0000", 2, "w")),
        (45.0, Reported("t0000", 2, 2, {"loss": 2.5})),  # from a checkpoint behind step 1
        (52.0, Finished("t0000", 2, result_of(recorded))),
        recorded=recorded,
    )
    (row,) = table_of(story).rows
    assert [(step.seconds, step.metrics) for step in row.course.steps] == [
        (3.0, {"loss": 3.0}),
        (5.0, {"loss": 2.5}),
    ]
    assert row.course.closing_s == 7.0


def test_readings_of_a_trials_process_are_not_its_own(recorded: FinishedSimulation) -> None:
    reported = {"loss": 3.0, "system/process_memory_usage_megabytes": 412}
    story = entries(
        (10.0, Started("t0000", 1, "w")),
        (13.0, Reported("t0000", 1, 1, reported)),
        (52.0, Finished("t0000", 1, result_of(recorded))),
        recorded=recorded,
    )
    (row,) = table_of(story).rows
    assert [step.metrics for step in row.course.steps] == [{"loss": 3.0}]


def test_failed_trials_are_recorded_and_stopped_ones_are_not(recorded: FinishedSimulation) -> None:
    good = [(0.0, Started("t0000", 1, "w")), (1.0, Finished("t0000", 1, result_of(recorded)))]
    others = [
        (2.0, Planned("t0001", 1, 1, split(60.0))),
        (2.0, Started("t0001", 1, "w")),
        (5.0, Failed("t0001", 1, "ValueError", "no such alphabet", True)),
        (6.0, Planned("t0002", 2, 1, split(70.0))),
        (6.0, Stopped("t0002", 0, "by hand")),
        (7.0, Planned("t0003", 3, 1, split(70.0))),
    ]
    rows = table_of(entries(*good, *others, recorded=recorded)).rows
    assert [(row.course.error, row.course.closing_s) for row in rows] == [("", 1.0), ("ValueError", 3.0)]


def test_a_sweep_without_a_finished_trial_is_no_table(recorded: FinishedSimulation) -> None:
    with pytest.raises(InputError, match="no finished trial"):
        table_of(entries((1.0, Started("t0000", 1, "w")), recorded=recorded))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain.update(format=2), "format 2, expected 1"),
        (lambda plain: plain.pop("trials"), "trials"),
        (lambda plain: plain.update(reference=None), "AttributeError"),
        (lambda plain: plain["trials"][0]["seconds"].pop(), "argument 2 is longer"),
        (lambda plain: plain["trials"][0]["result"].pop("test"), "incomplete or wrong"),
        (lambda plain: plain["trials"][0]["result"].update(encode_ms=1e999), "encode_ms is inf"),
    ],
)
def test_a_file_that_is_no_table_says_why(
    table: RecordedTable, tmp_path: Path, change: Any, said: str
) -> None:
    path = tmp_path / "t.json.gz"
    table.save(path)
    plain = json.loads(gzip.decompress(path.read_bytes()))
    change(plain)
    path.write_bytes(gzip.compress(json.dumps(plain).encode()))
    with pytest.raises(InputError, match=f"(?s)t.json.gz is no table of a recorded sweep: .*{said}"):
        RecordedTable.load(path)


#: Damage that zlib finds before gzip's own checksum does.
FLIPPED = bytes(
    byte ^ (0xFF if place == 12 else 0) for place, byte in enumerate(gzip.compress(bytes(range(250))))
)


@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"[]", mtime=0), gzip.compress(b"{}", mtime=0)[:-3], FLIPPED]
)
def test_whatever_is_in_a_file_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.json.gz").write_bytes(content)
    with pytest.raises(InputError, match="is no table"):
        find_table(str(tmp_path / "t.json.gz"))


def test_a_sweeps_own_folder_is_a_table(
    recorded: FinishedSimulation, table: RecordedTable, tmp_path: Path
) -> None:
    times = iter(entry.time for entry in recorded.entries)
    with Ledger(SweepFolder(tmp_path).ledger, lambda: next(times)) as ledger:
        for entry in recorded.entries:
            ledger.append(entry.event)
    assert find_table(str(tmp_path)).rows == table.rows


def test_a_recorded_sweep_is_simulated_with_its_own_settings(
    recorded: FinishedSimulation, table: RecordedTable
) -> None:
    again = run(make_scenario(None, table, slots=3, latency_s=0.0))
    assert again.engine.history.trials.keys() == recorded.engine.history.trials.keys()
    assert again.virtual_s == pytest.approx(recorded.virtual_s, rel=0.01)


def test_a_drawn_sweep_can_be_recorded_whatever_went_wrong() -> None:
    done = run_with_faults(*draw_sweep(4))
    finished = [trial for trial in done.engine.history.trials.values() if trial.result is not None]
    rows = [row for row in table_of(done.entries).rows if row.course.result is not None]
    assert len(rows) == len(finished) > 0


@pytest.mark.parametrize("name", [*SHIPPED])
def test_tables_of_the_package_can_be_simulated(name: str) -> None:
    table = find_table(name)
    done = run(make_scenario(None, table, slots=8, sampler="random", latency_s=0.0))
    assert done.engine.history.ended
    assert done.engine.history.counts["finished"] > 0
