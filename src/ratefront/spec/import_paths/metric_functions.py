"""Imports the functions behind a sweep's metrics and calls them with the arguments they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from ratefront.catalogue.registry import load_target
from ratefront.errors import InputError, SpecError
from ratefront.spec.sweep_spec import Metric, SweepSpec

#: Labels (N,), decoded classes (N,), and scores (N, K) or None where there are none, to a figure.
MetricFunction: TypeAlias = Callable[[Any, Any, Any], Any]

_EXPECTED = (
    "expected package.module:function, importable (PYTHONPATH), that takes (labels, classes, scores), or (labels, "
    "classes) where it needs no scores"
)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check_metrics(spec: SweepSpec, source: str) -> None:
    """Check that the metric functions exist. Only a sweep that begins needs them.

    Raises:
        SpecError: A function cannot be imported, or takes other arguments; one line for each.
    """
    problems = [
        f"metrics[{place}]: {problem}"
        for place, metric in enumerate(spec.metrics)
        if (problem := _problem_with(metric))
    ]
    if problems:
        raise SpecError(source, problems)


def _problem_with(metric: Metric) -> str:
    try:
        function_of(metric)
    except InputError as error:
        return str(error)
    return ""


def function_of(metric: Metric) -> MetricFunction:
    """Return the function that computes the metric. It can be called with scores, also if it does not need them.

    Raises:
        InputError: There is no such function, it takes other arguments, or other processes cannot import it.
    """
    if metric.target.partition(":")[0] == "__main__":
        raise InputError(
            f"target {metric.target}: a script or notebook is another one in each process; put the function in a "
            f"module; {_EXPECTED}"
        )
    try:
        function = load_target(metric.target)
    except (Exception, SystemExit) as error:  # whatever somebody else's module raises, a script among them
        raise InputError(f"target {metric.target}: {type(error).__name__}: {error}; {_EXPECTED}") from error
    if setting := _third_with_default(function):
        raise InputError(
            f"target {metric.target}: its third argument, {setting}, has a default, so that it is unclear whether it "
            f"is meant for scores: name it scores where it is, or let it be given by name alone; {_EXPECTED}"
        )
    if _takes(function, 3):
        return function  # type: ignore[no-any-return]
    if _takes(function, 2):
        return lambda labels, classes, scores: function(labels, classes)
    what = "takes other arguments" if callable(function) else f"is no function but {type(function).__name__}"
    raise InputError(f"target {metric.target}: {what}; {_EXPECTED}")


def _takes(function: Any, count: int) -> bool:
    """Return whether the function can be called with ``count`` positional arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except (TypeError, ValueError):  # does not fit; is no function, or one whose parameters are unknown
        return False
    return True


def _third_with_default(function: Any) -> str:
    """Return the name of an optional third argument that is not called ``scores``, or an empty string."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ""
    third = [parameter for parameter in parameters if parameter.kind in _POSITIONAL][2:3]
    return next((p.name for p in third if p.default is not p.empty and p.name != "scores"), "")
