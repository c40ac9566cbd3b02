"""Sweep files and tables are found, checked and simulated."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.simulate.example_values import OWN

from ratefront.errors import InputError
from ratefront.history.events import Known
from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.problems.recorded_table import SHIPPED, RecordedTable
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.simulation_input import find_table, make_scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder


def test_an_unrecorded_metric_is_an_input_error(table: RecordedTable) -> None:
    loaded = built_in_sweep()
    sweep_file = LoadedSpec(loaded.spec.model_copy(update=OWN), loaded.space)
    with pytest.raises(
        InputError, match="objectives: the recorded trials have no own, miss; they have rate_bits"
    ):
        make_scenario(sweep_file, table)


#: Damage that zlib finds before gzip's own checksum does.
FLIPPED_BYTE = bytes(
    byte ^ (0xFF if place == 12 else 0)
    for place, byte in enumerate(gzip.compress(bytes(range(250)), mtime=0))
)


@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"[]", mtime=0), gzip.compress(b"{}", mtime=0)[:-3], FLIPPED_BYTE]
)
def test_a_damaged_table_file_is_an_input_error(tmp_path: Path, content: bytes) -> None:
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


def test_points_and_earlier_sweeps_are_honoured(recorded: FinishedSimulation, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(recorded.ledger)
    named = {"start_with": ({"family": "label", "method": "lossless"},), "learn_from": (str(tmp_path),)}
    loaded = built_in_sweep()
    sweep_file = LoadedSpec(loaded.spec.model_copy(update=named), loaded.space)
    scenario = make_scenario(sweep_file, None, trials=3, latency_s=0.0)
    assert scenario.known is not None
    assert len(scenario.known.trials) == 30
    history = run(scenario).engine.history
    assert history.trials["t0000"].params.values == {"family": "label", "method": "lossless"}
    assert len(history.trials) == 3


def test_folders_that_a_table_names_are_not_read(recorded: FinishedSimulation, table: RecordedTable) -> None:
    """They are those of the machine that recorded it; its points are tried."""
    point = {"family": "label", "method": "lossless"}
    named = {"start_with": ["/nowhere/a", point], "learn_from": ["/nowhere/b"]}
    elsewhere = RecordedTable(table.sweep, table.spec | named, table.rows, table.reference)
    scenario = make_scenario(None, elsewhere, trials=3, latency_s=0.0)
    assert scenario.known == Known([point])


def test_a_recorded_sweep_keeps_its_own_settings(recorded: FinishedSimulation, table: RecordedTable) -> None:
    again = run(make_scenario(None, table, slots=3, latency_s=0.0))
    assert again.engine.history.trials.keys() == recorded.engine.history.trials.keys()
    assert again.virtual_s == pytest.approx(recorded.virtual_s, rel=0.01)


@pytest.mark.parametrize("name", [*SHIPPED])
def test_the_packages_tables_can_be_simulated(name: str) -> None:
    table = find_table(name)
    finished = run(make_scenario(None, table, slots=8, sampler="random", latency_s=0.0))
    assert finished.engine.history.ended
    assert finished.engine.history.counts["finished"] > 0


def test_a_table_of_data_that_are_not_here_is_simulated(table: RecordedTable) -> None:
    elsewhere = {
        "dataset": {"name": "arrays", "path": "/nowhere/x.npz"},
        "task_model": {"name": "module", "target": "nowhere:net", "weights": "/nowhere/x.pt"},
    }
    moved = RecordedTable(table.sweep, {**table.spec, **elsewhere}, table.rows, table.reference)
    assert run(make_scenario(None, moved, trials=2, latency_s=0.0)).engine.history.trials_ended == 2
