"""Whether there are samples enough for the plug-in estimate of iE&C."""

from __future__ import annotations

from ratefront.bounds.predictions import Predictions

ENOUGH_SAMPLES_PER_CELL = 20.0


def samples_per_cell(predictions: Predictions) -> float:
    """N over the number of pairs (label, decision) that occur: samples behind each cell of the confusion."""
    return predictions.samples / int(predictions.joint.nnz)


def few_samples_warning(predictions: Predictions) -> str | None:
    """What people should be told where there are fewer than 20 samples a cell; else None."""
    per_cell = samples_per_cell(predictions)
    if per_cell >= ENOUGH_SAMPLES_PER_CELL:
        return None
    return (
        f"Only {per_cell:.3g} samples stand behind each occurring pair of label and decision (20 would do). "
        "The plug-in iE&C curve takes their frequencies for the truth and is optimistic: it lies too low. "
        f"{_drawn_besides(predictions)}"
    )


def _drawn_besides(predictions: Predictions) -> str:
    if predictions.samples < 2:
        return "A single sample leaves nothing to measure on; no other estimate is drawn."
    if predictions.log_probabilities is None:
        return "Drawn besides: the cross-fitted curve, in which no sample is coded by what was fitted on it."
    return (
        "Drawn besides: the posterior-based curve, which learns nothing from the labels, and the cross-fitted "
        "one, in which no sample is coded by what was fitted on it."
    )
