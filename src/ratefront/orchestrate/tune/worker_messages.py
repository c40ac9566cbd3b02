"""What a worker says as text: plain JSON, so that nothing of a trial's process leaks into the driver's.

An event goes as the ledger would have it. NaN and infinities pass (Python's JSON has them): the engine is the one to
judge them.
"""

from __future__ import annotations

import json
from typing import Any

from ratefront.engine.messages import WorkerFact
from ratefront.history.events import Failed, Finished, Reported, from_plain, to_plain

#: The key of a Tune result under which a fact travels.
FACT = "ratefront_fact"


def _number(value: Any) -> Any:
    """NumPy's scalars, and whatever else can say what it is as a Python value."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a trial may report numbers and text, not {type(value).__name__}")


def encode(fact: WorkerFact) -> str:
    """
    Raises:
        TypeError: A trial reported what JSON cannot hold.
    """
    return json.dumps(to_plain(fact), default=_number)


def decode(text: str) -> WorkerFact:
    """
    Raises:
        ValueError: It is nothing that a worker has to say.
    """
    kind, data = json.loads(text)
    event = from_plain(kind, data)
    if not isinstance(event, Reported | Finished | Failed):
        raise ValueError(f"a worker says {kind!r}")
    return event
