"""Messages from a worker arrive at the driver as they were sent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ratefront.engine.messages import EngineMessage
from ratefront.history.events import Failed, Finished, Reported
from ratefront.orchestrate.tune.worker_messages import decode_message, encode_message


@pytest.mark.parametrize(
    "message",
    [
        Reported("t0001", 2, 3, {"loss": 0.1, "accuracy": 1.0}),
        Finished("t0001", 1, {"validation": {"rate_bits": 2.5}, "extra": {}}),
        Failed("t0001", 1, "ValueError", "why β", retryable=True),
    ],
)
def test_messages_arrive_unchanged(message: EngineMessage) -> None:
    assert decode_message(encode_message(message)) == message


def test_messages_carry_numpy_scalars_and_nan_but_no_objects() -> None:
    sent = Reported("t", 1, 1, {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan")})
    metrics = decode_message(encode_message(sent)).metrics
    assert (metrics["a"], metrics["b"], type(metrics["b"])) == (0.5, 3, int)
    assert math.isnan(metrics["c"])
    with pytest.raises(TypeError, match="not object"):
        encode_message(Finished("t", 1, {"x": object()}))
