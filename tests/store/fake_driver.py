"""A process that holds a sweep's ledger, as a driver does: ``fake_driver.py FOLDER obey|torn|deaf``.

``obey``  writes a report now and then, and does what requests ask for
``torn``  writes every line in two halves with a pause between them, until it is killed
``deaf``  holds the ledger and does nothing
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

from tests.builders import label, result

from ratefront.history.events import Entry, Event, Finished, Planned, Reported, Started, Stopped
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.ledger_format import format_line
from ratefront.store.ledger.stop_requests import take_requests
from ratefront.store.sweep_folder import SweepFolder


def planned_trials(ledger: Ledger) -> int:
    return sum(isinstance(entry.event, Planned) for entry in ledger.entries())


def obey(folder: SweepFolder, ledger: Ledger) -> None:
    ledger.append(Planned("t0900", planned_trials(ledger), 1, label()))
    ledger.append(Started("t0900", 1, "worker-0"))
    for step in itertools.count(1):
        for request in take_requests(folder):
            if request.trial_id is None:
                return
            ledger.append(Stopped(request.trial_id, 1, request.reason))
        if step < 4:
            reported = {"loss": 1 / step, "system/process_memory_usage_megabytes": 412}
            ledger.append(Reported("t0900", 1, step, reported))
        time.sleep(0.02)


def tear(ledger: Ledger) -> None:
    seq = itertools.count(len(list(ledger.entries())))
    with ledger.path.open("ab", buffering=0) as stream:
        for number in itertools.count(planned_trials(ledger)):
            trial_id = f"t{100 + number:04d}"
            plain = result(trial_id, 5.0, 0.5, 9000).to_json()
            events: list[Event] = [
                Planned(trial_id, number, 1, label()),
                Started(trial_id, 1, "worker-0"),
                Finished(trial_id, 1, plain),
            ]
            for event in events:
                line = format_line(Entry(next(seq), time.time(), event))
                stream.write(line[: len(line) // 2])
                time.sleep(0.002)
                stream.write(line[len(line) // 2 :])


def main() -> None:
    folder, how = SweepFolder(Path(sys.argv[1])), sys.argv[2]
    with Ledger(folder.ledger) as ledger:
        print("ready", flush=True)
        if how == "obey":
            obey(folder, ledger)
        elif how == "torn":
            tear(ledger)
        else:
            time.sleep(600)


if __name__ == "__main__":
    main()
