"""A sweep's folder that is moved, deleted or replaced while a driver runs: the driver ends, and no trial fails for it.

Real processes.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tests.orchestrate.driver_processes import Driver

from ratefront.history.events import Failed, Finished, Reported
from ratefront.store.ledger.ledger_file import read_entries

pytestmark = pytest.mark.slow

TRIALS = 8

#: All trials write into the sweep's folder at each of their steps.
WRITING = "merged=7,10"


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    with ExitStack() as stack:
        yield lambda folder, *more, **settings: stack.enter_context(
            closing(Driver(tmp_path / folder, *more, trials=TRIALS, **settings))
        )


def events_of(folder: Path) -> list[Any]:
    ledger = folder / "ledger.jsonl"
    return [entry.event for entry in read_entries(ledger)] if ledger.exists() else []


def assert_ended_for_the_folder(driver: Driver) -> None:
    code, output = driver.outcome()
    assert code == 1, output
    assert f"{driver.folder}/ledger.jsonl was moved, deleted or replaced while the sweep ran" in output
    assert "Traceback" not in output
    driver.close()


def test_a_moved_sweep_ends_and_goes_on_where_it_is(driver: Callable[..., Driver], tmp_path: Path) -> None:
    first = driver("sweep", WRITING)
    first.wait_until(lambda: any(isinstance(event, Reported) for event in events_of(first.folder)))
    moved = first.folder.rename(tmp_path / "moved")
    assert_ended_for_the_folder(first)
    assert not first.folder.exists(), "it could not be moved back"
    code, output = driver("moved", WRITING, "resume", step_s=0.0).outcome()
    assert (code, output) == (0, "")
    events = events_of(moved)
    assert not [event for event in events if isinstance(event, Failed)]
    ended = Counter(event.trial_id for event in events if isinstance(event, Finished))
    assert ended == Counter({f"t{number:04d}": 1 for number in range(TRIALS)})


def test_a_folder_that_is_replaced_by_an_empty_one_ends_the_sweep(
    driver: Callable[..., Driver], tmp_path: Path
) -> None:
    first = driver("sweep", WRITING)
    first.wait_until(lambda: any(isinstance(event, Reported) for event in events_of(first.folder)))
    moved = first.folder.rename(tmp_path / "moved")
    first.folder.mkdir()
    assert_ended_for_the_folder(first)
    assert not [event for event in events_of(moved) if isinstance(event, Failed)]
    assert not (first.folder / "ledger.jsonl").exists()


def test_a_folder_deleted_during_task_model_training_stays_deleted(driver: Callable[..., Driver]) -> None:
    first = driver("sweep", "long")
    first.wait_until(lambda: first.runs("ray::_call"))
    shutil.rmtree(first.folder)
    assert_ended_for_the_folder(first)
    assert not first.folder.exists()
