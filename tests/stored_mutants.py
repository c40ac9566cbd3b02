"""Alters plain data at random, and writes ledgers of it whose checksums are right: what a stranger may send."""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from tests.builders import FakeSweep, label, spec, split

from ratefront.history.events import Extended, Failed, Halted, Known, Reconfigured, Reported, Resumed, Started
from ratefront.history.known_trials import KnownTrial
from ratefront.store.sweep_folder import SweepFolder

VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 3, 10**6, 2**63, 10**30, 10**400, -(10**30)),
    *(0.5, -0.5, 1e-320, 1e308, -1e308, float("nan"), float("inf")),
    *("", "x", "t0000", "t0099", "../../x", "label", "finished", "a" * 5000, "\x1b[31m", "\ud800", "\x00"),
    *([], [1], ["a"], [[]], {}, {"a": 1}, {"name": 3}, {"family": "label"}),
)
KEYS = ("extra", "", "name", "family", "a" * 300)


def altered(data: Any, rng: Random) -> Any:
    """A copy with one value replaced, removed, added or exchanged."""
    changed = copy.deepcopy(data)
    node, key = rng.choice([place for place in _places(changed) if place[0] is not None])
    chance = rng.random()
    if chance < 0.6:
        node[key] = copy.deepcopy(rng.choice(VALUES)) if rng.random() < 0.95 else _nested(rng)
    elif chance < 0.75:
        del node[key]
    elif not isinstance(node, dict):
        node.insert(key, copy.deepcopy(rng.choice(node)))
    elif chance < 0.87:
        node[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
    else:
        other = rng.choice(list(node))
        node[other], node[key] = node[key], node[other]
    return changed


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in parts:
        yield data, key
        yield from _places(inner)


def _nested(rng: Random) -> Any:
    value: Any = 0
    for level in range(rng.choice((5, 60, 300, 900))):
        value = [value] if level % 2 else {"a": value}
    return value


def line_of(entry: Any) -> bytes:
    """An entry as a line of a ledger, whatever it is."""
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")
    return text[:-1] + b',"crc32":"%08x"}\n' % zlib.crc32(text)


def entries_in(folder: SweepFolder) -> list[dict[str, Any]]:
    lines = map(json.loads, folder.ledger.read_text(encoding="utf-8").splitlines())
    return [{key: value for key, value in line.items() if key != "crc32"} for line in lines]


def forged(entries: list[dict[str, Any]], rng: Random) -> bytes:
    """A ledger with one to three changes: of a value, or of the order of the entries."""
    changed: list[Any] = list(entries)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        place, other = rng.randrange(len(changed)), rng.randrange(len(changed))
        chance = rng.random()
        if chance < 0.75:
            changed[place] = altered(changed[place], rng)
        elif chance < 0.83:
            del changed[place]
        elif chance < 0.91:
            changed.insert(other, changed[place])
        else:
            changed[place], changed[other] = changed[other], changed[place]
    if rng.random() < 0.9:
        changed = [{**entry, "seq": seq} if "seq" in entry else entry for seq, entry in enumerate(changed)]
    return b"".join(map(line_of, changed))


def known_trial() -> KnownTrial:
    """A trial of an earlier sweep."""
    return KnownTrial("runs/a", "t0000", split("stem", 3.0), "finished", 2.0, 0.9, 2_000, None, 0.4)


def every_event(path: Path) -> SweepFolder:
    """A small interrupted sweep in whose ledger nearly every event occurs, one trial of each status."""
    sweep = FakeSweep(path, spec(trials=7))
    sweep.append(
        Known([label()], [known_trial().to_json()], [{"source": "runs/a", "identity": "small_cnn-1234"}])
    )
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.finish(split("stem", 1.0), 5.0, 0.9, 3_000)
    sweep.finish(split("block1", 2.0), 0.1, 0.11, 2_000, status="collapsed", reason="as the majority class")
    sweep.prune(split("stem", 0.4))
    sweep.stop(split("block1", 0.5))
    trial = sweep.plan(split("stem", 900.0))
    sweep.append(
        Failed(trial, 1, "WorkerLostError", "gone", retryable=True, final=False),
        Started(trial, 2, "w"),
        Failed(trial, 2, "DivergedError", "loss is NaN", final=True),
        Reconfigured({"keep": "front"}),
        Extended(8),
        Resumed("process 1 on a host"),
    )
    sweep.append(Reported(sweep.plan(split("stem", 7.0)), 1, 1, {"loss": 1.0, "system/cpu": 3.0}))
    sweep.append(Halted("stopped by hand", False))
    return sweep.folder
