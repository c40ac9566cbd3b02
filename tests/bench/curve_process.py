"""A curve in a process of its own, so that the peak of memory is that of the curve.

    python curve_process.py CURVE SAMPLES CLASSES

Prints seconds, peak memory (the samples included) and the rates of the curve as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from drawn_classifier import drawn_decisions, drawn_logits
from timing import peak_bytes, seconds_of

from ratefront.bounds import (
    Predictions,
    RateDistortionCurve,
    UnconvergedWarning,
    estimate_and_compress,
    indirect_estimate_and_compress,
    sample_and_communicate,
    task_model_curve,
)

Work = Callable[[], RateDistortionCurve]


class Measured(NamedTuple):
    """One curve of `samples` x `classes`."""

    seconds: float
    peak_bytes: int
    rate_bits: list[float]


def _estimate_and_compress(samples: int, classes: int) -> Work:
    joint = Predictions.from_decisions(*drawn_decisions(samples, classes), classes).joint
    return lambda: estimate_and_compress(joint, points=200)


def _indirect(samples: int, classes: int) -> Work:
    joint = Predictions.from_decisions(*drawn_decisions(samples, classes), classes).joint
    return lambda: indirect_estimate_and_compress(joint, points=60, tolerance_bits=1e-4)


def _sample_and_communicate(samples: int, classes: int) -> Work:
    labels, logits = drawn_logits(samples, classes)
    return lambda: sample_and_communicate(logits, labels, points=60)


def _task_model(samples: int, classes: int) -> Work:
    labels, logits = drawn_logits(samples, classes)
    return lambda: task_model_curve(logits, labels, points=30, tolerance_bits=1e-3)


WORKS: dict[str, Callable[[int, int], Work]] = {
    "estimate_and_compress": _estimate_and_compress,
    "indirect": _indirect,
    "sample_and_communicate": _sample_and_communicate,
    "task_model": _task_model,
}


def in_own_process(curve: str, samples: int, classes: int) -> Measured:
    """Raises CalledProcessError where the child fails, for instance because a gap stayed too large."""
    command = [sys.executable, __file__, curve, str(samples), str(classes)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent)
    return Measured(**json.loads(run.stdout))


def main() -> None:
    curve, samples, classes = sys.argv[1:]
    warnings.simplefilter("error", UnconvergedWarning)
    work = WORKS[curve](int(samples), int(classes))
    made: list[RateDistortionCurve] = []

    def once() -> None:
        made[:] = [work()]

    seconds = seconds_of(once)
    print(json.dumps(Measured(seconds, peak_bytes(), made[0].rate_bits.tolist())._asdict()))


if __name__ == "__main__":
    main()
