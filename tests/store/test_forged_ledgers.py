"""A ledger whose checksums are right may hold anything: readers show it, or say in a sentence what is wrong."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.builders import FakeSweep
from tests.stored_mutants import altered, entries_in, every_event, forged, known_trial, line_of

import ratefront as rf
from ratefront.api.sweeps import Sweep
from ratefront.errors import InputError, LedgerDamagedError, RatefrontError
from ratefront.store.files.checksummed_folder import FACTS_FILE
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.terminal.console import SafeConsole
from ratefront.terminal.status_text import print_status
from ratefront.tracking.delivery.folder_content import front_codecs

pytestmark = pytest.mark.medium


KNOWN = known_trial().to_json()


def _look_at_everything(sweep: Sweep) -> None:
    assert sweep.name is not None
    sweep.trials.to_dataframe()
    sweep.front.to_dataframe()
    json.dumps(sweep.summary.to_json())


USES: dict[str, tuple[int, Callable[[Sweep], object]]] = {
    "status": (500, lambda sweep: json.dumps(sweep.status().to_json())),
    "library": (40, _look_at_everything),
    "clean": (60, lambda sweep: sweep.clean("front", dry_run=True)),
    "stop": (40, lambda sweep: sweep.stop("t0006")),
    "report": (8, lambda sweep: sweep.report()),
}


@pytest.mark.parametrize("use", USES)
def test_a_forged_ledger_is_shown_or_refused(tmp_path: Path, use: str) -> None:
    mutants, call = USES[use]
    folder = every_event(tmp_path / "sweep")
    entries, ends = entries_in(folder), Counter[int]()
    for seed in range(mutants):
        folder.ledger.write_bytes(forged(entries, Random(f"{use} {seed}")))
        try:
            call(rf.open(folder.path))
            ends[0] += 1
        except RatefrontError as error:
            ends[error.exit_code] += 1
    assert ends.keys() <= {0, 2}
    assert ends[2] > mutants / 2, "most mutants are wrong"


FACTS = {"raw_bits": 512, "task_model_bytes": 900, "dataset_digest": "a", "shape": [1, 8, 8], "classes": 10}
PROGRESS = {"epochs": 9, "epochs_done": 2, "share": 0.5, "seconds": 3.0, "loss": 1.0, "accuracy": 0.5}


def test_forged_files_beside_the_ledger_are_shown_or_refused(tmp_path: Path) -> None:
    """Before the task model is ready, so that the ledger does not say what the files say."""
    folder, ends = FakeSweep(tmp_path, task_model=False).folder, Counter[int]()
    folder.task_model.mkdir()
    for seed in range(60):
        (folder.task_model / FACTS_FILE).write_text(json.dumps(altered(FACTS, Random(seed))))
        try:
            json.dumps(rf.open(tmp_path).summary.to_json(), allow_nan=False)
            ends[0] += 1
        except InputError:
            ends[2] += 1
    with Ledger(folder.ledger):  # a driver runs
        for seed in range(200):
            folder.task_model_progress.write_text(json.dumps(altered(PROGRESS, Random(seed))))
            status = rf.open(tmp_path).status()
            json.dumps(status.to_json(), allow_nan=False)
            print_status(status, SafeConsole(file=io.StringIO()))
            ends[0 if status.task_model_progress is None else 1] += 1
    assert ends[0] > 100
    assert min(ends[1], ends[2]) > 20


@pytest.mark.parametrize(
    ("place", "changes", "problem"),
    [
        (2, {"trials": [{}]}, "entry 2 of the ledger, known: source: Field required"),
        (
            2,
            {"trials": [{**KNOWN, "rate_bits": -1.0}]},
            "entry 2 of the ledger, known: rate_bits is finite and ≥ 0",
        ),
        (2, {"trials": [KNOWN] * 1001}, "entry 2 .* known: trials has at most 1000 items, got 1001"),
        (2, {"start_with": [{}]}, "entry 2 of the ledger, known: start_with: the family is missing"),
        (2, {"start_with": [{"family": []}]}, "entry 2 .* known: start_with.0.family"),
        (2, {"start_with": "label"}, "entry 2 .* known: start_with: 'str' instances are not allowed"),
        (4, {"attempt": "1"}, "entry 4 .* started: attempt: Input should be a valid integer, got '1'"),
        (4, {"attempt": 2}, "entry 4 of the ledger, started: attempt 2 of trial t0000 begins"),
        (4, {"trial_id": "t0099"}, "entry 4 of the ledger, started: trial t0099 was never planned"),
        (4, {"more": 1}, "entry 4 .* started: more: Extra inputs are not permitted"),
        (3, {"number": 5}, "entry 3 of the ledger, planned: trial t0000 is number 5 instead of 0"),
        (3, {"starts_from": "t0000"}, "entry 3 of the ledger, planned: trial t0000 was never planned"),
        (3, {"starts_from": "../x"}, r"entry 3 .*a trial is named as t0000 is, got '\.\./x'"),
        (3, {"repeat_of": "../x"}, r"entry 3 .*a trial is named as t0000 is, got '\.\./x'"),
        (5, {"metrics": {"loss": float("nan")}}, "entry 5 .* metrics.loss: Input should be a finite number"),
        (5, {"step": 0}, "entry 5 of the ledger, reported: trial t0000 reports step 0 after step 0"),
        (5, {"attempt": 7}, "entry 5 of the ledger, reported: attempt 7 of trial t0000 does not run"),
        (6, {"result": {}}, "entry 6 of the ledger, finished: trial_id: Field required"),
        (0, {"spec": {"trials": "8"}}, "entry 0 of the ledger, created: trials: Input should be a valid int"),
        (0, {"spec": {"dataset": {}}}, "entry 0 of the ledger, created: dataset: name is missing"),
    ],
)
def test_the_message_names_entry_event_and_value(
    tmp_path: Path, place: int, changes: dict[str, object], problem: str
) -> None:
    folder = every_event(tmp_path)
    entries = entries_in(folder)
    entries[place]["data"] |= changes
    folder.ledger.write_bytes(b"".join(map(line_of, entries)))
    with pytest.raises(LedgerDamagedError, match=problem):
        read_history(folder)


def test_a_spec_may_lack_every_key(tmp_path: Path) -> None:
    folder = every_event(tmp_path)
    entries = entries_in(folder)
    entries[0]["data"]["spec"] = {"trials": 8}
    folder.ledger.write_bytes(b"".join(map(line_of, entries)))
    _look_at_everything(rf.open(tmp_path))
    trial = folder.trial("t0000")
    trial.path.mkdir(parents=True)
    trial.codec_config.write_text("{}")
    trial.codec_weights.write_bytes(b"")
    assert front_codecs(folder, read_history(folder))[0].block_size == 1000
    with pytest.raises(InputError, match="no codec at"):
        rf.load_codec(tmp_path, "t0000")


@pytest.mark.parametrize("time", [-1.0, 1e300, float("nan"), "now", None])
def test_a_time_that_is_no_date_is_refused(tmp_path: Path, time: object) -> None:
    folder = every_event(tmp_path)
    entries = entries_in(folder)
    entries[1]["time"] = time
    folder.ledger.write_bytes(b"".join(map(line_of, entries)))
    with pytest.raises(LedgerDamagedError, match=r"entry 1 .* time is seconds since 1970"):
        read_history(folder)


def test_after_a_clock_was_put_back_no_trial_has_a_negative_length(tmp_path: Path) -> None:
    folder = every_event(tmp_path)
    entries = entries_in(folder)
    for entry in entries[5:]:
        entry["time"] -= 3600.0
    folder.ledger.write_bytes(b"".join(map(line_of, entries)))
    trial = read_history(folder).trials["t0000"]
    assert trial.ended_time == trial.started_time
    assert rf.open(tmp_path).status().elapsed_s >= 0


def test_a_trial_outside_the_space_is_an_input_error(tmp_path: Path) -> None:
    folder = every_event(tmp_path)
    entries = entries_in(folder)
    entries[0]["data"]["spec"]["space"] = {"family": {"label": {"method": {"merged": {"merged_classes": 3}}}}}
    folder.ledger.write_bytes(b"".join(map(line_of, entries)))
    with pytest.raises(InputError, match="a trial does not fit the search space of its sweep: method is"):
        rf.open(SweepFolder(tmp_path).path).study()
