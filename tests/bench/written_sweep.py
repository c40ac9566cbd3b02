"""The folder of a sweep that was written and not run: a ledger of any length, and the files that a tracker reads."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from drawn_classifier import drawn_logits

from ratefront.history import events
from ratefront.history.events import Entry, Event
from ratefront.store.files.checksummed_folder import FACTS_FILE
from ratefront.store.ledger.ledger_format import format_line
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import Measurement, TrialResult

CLASSES, TEST_SAMPLES = 10, 360
SPEC = {
    "dataset": {"name": "digits"},
    "task_model": {"name": "small_cnn"},
    "objectives": ["rate_bits", "accuracy"],
    "block_size": 360,
}


class LedgerFile:
    """Appends events as a driver does, without the fsync; one event for each second."""

    def __init__(self, folder: SweepFolder) -> None:
        self._path, self.entries = folder.ledger, 0

    def append(self, happened: Sequence[Event]) -> None:
        first, self.entries = self.entries, self.entries + len(happened)
        lines = [format_line(Entry(seq, 1e9 + seq, event)) for seq, event in enumerate(happened, first)]
        with self._path.open("ab") as ledger:
            ledger.write(b"".join(lines))


def new_folder(path: Path) -> SweepFolder:
    """Make the folder, with a task model's predictions and what it was trained on."""
    folder = SweepFolder(path)
    folder.task_model.mkdir(parents=True)
    labels, logits = drawn_logits(TEST_SAMPLES, CLASSES)
    np.savez(folder.predictions, labels_test=labels, logits_test=logits)
    facts = {
        "dataset_digest": "0f" * 32,
        "samples": {"train": 1078, "validation": 359, "test": TEST_SAMPLES},
        "shape": [1, 8, 8],
        "classes": CLASSES,
    }
    (folder.task_model / FACTS_FILE).write_text(json.dumps(facts))
    folder.environment.write_text(json.dumps({"git_commit": "c" * 40}))
    folder.spec.write_text(json.dumps({**SPEC, "name": path.name}))
    return folder


def beginning(name: str, trials: int) -> list[Event]:
    spec = {**SPEC, "name": name, "trials": trials}
    return [events.Created(name, spec, "0"), events.TaskModelReady("none", 0.75, 0.74, 1000)]


def trial_id(number: int) -> str:
    return f"t{number:04d}"


def start(number: int) -> list[Event]:
    chosen = {
        "family": "split",
        "split": "conv2",
        "entropy_model": "factorized",
        "beta": 1.0 + number,
        "width": 8,
    }
    name = trial_id(number)
    return [events.Planned(name, number, number, chosen), events.Started(name, 1, "worker")]


def report(number: int, step: int, metrics: Sequence[str]) -> Event:
    values = {name: (1.0 + at) / (step + number % 7) for at, name in enumerate(metrics)}
    return events.Reported(trial_id(number), 1, step, values)


def finish(number: int) -> Event:
    drawn = random.Random(number)
    measured = [_measurement(drawn.uniform(0.5, 3.3), drawn.uniform(0.2, 0.74)) for _ in range(2)]
    return events.Finished(
        trial_id(number),
        1,
        TrialResult(trial_id(number), "finished", "", *measured, 1000 + number, 10, 0.1, 1.0).to_json(),
    )


def _measurement(rate_bits: float, accuracy: float) -> Measurement:
    return Measurement(
        TEST_SAMPLES, rate_bits, rate_bits - 0.1, rate_bits + 4, 0.5, rate_bits + 0.5, accuracy
    )


def finished_trials(trials: int, steps: int, metrics: Sequence[str]) -> Iterator[Event]:
    """One after the other."""
    for number in range(trials):
        yield from start(number)
        yield from (report(number, step, metrics) for step in range(1, steps + 1))
        yield finish(number)
