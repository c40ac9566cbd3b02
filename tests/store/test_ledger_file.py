"""The ledger keeps every entry, or says which one it has lost."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.errors import InputError, LedgerDamagedError, LedgerLockedError, LedgerMovedError
from ratefront.history.events import (
    Created,
    Entry,
    Event,
    Failed,
    Planned,
    Reported,
    Resumed,
    Started,
    Stopped,
    to_plain,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.ledger_file import Ledger, LedgerReader, read_entries
from ratefront.store.ledger.ledger_format import format_line, scan_lines
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.ledger.skim_ledger import SkimmedLedger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.sweep_status import status_of
from ratefront.store.views.trials_csv import trial_rows

EVENTS: list[Event] = [
    Created("digits", {"trials": 3, "space": {"β": [0.1, 1]}}, "0.1.0"),
    Planned("t0000", 0, 7, {"family": "label", "merged": 3}),
    Started("t0000", 1, "worker ü"),
    Reported("t0000", 1, 1, {"loss": 0.25}),
    Failed("t0000", 1, "ValueError", "a\nreason", final=True),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def written(path: Path) -> Path:
    with Ledger(path) as ledger:
        for event in EVENTS:
            ledger.append(event)
    return path


def events(path: Path) -> list[Event]:
    return [entry.event for entry in read_entries(path)]


def test_what_was_appended_is_read_in_order(written: Path) -> None:
    assert events(written) == EVENTS
    assert [entry.seq for entry in read_entries(written)] == [0, 1, 2, 3, 4]


def test_opening_again_goes_on_counting(written: Path) -> None:
    with Ledger(written) as ledger:
        assert [entry.event for entry in ledger.entries()] == EVENTS
        assert ledger.append(Resumed("again")).seq == 5
    assert events(written) == [*EVENTS, Resumed("again")]


@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False), seq=st.integers(0, 10**9))
def test_a_line_is_parsed_back_to_its_entry(text: str, number: float, seq: int) -> None:
    entry = Entry(seq, 1.5, Reported(text, 1, 1, {text: number}))
    if text.isprintable() or text.isascii():
        (line,) = scan_lines([format_line(entry)], Path("ledger"), seq)
        assert line.entry() == entry
        assert format_line(entry).count(b"\n") == 1


def test_nan_cannot_be_written_and_leaves_nothing(written: Path) -> None:
    with Ledger(written) as ledger:
        with pytest.raises(ValueError, match="JSON"):
            ledger.append(Reported("t0000", 1, 2, {"loss": float("nan")}))
        ledger.append(Resumed("after"))
    assert events(written) == [*EVENTS, Resumed("after")]


def test_a_line_torn_anywhere_is_cut_off_and_written_over(written: Path) -> None:
    whole = written.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(start, len(whole)):
        written.write_bytes(whole[:cut])
        assert events(written) == EVENTS[:-1]
        with Ledger(written) as ledger:
            ledger.append(Resumed("again"))
        assert events(written) == [*EVENTS[:-1], Resumed("again")]


def damage(path: Path) -> LedgerDamagedError | None:
    try:
        events(path)
    except LedgerDamagedError as error:
        return error
    return None


def test_a_flipped_bit_before_the_last_line_is_found_and_placed(written: Path) -> None:
    whole = written.read_bytes()
    intact = list(read_entries(written))
    offset, end = (len(b"".join(whole.splitlines(keepends=True)[:count])) for count in (1, 2))
    unnoticed = 0
    for place in range(offset, end - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0x01
        written.write_bytes(bytes(damaged))
        if damage(written) is None:
            assert list(read_entries(written)) == intact
            unnoticed += 1
            continue
        assert f"entry 1 at byte {offset}" in str(damage(written))
        with pytest.raises(LedgerDamagedError, match=str(written)):
            Ledger(written)
        assert written.read_bytes() == bytes(damaged), "a damaged ledger stays as it is"
    assert unnoticed <= 1, "only the digit of the time behind its precision"


def test_a_missing_line_is_damage(written: Path) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(LedgerDamagedError, match="expected entry 2, found 3"):
        events(written)


def line_of(seq: int, kind: str, **data: object) -> bytes:
    """A line of a ledger as some version of ratefront may have written it."""
    body = {"seq": seq, "time": float(seq), "kind": kind, "data": data}
    text = json.dumps(body, separators=(",", ":")).encode()
    return text[:-1] + b',"crc32":"%08x"}\n' % zlib.crc32(text)


def test_a_ledger_of_format_4_is_shown(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    lost = {"attempt": 1, "error": "WorkerLostError", "reason": "gone"}
    folder.ledger.write_bytes(
        line_of(0, "created", sweep="old", spec={"name": "old"}, ratefront_version="0.0.9", ledger_format=4)
        + line_of(1, "planned", trial_id="t0000", number=0, seed=7, values={"family": "label"})
        + line_of(2, "planned", trial_id="t0001", number=1, seed=8, values={"family": "label"})
        + line_of(3, "started", trial_id="t0000", attempt=1, worker="w")
        + line_of(4, "failed", trial_id="t0000", **lost, final=False)
        + line_of(5, "started", trial_id="t0000", attempt=2, worker="w")
        + line_of(6, "failed", trial_id="t0000", **lost | {"attempt": 2}, final=True)
        + line_of(7, "stopped", trial_id="t0001", attempt=0, reason="stopped by hand")
    )
    history = read_history(folder)
    assert history.ledger_format == 4
    assert [(trial.status, trial.attempts) for trial in history.trials.values()] == [
        ("failed", 2),
        ("stopped", 0),
    ]
    assert status_of(folder).stopped == 1
    assert [row["status"] for row in trial_rows(history)] == ["failed", "stopped"]


def test_an_event_of_a_newer_version_is_named(path: Path) -> None:
    path.write_bytes(line_of(0, "teleported", driver="x"))
    with pytest.raises(LedgerDamagedError, match="teleported"):
        events(path)


def test_a_second_writer_is_refused_and_the_first_is_named(written: Path) -> None:
    with Ledger(written), pytest.raises(LedgerLockedError) as refused:
        Ledger(written)
    assert f"process {os.getpid()} on {socket.gethostname()} since 20" in str(refused.value)
    Ledger(written).close()


def test_looking_for_the_driver_does_not_keep_a_writer_out(written: Path) -> None:
    with written.open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        release = threading.Timer(0.2, fcntl.flock, (asking, fcntl.LOCK_UN))
        release.start()
        with Ledger(written) as ledger:
            ledger.append(Resumed("first"))
        release.join()
    assert events(written)[-1] == Resumed("first")


def test_the_lock_of_a_killed_writer_is_free(path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from ratefront.history.events import Resumed;"
        "from ratefront.store.ledger.ledger_file import Ledger; ledger = Ledger(Path(sys.argv[1]));"
        "ledger.append(Resumed('first')); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -9
    with Ledger(path) as ledger:
        ledger.append(Stopped("t0000", 1, "x"))
    assert events(path) == [Resumed("first"), Stopped("t0000", 1, "x")]


def test_a_reader_follows_a_growing_ledger(path: Path) -> None:
    with Ledger(path) as ledger:
        reader = LedgerReader(path)
        assert list(reader.read_new()) == []
        for event in EVENTS:
            entry = ledger.append(event)
            assert list(reader.read_new()) == [entry]
        assert list(reader.read_new()) == []


def test_a_reader_waits_for_the_rest_of_a_line(written: Path) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[:-9])
    reader = LedgerReader(written)
    assert [entry.event for entry in reader.read_new()] == EVENTS[:-1]
    written.write_bytes(whole)
    assert [entry.event for entry in reader.read_new()] == EVENTS[-1:]


@contextmanager
def disk_with(size: int) -> Iterator[None]:
    """A disk that is full after ``size`` bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("free_bytes", [0, 1, 30])
