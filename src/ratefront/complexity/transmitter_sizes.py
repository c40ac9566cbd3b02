"""The sizes that the transmitters of a sweep are made of, as plain values; they are computed where codecs are known.

Computing them takes seconds, most of them for the import of torch, and a sweep file is checked again and again. So they
are remembered on this machine, for the same task model and space and the same files of the program.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratefront.user_memory import UserMemory, digest_of

_MEMORY = UserMemory("transmitter_tables")
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class FrontEndSize:
    """What the stages of a task model up to a split point take, or all of them.

    Attributes:
        split: The split point; empty for all stages.
        macs: Multiply–accumulates for one sample; None where they are unknown.
        fp32: Bytes in fp32.
        fp16: Bytes in fp16.
        int8: Bytes in int8, if every normalisation can be folded into the layer before it.
        share: ``fp16`` as a share of that of all stages.
        analysis: Bytes in fp16 of the smallest and the largest g_a behind it in the space; None if there is none.
    """

    split: str
    macs: int | None
    fp32: int
    fp16: int
    int8: int
    share: float
    analysis: tuple[int, int] | None = None


@dataclass(frozen=True)
class TransmitterTable:
    """The sizes that the transmitters of a space are made of.

    Attributes:
        rows: The split points that the space uses, from input to output, then all stages.
        whole: The families of the space whose transmitter holds all stages.
        classifier: Bytes in fp16 of the smallest and the largest small classifier of ``label``; None without any.
        student: Bytes in fp16 of the smallest and the largest encoder of a student; None without students.
    """

    rows: tuple[FrontEndSize, ...]
    whole: tuple[str, ...]
    classifier: tuple[int, int] | None
    student: tuple[int, int] | None


def remembered_table(of: Mapping[str, Any], compute: Callable[[], TransmitterTable]) -> TransmitterTable:
    """Return the table that this machine remembers of the same plain data; else compute and remember it."""
    name = digest_of([of, _program_state()])
    if (text := _MEMORY.latest(name)) is not None:
        try:
            return _from_json(json.loads(text))
        except (ValueError, TypeError, KeyError):  # half of a file
            return compute()
    table = compute()
    _MEMORY.remember(name, json.dumps(asdict(table)))
    return table


def _from_json(content: Mapping[str, Any]) -> TransmitterTable:
    rows = (FrontEndSize(**{**row, "analysis": _pair(row["analysis"])}) for row in content["rows"])
    classifier, student = _pair(content["classifier"]), _pair(content["student"])
    return TransmitterTable(tuple(rows), tuple(content["whole"]), classifier, student)


def _pair(values: list[int] | None) -> tuple[int, int] | None:
    return None if values is None else (int(values[0]), int(values[1]))


def _program_state() -> list[list[Any]]:
    """Return path, size and time of change of the files that decide a size, so that no old table outlives a change."""
    rooms = ("catalogue", "codecs", "complexity", "task_models")
    files = sorted(path for room in rooms for path in (_PACKAGE / room).rglob("*.py"))
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
