"""A long ledger, from the file to an engine that goes on."""

from __future__ import annotations

import tempfile
from pathlib import Path

from timing import Figures, VoidBenchmarkError, seconds_of

ROOT = Path(__file__).parents[2]


def measure() -> Figures:
    """A ledger of 10 000 finished trials with 20 reports each, from the file to the engine's next suggestion."""
    from ratefront.engine.engine import Engine
    from ratefront.engine.messages import Record
    from ratefront.spec.load_spec import load_spec
    from ratefront.store.ledger.ledger_file import read_entries

    loaded = load_spec(ROOT / "sweeps" / "digits.yaml", {"trials": 10_001})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        _write_long_ledger(path, 10_000, 20)

        def replay() -> None:
            command = Engine(loaded.spec, loaded.space, read_entries(path)).next_command()
            if not isinstance(command, Record):
                raise VoidBenchmarkError(f"the engine does not go on: {command}")

        yield "ledger_replay_10000_trials", seconds_of(replay)


def _write_long_ledger(path: Path, trials: int, reports: int) -> None:
    from ratefront.history import events
    from ratefront.history.events import Entry
    from ratefront.store.ledger.ledger_format import format_line
    from ratefront.trial_records import Measurement, TrialResult

    measured = Measurement(360, 3.3, 3.2, 8.0, 1.0, 4.3, 0.9)
    happened: list[events.Event] = [events.Created("long", {}, "0")]
    for number in range(trials):
        name = f"t{number:04d}"
        values = {"family": "label", "method": "time_shared", "share": 0.1 + 0.8 * number / trials}
        result = TrialResult(name, "finished", "", measured, measured, 1000 + number, 1, 0.1, 1.0)
        happened += [events.Planned(name, number, number, values), events.Started(name, 1, "worker")]
        happened += [
            events.Reported(name, 1, step + 1, {"loss": 1.0, "accuracy": 0.9}) for step in range(reports)
        ]
        happened.append(events.Finished(name, 1, result.to_json()))
    path.write_bytes(
        b"".join(format_line(Entry(seq, float(seq), event)) for seq, event in enumerate(happened))
    )