def test_a_full_disk_leaves_no_half_line(written: Path, free_bytes: int) -> None:
    whole = written.read_bytes()
    with Ledger(written) as ledger:
        with disk_with(len(whole) + free_bytes), pytest.raises(OSError, match="too large") as full:
            ledger.append(Resumed("no room for this"))
        assert full.value.errno == errno.EFBIG
        assert written.read_bytes() == whole
        entry = ledger.append(Resumed("there is room again"))
        assert entry.seq == len(EVENTS)
    assert events(written) == [*EVENTS, Resumed("there is room again")]


def test_entries_of_a_few_kinds_are_read_without_parsing_the_others(written: Path) -> None:
    kinds = {"created", "planned"}
    read = list(read_entries(written, kinds))
    assert read == [entry for entry in read_entries(written) if to_plain(entry.event)[0] in kinds]
    assert 0 < len(read) < len(EVENTS)


def test_what_is_not_parsed_is_checked(written: Path) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join([lines[0], lines[1].replace(b"t0000", b"t0009"), *lines[2:]]))
    with pytest.raises(LedgerDamagedError, match="entry 1 at byte"):
        list(read_entries(written, {"created"}))
    written.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(LedgerDamagedError, match="expected entry 1, found 2"):
        list(read_entries(written, {"created"}))


