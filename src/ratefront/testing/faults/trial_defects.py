"""What can be wrong with a trial, so that it does not end well."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from ratefront.simulate.problems.simulated_problem import Step, TrialCourse

#: (A trial's course, the number of parts into which its batch is cut) → what the trial does instead.
TrialDefect: TypeAlias = Callable[[TrialCourse, int], TrialCourse]

#: Where the batch is cut into so many parts, the memory is large enough.
ENOUGH_PARTS = 4


def _bad_configuration(course: TrialCourse, batch_divisor: int) -> TrialCourse:
    return course.failing_after(0, "ValueError", "no such alphabet")


def _full_memory(course: TrialCourse, batch_divisor: int) -> TrialCourse:
    if batch_divisor >= ENOUGH_PARTS:
        return course
    return course.failing_after(1, "OutOfMemoryError", "tried to allocate 2 GiB")


def _last_loss_is(value: float) -> TrialDefect:
    def change(course: TrialCourse, batch_divisor: int) -> TrialCourse:
        if not course.steps:
            return course
        *before, last = course.steps
        # An attempt that begins behind that report cannot end well either.
        failing = course.failing_after(0, "DivergedError", f"loss is {value}")
        return replace(failing, steps=(*before, Step(last.seconds, {**last.metrics, "loss": value})))

    return change


def _result_has(**changes: Any) -> TrialDefect:
    def change(course: TrialCourse, batch_divisor: int) -> TrialCourse:
        return course if course.result is None else replace(course, result={**course.result, **changes})

    return change


def _result_lacks(key: str) -> TrialDefect:
    def change(course: TrialCourse, batch_divisor: int) -> TrialCourse:
        if course.result is None:
            return course
        return replace(course, result={name: value for name, value in course.result.items() if name != key})

    return change


DEFECTS: tuple[TrialDefect, ...] = (
    _bad_configuration,
    _full_memory,
    _last_loss_is(math.nan),
    _last_loss_is(math.inf),
    _result_has(encode_ms=math.nan),
    _result_has(encode_ms=-math.inf),
    _result_has(transmitter_bytes=-1),
    _result_has(trial_id="t9999"),
    _result_lacks("validation"),
)
