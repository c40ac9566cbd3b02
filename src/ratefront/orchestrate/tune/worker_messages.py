"""Messages from a worker to the driver as text: plain JSON, so that no object of a trial reaches the driver's process.

An event has the same form as in the ledger. NaN and infinities pass (Python's JSON has them): the engine checks them.
"""

from __future__ import annotations

import json
from typing import Any

from ratefront.engine.messages import WorkerMessage
from ratefront.history.events import Failed, Finished, Reported, from_plain, to_plain

#: The key of a Tune result that holds the message.
MESSAGE = "ratefront_message"


def _number(value: Any) -> Any:
    """Convert scalars of NumPy, or of any class with ``item()``, to Python values."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a trial may report numbers and text, not {type(value).__name__}")


def encode_message(message: WorkerMessage) -> str:
    """Write a worker's message as JSON.

    Raises:
        TypeError: A trial reported a value that JSON cannot hold.
    """
    return json.dumps(to_plain(message), default=_number)


def decode_message(text: str) -> WorkerMessage:
    """Read a worker's message.

    Raises:
        ValueError: The text is no message of a worker's.
    """
    kind, data = json.loads(text)
    event = from_plain(kind, data)
    if not isinstance(event, Reported | Finished | Failed):
        raise ValueError(f"a worker says {kind!r}")
    return event