def test_a_ledger_holds_no_entries_in_memory(written: Path) -> None:
    """Of hundreds of thousands each would take a kilobyte. They come from the file, also those just appended."""
    with Ledger(written) as ledger:
        entry = ledger.append(Resumed("again"))
        kept = [value for value in vars(ledger).values() if isinstance(value, list | tuple | dict)]
        assert kept == []
        assert list(ledger.entries())[-1] == entry


def story(random: Random) -> list[Event]:
    """Trials that report, fail, are tried again and end, in an order that a driver could write."""
    told: list[Event] = [Created("digits", {"trials": 9}, "0.1.0")]
    told += [Planned(f"t{number:04d}", number, 1, {"family": "label"}) for number in range(4)]
    attempts, steps = Counter[str](), Counter[str]()
    open_trials, running = [f"t{number:04d}" for number in range(4)], set[str]()
    for _ in range(random.randrange(60)):
        trial = random.choice(open_trials) if open_trials else ""
        what = random.choice(["report"] * 6 + ["fail", "stop", "resume"])
        if what == "resume":
            told.append(Resumed("another"))
            running.clear()
        elif trial and trial not in running:
            attempts[trial] += 1
            steps[trial] = 0
            told.append(Started(trial, attempts[trial], "w"))
            running.add(trial)
        elif trial and what == "report":
            steps[trial] += random.randint(1, 2)
            told.append(Reported(trial, attempts[trial], steps[trial], {"loss": 0.5, "system/memory": 1.0}))
        elif trial and what == "fail":
            is_final = random.random() < 0.3
            told.append(Failed(trial, attempts[trial], "ValueError", "why", final=is_final))
            running.discard(trial)
            open_trials = [name for name in open_trials if name != trial or not is_final]
        elif trial:
            told.append(Stopped(trial, attempts[trial], "by hand"))
            open_trials.remove(trial)
    return told


@pytest.mark.parametrize("seed", range(40))
def test_a_skimmed_ledger_gives_the_same_history(path: Path, seed: int) -> None:
    random = Random(seed)
    steps = (random.choice([-50.0, 0.0, 1.5, 2.0]) for _ in itertools.count())
    times = itertools.accumulate(steps, initial=1e9)
    with Ledger(path, lambda: next(times)) as ledger:
        for event in story(random):
            ledger.append(event)
    skimmed, whole = SkimmedLedger(path), SweepHistory.of(read_entries(path), keeps_curves=False)
    for trial in (*whole.trials.values(), *skimmed.history.trials.values()):
        trial.reports = trial.reports[-1:]
    assert skimmed.history == whole
    assert skimmed.last == list(read_entries(path))[-1]


def _replaced_by_an_empty_folder(folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.mkdir()


def _replaced_by_its_own_copy(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    folder.rename(folder.with_name("away"))
    folder.with_name("copy").rename(folder)


def _replaced_by_a_file(folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.touch()


def _replaced_by_a_link_to_itself(folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.symlink_to(folder.name)


def _without_its_ledger(folder: Path) -> None:
    (folder / "ledger.jsonl").rename(folder.with_name("away.jsonl"))


@pytest.mark.parametrize(
    "disturb",
    [
        lambda folder: folder.rename(folder.with_name("away")),
        shutil.rmtree,
        _replaced_by_an_empty_folder,
        _replaced_by_its_own_copy,
        _replaced_by_a_file,
        _replaced_by_a_link_to_itself,
        _without_its_ledger,
    ],
)
def test_nothing_is_written_where_the_folder_has_gone(
    tmp_path: Path, disturb: Callable[[Path], object]
) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    with Ledger(folder / "ledger.jsonl") as ledger:
        ledger.append(EVENTS[0])
        disturb(folder)
        kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        for check in (ledger.check_in_place, lambda: ledger.append(EVENTS[1])):
            with pytest.raises(
                LedgerMovedError, match=f"{folder}/ledger.jsonl was moved, deleted or replaced"
            ):
                check()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_a_folder_that_is_back_is_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    with Ledger(folder / "ledger.jsonl") as ledger:
        away = folder.rename(tmp_path / "away")
        with pytest.raises(LedgerMovedError):
            ledger.append(EVENTS[0])
        away.rename(folder)
        ledger.append(EVENTS[0])
    assert events(folder / "ledger.jsonl") == EVENTS[:1]


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    ledger = tmp_path / "ledger.jsonl"
    message = f"{ledger} cannot be locked .No locks available."
    with pytest.raises(InputError, match=message):
        Ledger(ledger)
    with pytest.raises(InputError, match=message):
        driver_of(SweepFolder(tmp_path))
