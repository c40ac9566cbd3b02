"""Facts as text between a worker and the driver: plain JSON, so that nothing of a trial's process leaks into
the other.

NaN and infinities pass (Python's JSON has them): the engine is the one to judge them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ratefront.engine.messages import Broke, Progressed, Returned, WorkerFact

#: The key of a Tune result under which a fact travels.
FACT = "ratefront_fact"

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (Progressed, Returned, Broke)}


def _number(value: Any) -> Any:
    """NumPy's scalars, and whatever else can say what it is as a Python value."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a trial may report numbers and text, not {type(value).__name__}")


def encode(fact: WorkerFact) -> str:
    """
    Raises
    ------
    TypeError
        A trial reported what JSON cannot hold.
    """
    return json.dumps([type(fact).__name__, asdict(fact)], default=_number)


def decode(text: str) -> WorkerFact:
    kind, data = json.loads(text)
    fact: WorkerFact = _KINDS[kind](**data)
    return fact
