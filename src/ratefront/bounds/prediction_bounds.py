"""The bounds that follow from what a task model said of labelled samples."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_collection import Bounds
from ratefront.bounds.curve_recipes import RECIPES
from ratefront.bounds.curve_warnings import curves_with_warnings
from ratefront.bounds.solver.blahut_arimoto import UnconvergedWarning
from ratefront.bounds.solver.solved_curve import SOLVED_SLOPES
from ratefront.bounds.source.confusion import Confusion
from ratefront.bounds.source.distributions import entropy_bits
from ratefront.bounds.source.predictions import Predictions, ReadAs, load_predictions
from ratefront.bounds.statistics.calibration import Calibration, calibrated
from ratefront.bounds.statistics.held_out import FOLDS, cross_fit
from ratefront.bounds.statistics.held_out_intervals import Bootstrap, HeldOutIntervals
from ratefront.bounds.statistics.reliability import expected_calibration_error
from ratefront.errors import InputError


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PredictionBounds(Bounds):
    """The bounds of a task model's predictions of N samples.

    Attributes:
        estimate_entropy_bits: H(Y~), the entropy of the decisions.
        expected_calibration_error: of the posteriors as given, in [0, 1]; None for decisions.
        calibration: the temperature and its effect; None where the posteriors are as given.
    """

    samples: int
    label_entropy_bits: float
    zero_rate_distortion: float
    task_model_distortion: float
    estimate_entropy_bits: float
    expected_calibration_error: float | None = None
    calibration: Calibration | None = None

    @property
    def description(self) -> tuple[str, ...]:
        """The samples, the task model's accuracy, and the calibration error."""
        first = (
            f"{self.samples} samples, {self.classes} classes; the task model is right for "
            f"{1.0 - self.task_model_distortion:.2%}, its decision has an entropy of "
            f"{self.estimate_entropy_bits:.4f} bit"
        )
        return (first, *self._calibration_in_words())

    def _calibration_in_words(self) -> tuple[str, ...]:
        error, calibration = self.expected_calibration_error, self.calibration
        if error is None:
            return ()
        sentence = f"expected calibration error of the posteriors: {error:.4f}"
        if calibration is None:
            return (sentence,)
        after, temperature = calibration.expected_calibration_error_after, calibration.temperature
        return (f"{sentence}, and {after:.4f} at temperature {temperature:.4g}",)

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the document that `ratefront bounds` writes for predictions."""
        return {
            "classes": self.classes,
            "samples": self.samples,
            "task_model_distortion": self.task_model_distortion,
            "zero_rate_distortion": self.zero_rate_distortion,
            "label_entropy_bits": self.label_entropy_bits,
            "estimate_entropy_bits": self.estimate_entropy_bits,
            "expected_calibration_error": self.expected_calibration_error,
            "calibration": None if self.calibration is None else asdict(self.calibration),
            "warnings": list(self.warnings),
            "curves": self._curves_as_json(),
        }


def from_predictions(
    labels: npt.ArrayLike,
    *,
    logits: npt.ArrayLike | None = None,
    probabilities: npt.ArrayLike | None = None,
    predicted: npt.ArrayLike | None = None,
    only: Iterable[str] | None = None,
    besides: Collection[str] = (),
    points: int = SOLVED_SLOPES,
    bootstrap: Bootstrap | None = None,
    calibrate: bool = False,
) -> PredictionBounds:
    """Compute the bounds of a task model from what it said of labelled samples.

    Give exactly one of `logits`, `probabilities` and `predicted`.

    Args:
        labels: the true classes, shape (N,), 0..K-1.
        logits: outputs of the network before its softmax, or log-probabilities, shape (N, K).
        probabilities: shape (N, K), rows that sum to 1.
        predicted: the decided classes, shape (N,). Bounds that need posteriors are left out.
        only: names of curves (`RECIPES`); by default those of the theory that the predictions allow.
        besides: names of curves to draw in addition to the default ones.
        points: number of solved slopes of each iterated curve, at least 2.
        bootstrap: also measures each curve that has channels to fit on held-out samples (5-fold cross-fitting),
            with intervals for the rate at a distortion.
        calibrate: first brings the posteriors to the temperature of least log loss.

    Returns:
        The curves by name, rates in bit/sample over distortions measured on the labels, with warnings where there
        is reason to doubt them.

    Raises:
        InputError: not exactly one output; arrays that do not fit; logits that look like probabilities (if they
            are logits, use `bounds_of` and `Predictions.from_logits(..., insist=True)`); an unknown curve, or one
            that the predictions do not allow; calibration without posteriors; intervals from a single sample.

    Example:
        >>> import numpy as np
        >>> labels = np.arange(300) % 3
        >>> logits = 2.0 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(300, 3))
        >>> bounds = from_predictions(labels, logits=logits)
        >>> round(1 - bounds.task_model_distortion, 2)  # the task model's own accuracy
        0.89
        >>> round(bounds["oracle"].rate_at(0.2), 3)  # bit/sample at 80 % accuracy
        0.663
        >>> round(bounds.gaps(rate_bits=1.5, accuracy=0.8)["indirect_estimate_and_compress"].bits, 2)
        0.53
    """
    predictions = _given(labels, logits, probabilities, predicted)
    return bounds_of(
        predictions, only, besides=besides, points=points, bootstrap=bootstrap, calibrate=calibrate
    )


def from_file(
    path: str | Path,
    only: Iterable[str] | None = None,
    *,
    read_as: ReadAs | None = None,
    besides: Collection[str] = (),
    points: int = SOLVED_SLOPES,
    bootstrap: Bootstrap | None = None,
    calibrate: bool = False,
) -> PredictionBounds:
    """Compute the bounds of the predictions in an npz file, also of the one that a sweep keeps of its task model.

    Args:
        path: a file that holds `labels` (N,) and one of `logits` (N, K), `probabilities` (N, K), `predicted` (N,).
        only: as `from_predictions`.
        read_as: "logits" or "probabilities": what the scores are, whatever their name and values suggest.
        besides: as `from_predictions`.
        points: as `from_predictions`.
        bootstrap: as `from_predictions`.
        calibrate: as `from_predictions`.

    Returns:
        As `from_predictions`.

    Raises:
        InputError: the file cannot be used, or as `from_predictions`.

    Example:
        >>> import numpy as np, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "predictions.npz"
        >>> np.savez(path, labels=[0, 1, 2, 2], predicted=[0, 1, 2, 1])
        >>> from_file(path, ["oracle", "huffman"])["huffman"].rate_bits.tolist()  # bit/sample
        [1.5]
    """
    predictions = load_predictions(path, read_as)
    return bounds_of(
        predictions, only, besides=besides, points=points, bootstrap=bootstrap, calibrate=calibrate
    )


def bounds_of(
    predictions: Predictions,
    only: Iterable[str] | None = None,
    *,
    besides: Collection[str] = (),
    points: int = SOLVED_SLOPES,
    bootstrap: Bootstrap | None = None,
    calibrate: bool = False,
) -> PredictionBounds:
    """Compute the bounds of predictions that are checked already; arguments as `from_predictions`.

    Raises:
        InputError: as `from_predictions`, apart from the arrays.

    Example:
        >>> predictions = Predictions.from_decisions([0, 1, 2, 2], [0, 1, 2, 1])
        >>> bounds_of(predictions, ["time_sharing"])["time_sharing"].least_distortion
        0.25
    """
    calibration, error = None, None
    if calibrate:
        predictions, calibration = calibrated(predictions)
        error = calibration.expected_calibration_error_before
    elif predictions.log_probabilities is not None:
        error = expected_calibration_error(predictions)
    with warnings.catch_warnings(record=True) as unconverged:
        warnings.simplefilter("always", UnconvergedWarning)
        drawn = curves_with_warnings(predictions, only, points, besides=besides, is_tempered=calibrate)
    confusion = Confusion(predictions.joint)
    sentences = [*drawn.warnings, calibration and calibration.warning]
    sentences += [str(warning.message) for warning in unconverged]
    return PredictionBounds(
        curves=drawn.curves,
        classes=predictions.classes,
        samples=predictions.samples,
        task_model_distortion=float(np.mean(predictions.predicted != predictions.labels)),
        zero_rate_distortion=confusion.zero_rate_distortion,
        label_entropy_bits=entropy_bits(confusion.label_prior),
        estimate_entropy_bits=confusion.estimate_entropy_bits,
        expected_calibration_error=error,
        calibration=calibration,
        warnings=tuple(sentence for sentence in sentences if sentence),
        held_out={} if bootstrap is None else _held_out(predictions, drawn.curves, bootstrap),
    )


def _given(
    labels: npt.ArrayLike,
    logits: npt.ArrayLike | None,
    probabilities: npt.ArrayLike | None,
    predicted: npt.ArrayLike | None,
) -> Predictions:
    outputs = {"logits": logits, "probabilities": probabilities, "predicted": predicted}
    given = [name for name, values in outputs.items() if values is not None]
    if len(given) != 1:
        raise InputError(f"give exactly one of {', '.join(outputs)}; given: {', '.join(given) or 'none'}")
    if logits is not None:
        return Predictions.from_logits(labels, logits)
    if probabilities is not None:
        return Predictions.from_probabilities(labels, probabilities)
    assert predicted is not None
    return Predictions.from_decisions(labels, predicted)


def _held_out(
    predictions: Predictions, curves: Mapping[str, RateDistortionCurve], bootstrap: Bootstrap
) -> dict[str, HeldOutIntervals]:
    """Measure the curves that have channels to fit on held-out samples."""
    intervals = {}
    for name, curve in curves.items():
        fit_like = RECIPES[name].fit
        if fit_like is not None:
            measured = cross_fit(predictions, fit_like(predictions, curve), FOLDS, bootstrap.seed)
            intervals[name] = HeldOutIntervals.of(measured, bootstrap)
    return intervals
