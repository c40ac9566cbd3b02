"""Whether there are enough samples for the plug-in estimate of iE&C."""

from __future__ import annotations

from collections.abc import Collection

from ratefront.bounds.curve_names import (
    INDIRECT_CROSS_FITTED,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    INDIRECT_POSTERIOR,
)
from ratefront.bounds.source.predictions import Predictions

ENOUGH_SAMPLES_PER_CELL = 20.0
OTHER_ESTIMATES = {
    INDIRECT_POSTERIOR: "the posterior-based curve, which learns nothing from the labels",
    INDIRECT_CROSS_FITTED: "the cross-fitted curve, in which no sample is coded by what was fitted on it",
}
"""The estimates of iE&C that are not optimistic when there are few samples."""


def samples_per_cell(predictions: Predictions) -> float:
    """Return N over the number of pairs (label, decision) that occur: samples behind each cell of the confusion.

    Args:
        predictions: labels and decisions of N samples.

    Example:
        >>> samples_per_cell(Predictions.from_decisions([0, 0, 1, 1], [0, 0, 1, 1]))
        2.0
    """
    return predictions.samples / int(predictions.joint.nnz)


def has_few_samples(predictions: Predictions) -> bool:
    """Return whether fewer than 20 samples stand behind each cell."""
    return samples_per_cell(predictions) < ENOUGH_SAMPLES_PER_CELL


def few_samples_warning(predictions: Predictions, drawn: Collection[str]) -> str | None:
    """Return a sentence for people about the curves drawn.

    None where the plug-in iE&C is not among them, or where it has enough samples.

    Args:
        predictions: labels and decisions.
        drawn: names of curves.

    Example:
        >>> predictions = Predictions.from_decisions([0, 0, 1, 1], [0, 0, 1, 1])
        >>> few_samples_warning(predictions, ["indirect_estimate_and_compress"]).partition(";")[0]
        '2 samples stand behind each pair of label and decision that occurs'
    """
    if INDIRECT_ESTIMATE_AND_COMPRESS not in drawn or not has_few_samples(predictions):
        return None
    others = [text for name, text in OTHER_ESTIMATES.items() if name in drawn]
    return (
        f"{samples_per_cell(predictions):.3g} samples stand behind each pair of label and decision that occurs; "
        "20 would do. The plug-in iE&C curve takes their frequencies for the truth and is optimistic: it lies too "
        f"low. {'Drawn besides: ' + '; '.join(others) + '.' if others else 'No other estimate is drawn.'}"
    )
