"""The input of a channel, a class or a posterior, as one of R rows of gains g over K outputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from scipy import sparse

from ratefront.bounds.source.distributions import FloatArray, IntArray
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.source.scores import IMPOSSIBLE, RealArray, posterior_rows
from ratefront.errors import InputError


class ChannelInputs(Protocol):
    """What the channel sees of a sample, as one of R rows of g."""

    def rows(self, predictions: Predictions) -> int:
        """Return R."""
        ...

    def row_of(self, predictions: Predictions) -> IntArray:
        """Return the row of each sample, shape (N,)."""
        ...

    def gain(self, predictions: Predictions, rows: slice) -> FloatArray:
        """Return g less the greatest entry of each row, shape (b, K)."""
        ...


class LabelOrDecision(Enum):
    """The class that a channel takes for its input."""

    LABEL = "label"
    DECISION = "decision"


@dataclass(frozen=True, eq=False)
class ClassInputs:
    """The channel sees a class; all samples of the class share a row.

    Attributes:
        input_class: the label or the decision.
        table: g, sparse, shape (R, K).
        row_of_class: shape (K,), so that classes that did not occur in the fit can have a row of their own.
    """

    input_class: LabelOrDecision
    table: sparse.csr_array
    row_of_class: IntArray

    def rows(self, predictions: Predictions) -> int:
        """Return R."""
        return int(self.table.shape[0])

    def row_of(self, predictions: Predictions) -> IntArray:
        """Return the row of each sample's class, shape (N,)."""
        classes = predictions.labels if self.input_class is LabelOrDecision.LABEL else predictions.predicted
        return np.asarray(self.row_of_class[classes])

    def gain(self, predictions: Predictions, rows: slice) -> FloatArray:
        """Return g less the greatest entry of each row, shape (b, K)."""
        dense = np.asarray(self.table[rows].toarray(), dtype=np.float64)
        return np.asarray(dense - dense.max(axis=1, keepdims=True))


@dataclass(frozen=True)
class PosteriorInputs:
    """The channel sees the posterior; each sample has its own row. g is its logarithm or the posterior itself."""

    logarithmic: bool

    def rows(self, predictions: Predictions) -> int:
        """Return N."""
        return scores_of(predictions).shape[0]

    def row_of(self, predictions: Predictions) -> IntArray:
        """Return 0..N-1."""
        return np.arange(predictions.samples)

    def gain(self, predictions: Predictions, rows: slice) -> FloatArray:
        """Return g less the greatest entry of each row, shape (b, K)."""
        scores = scores_of(predictions)[rows]
        values = np.array(scores, dtype=np.float64) if self.logarithmic else posterior_rows(scores)
        values -= values.max(axis=1, keepdims=True)
        return np.maximum(values, IMPOSSIBLE, out=values)


def scores_of(predictions: Predictions) -> RealArray:
    """Return the log-probabilities.

    Raises:
        InputError: there are only decisions.
    """
    if predictions.log_probabilities is None:
        raise InputError("posteriors are needed: logits or probabilities, not decisions alone")
    return predictions.log_probabilities
