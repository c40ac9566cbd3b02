"""What was really done in a simulation, whatever its ledger says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ratefront.engine.messages import Fact


@dataclass(frozen=True)
class Told:
    """A fact that the engine was told, with the ledger's length before and after."""

    fact: Fact
    before: int
    after: int


@dataclass
class Deeds:
    """Facts told, attempts (trial, number) with the parts that their batches were cut into, attempts that computed to
    their end, attempts with the errors that they ran into, and how often each trouble came.
    """

    told: list[Told] = field(default_factory=list)
    divisors: dict[tuple[str, int], int] = field(default_factory=dict)
    completed: set[tuple[str, int]] = field(default_factory=set)
    errors: set[tuple[str, int, str]] = field(default_factory=set)
    troubles: Counter[str] = field(default_factory=Counter)
