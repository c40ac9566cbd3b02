"""What ``ratefront doctor`` has found: a line for each check, as a value that travels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

#: ``error``: a sweep would be refused, or its trials would fail. ``warning``: it would run, and something is not right.
Level: TypeAlias = Literal["ok", "warning", "error"]

_LEVELS: tuple[Level, ...] = ("ok", "warning", "error")


@dataclass(frozen=True)
class CheckLine:
    """One thing that was looked at.

    Attributes:
        level: ``ok``, ``warning`` or ``error``.
        check: What was looked at, as ``storage``.
        text: What was found.
        advice: What to do; empty if there is nothing to do.
        nodes: The addresses of the nodes of which this holds; none for this machine, or the cluster as a whole.
    """

    level: Level
    check: str
    text: str
    advice: str = ""
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readiness:
    """Whether a sweep would run, and all that was looked at."""

    lines: tuple[CheckLine, ...]

    @property
    def level(self) -> Level:
        """The worst level of a line."""
        return max((line.level for line in self.lines), key=_LEVELS.index, default="ok")

    @property
    def is_ready(self) -> bool:
        """Whether no line is an error: a sweep would run."""
        return self.level != "error"

    def count(self, level: Level) -> int:
        """Return how many lines have this level."""
        return sum(line.level == level for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data; docs/files.md lists the keys."""
        lines = [
            {
                "level": line.level,
                "check": line.check,
                "nodes": list(line.nodes),
                "text": str(line.text),
                "advice": str(line.advice),
            }
            for line in self.lines
        ]
        return {"is_ready": self.is_ready, "level": self.level, "lines": lines}


class NodeFinding(NamedTuple):
    """What was found on one node; the address is empty for this machine where there is no cluster."""

    address: str
    level: Level
    text: str
    advice: str = ""


def grouped(check: str, findings: Iterable[NodeFinding]) -> list[CheckLine]:
    """Return one line for all nodes of which the same was found, what most nodes say first."""
    nodes: dict[tuple[Level, str, str], list[str]] = {}
    for address, level, text, advice in findings:
        nodes.setdefault((level, text, advice), []).append(address)
    ordered = sorted(nodes.items(), key=lambda item: (_LEVELS.index(item[0][0]), -len(item[1])))
    return [
        CheckLine(level, check, text, advice, tuple(filter(None, addresses)))
        for (level, text, advice), addresses in ordered
    ]
