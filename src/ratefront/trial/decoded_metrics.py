"""Metrics of a split's decoded classes and scores: the log loss, and the metrics of the sweep file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.errors import DivergedError, MetricError
from ratefront.metrics import log_loss_bits
from ratefront.spec.import_paths.metric_functions import function_of
from ratefront.spec.sweep_spec import Metric
from ratefront.trial.error_summary import summarise_error
from ratefront.trial.receiver import Decoded


def finite_log_loss(labels: NDArray[np.int64], decoded: Decoded, name: str) -> float | None:
    """Compute the log loss in bits of the split ``name``; None for a codec without scores.

    Raises:
        DivergedError: Scores are not finite, or give a true class the probability 0.
    """
    loss = log_loss_bits(labels, decoded.classes, decoded.scores)
    if loss is not None and not math.isfinite(loss):
        raise DivergedError(f"{name}: the log loss of the decoded scores is {loss}")
    return loss


def metric_values(
    metrics: Sequence[Metric], labels: NDArray[np.int64], decoded: Decoded, name: str
) -> dict[str, float | None]:
    """Compute each metric of the split ``name``; None where it needs scores and the codec gives none.

    Raises:
        MetricError: A metric raised an error, or gave no finite number.
    """
    return {
        metric.name: _metric_value(metric, labels, decoded, f"{name}: the metric {metric.name}")
        for metric in metrics
    }


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _copied(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy scores. Scores in a file may be large: only the pages that somebody writes into are copied."""
    if isinstance(scores, np.memmap) and scores.filename is not None:
        return np.memmap(scores.filename, np.float32, mode="c", shape=scores.shape)
    return scores.copy()


def _metric_value(metric: Metric, labels: NDArray[np.int64], decoded: Decoded, what: str) -> float | None:
    """Call the metric's function, with copies of the arrays.

    A user's function must not change what the next function finds, and torch writes into read-only arrays too.
    """
    scores = None if decoded.scores is None else _read_only(_copied(decoded.scores))
    try:
        value = function_of(metric)(_read_only(labels.copy()), _read_only(decoded.classes.copy()), scores)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        if summarise_error(error).retryable:
            raise  # a full memory, of the host or the GPU, is no fault of the metric
        raise MetricError(f"{what} ({metric.target}) raised {type(error).__name__}: {error}") from error
    if value is None and scores is None:
        return None
    if not _is_finite_number(value):
        raise MetricError(f"{what} ({metric.target}) gave {value!r:.200}, which is no finite number")
    return float(value)


def _is_finite_number(value: object) -> bool:
    """Tell whether a float can hold the value, and it is finite."""
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    except OverflowError:
        return False
