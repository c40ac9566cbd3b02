"""Posteriors of a better temperature, none of which its own label helped to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.calibration import divided, temperature_of
from ratefront.bounds.statistics.channel_inputs import scores_of
from ratefront.bounds.statistics.held_out import FOLDS, split_in_folds, subset


def cross_calibrated(predictions: Predictions, folds: int = FOLDS, seed: int = 0) -> Predictions:
    """Each fold's scores, divided by the temperature of least log loss of the other folds.

    Raises:
        InputError: a single sample, no posteriors, or labels of posterior zero alone (fatal).
    """
    scores = scores_of(predictions)
    mended = np.empty_like(scores)
    for part, rest in split_in_folds(predictions.samples, folds, seed):
        mended[part] = divided(scores[part], temperature_of(subset(predictions, rest)))
    return replace(predictions, log_probabilities=mended)
