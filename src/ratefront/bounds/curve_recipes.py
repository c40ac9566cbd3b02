"""The curves that predictions allow, and how each is built from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ratefront.bounds.codes import operational_codes
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import (
    BLOCK_CODES,
    CURVE_KINDS,
    ESTIMATE_AND_COMPRESS,
    FIXED_LENGTH,
    HUFFMAN,
    INDIRECT_CROSS_FITTED,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    INDIRECT_POSTERIOR,
    LINEAR_RULE,
    MERGED_CLASSES,
    ORACLE,
    SAMPLE_AND_COMMUNICATE,
    TASK_MODEL,
    TASK_MODEL_CALIBRATED,
    TIME_SHARING,
)
from ratefront.bounds.curves.estimate_and_compress import estimate_and_compress
from ratefront.bounds.curves.indirect_estimate_and_compress import (
    indirect_estimate_and_compress,
    indirect_from_posteriors,
)
from ratefront.bounds.curves.linear_rule import linear_rule
from ratefront.bounds.curves.oracle import oracle_curve
from ratefront.bounds.curves.sample_and_communicate import MANY_SCORES, default_points, sample_and_communicate
from ratefront.bounds.curves.task_model_curve import task_model_curve
from ratefront.bounds.curves.temperature_grid import TemperatureGrid
from ratefront.bounds.curves.time_sharing import time_sharing
from ratefront.bounds.solver.solved_curve import SOLVED_SLOPES
from ratefront.bounds.source.distributions import FloatArray, checked_count
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.source.scores import RealArray
from ratefront.bounds.statistics.calibration import cross_calibrated
from ratefront.bounds.statistics.channel_fits import (
    fit_estimate_and_compress,
    fit_indirect,
    fit_oracle,
    fit_sampling,
    fit_task_model,
    fit_time_sharing,
)
from ratefront.bounds.statistics.channels import Channels
from ratefront.bounds.statistics.few_samples import OTHER_ESTIMATES, has_few_samples
from ratefront.bounds.statistics.held_out import Fit, indirect_cross_fitted
from ratefront.errors import InputError

Build = Callable[[Predictions, int], RateDistortionCurve]
"""(predictions, number of solved slopes of an iterated curve) -> the curve."""

FitLike = Callable[[Predictions, RateDistortionCurve], Fit]
"""(predictions, the curve fitted on all of them) -> a fit of channels with the same slopes to other samples."""

HELD_OUT_POINTS, FEW_HELD_OUT_POINTS = 60, 20
"""The smaller number is used where every fold and every slope costs passes over many scores."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a curve is built and what it needs.

    Attributes:
        build: from predictions to the curve.
        needs_posteriors: whether decisions alone do not suffice.
        is_default: whether it is drawn when no curves are asked for by name.
        needs_samples: the least number of samples.
        fit: how its channels are fitted to other samples; None where there is nothing to hold out.
    """

    build: Build
    needs_posteriors: bool = False
    is_default: bool = False
    needs_samples: int = 1
    fit: FitLike | None = None

    def obstacle(self, predictions: Predictions) -> str | None:
        """Return why these predictions do not allow the curve; None if they do."""
        if self.needs_posteriors and predictions.log_probabilities is None:
            return "needs logits or probabilities; these predictions are decisions only"
        if predictions.samples < self.needs_samples:
            return f"needs at least {self.needs_samples} samples"
        return None


def _scores(predictions: Predictions) -> RealArray:
    assert predictions.log_probabilities is not None
    return predictions.log_probabilities


def _sampled(predictions: Predictions, points: int) -> RateDistortionCurve:
    scores = _scores(predictions)
    return sample_and_communicate(scores, predictions.labels, max(points, default_points(scores)))


def _calibrated_task_model(predictions: Predictions, points: int) -> RateDistortionCurve:
    curve = task_model_curve(_scores(cross_calibrated(predictions)), predictions.labels, points)
    assumptions = CURVE_KINDS[TASK_MODEL_CALIBRATED].assumptions
    return replace(curve, name=TASK_MODEL_CALIBRATED, assumptions=assumptions)


def _indirect_slopes(predictions: Predictions, points: int) -> FloatArray:
    slope = indirect_estimate_and_compress(predictions.joint, points).slope
    assert slope is not None
    return slope


def _at_slopes(fit: Callable[[Predictions, FloatArray], Channels], *, passes: bool = False) -> FitLike:
    """Fit channels at some of the curve's slopes: a closed form has more slopes than a held-out curve needs.

    `passes` says that solving one slope takes many passes over all scores.
    """

    def fit_like(predictions: Predictions, curve: RateDistortionCurve) -> Fit:
        assert curve.slope is not None
        many = passes and _scores(predictions).size > MANY_SCORES
        points = FEW_HELD_OUT_POINTS if many else HELD_OUT_POINTS
        chosen = np.unique(np.linspace(0, curve.slope.size - 1, points).round().astype(int))
        slopes = curve.slope[chosen]
        return lambda predictions: fit(predictions, slopes)

    return fit_like


def _at_temperatures(predictions: Predictions, _: RateDistortionCurve) -> Fit:
    grid = TemperatureGrid(_scores(predictions), predictions.labels)
    grid.refine_to(HELD_OUT_POINTS)
    return partial(fit_sampling, inverse_temperatures=grid.lambdas)


def _at_shares(_: Predictions, __: RateDistortionCurve) -> Fit:
    return partial(fit_time_sharing, shares=np.linspace(1.0, 0.0, HELD_OUT_POINTS))


RECIPES: dict[str, Recipe] = {
    ORACLE: Recipe(
        lambda p, _: oracle_curve(p.label_prior),
        is_default=True,
        fit=_at_slopes(fit_oracle),
    ),
    TASK_MODEL: Recipe(
        lambda p, points: task_model_curve(_scores(p), p.labels, points),
        needs_posteriors=True,
        is_default=True,
        fit=_at_slopes(fit_task_model, passes=True),
    ),
    TASK_MODEL_CALIBRATED: Recipe(_calibrated_task_model, needs_posteriors=True, needs_samples=2),
    ESTIMATE_AND_COMPRESS: Recipe(
        lambda p, _: estimate_and_compress(p.joint),
        is_default=True,
        fit=_at_slopes(fit_estimate_and_compress),
    ),
    INDIRECT_ESTIMATE_AND_COMPRESS: Recipe(
        lambda p, points: indirect_estimate_and_compress(p.joint, points),
        is_default=True,
        fit=_at_slopes(fit_indirect),
    ),
    INDIRECT_POSTERIOR: Recipe(indirect_from_posteriors, needs_posteriors=True),
    INDIRECT_CROSS_FITTED: Recipe(
        lambda p, points: indirect_cross_fitted(p, _indirect_slopes(p, points)),
        needs_samples=2,
        fit=_at_slopes(fit_indirect),
    ),
    SAMPLE_AND_COMMUNICATE: Recipe(_sampled, needs_posteriors=True, is_default=True, fit=_at_temperatures),
    TIME_SHARING: Recipe(lambda p, _: time_sharing(p.joint), is_default=True, fit=_at_shares),
    LINEAR_RULE: Recipe(lambda p, _: linear_rule(math.log2(p.classes))),
    FIXED_LENGTH: Recipe(lambda p, _: operational_codes.fixed_length(p)),
    HUFFMAN: Recipe(lambda p, _: operational_codes.huffman(p)),
    BLOCK_CODES: Recipe(lambda p, _: operational_codes.block_codes(p)),
    MERGED_CLASSES: Recipe(lambda p, _: operational_codes.merged_classes(p)),
}


def curves_from_predictions(
    predictions: Predictions, only: Iterable[str] | None = None, points: int = SOLVED_SLOPES
) -> dict[str, RateDistortionCurve]:
    """Return the curves of the theory that the predictions allow, or those named in `only`.

    Where the samples are too few for the plug-in iE&C (`statistics.few_samples`), its posterior-based and
    cross-fitted estimates are added.

    Args:
        predictions: labels and what a task model said of N samples.
        only: names of curves, keys of `RECIPES`; None for the default curves.
        points: number of solved slopes of each iterated curve, at least 2.

    Returns:
        The curves by name.

    Raises:
        InputError: `only` names a curve that does not exist or that the predictions do not allow, or fewer than
            two points.

    Example:
        >>> predictions = Predictions.from_decisions([0, 1, 2, 2], [0, 1, 2, 1])
        >>> list(curves_from_predictions(predictions, ["oracle", "huffman"]))
        ['oracle', 'huffman']
    """
    checked_count(points, "the number of points")
    names = curve_names(predictions) if only is None else _known(only)
    for name in names:
        obstacle = RECIPES[name].obstacle(predictions)
        if obstacle:
            raise InputError(f"{name} {obstacle}")
    return {name: RECIPES[name].build(predictions, points) for name in names}


def curve_names(predictions: Predictions) -> list[str]:
    """Return the names of the curves that are drawn when none are asked for by name.

    Example:
        >>> "task_model" in curve_names(Predictions.from_decisions([0, 1], [0, 1]))  # needs posteriors
        False
    """
    added = OTHER_ESTIMATES if has_few_samples(predictions) else ()
    return [
        name
        for name, recipe in RECIPES.items()
        if (recipe.is_default or name in added) and recipe.obstacle(predictions) is None
    ]


def _known(only: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in ([only] if isinstance(only, str) else only)))
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise InputError(f"no such curve: {', '.join(map(repr, unknown))}; there are {', '.join(RECIPES)}")
    return names
