"""The bounds at ImageNet's size: seconds, peak memory, and how many times as fast as the plain iteration.

Ours is the whole call that makes a curve, the choice of the slopes included; the plain iteration is handed
the slopes of that very curve and solves them one after the other to the same certified gap. A slope at which
it has not converged after MOST_ITERATIONS counts with the time that it took, so that the ratio is then a
lower bound; a note on standard error says how often that was. Both answers are compared at every slope.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from curve_process import Measured, in_own_process
from drawn_classifier import drawn_decisions
from plain_iteration import PlainPoint, plain_blahut_arimoto
from scipy import sparse
from timing import Figures, VoidBenchmarkError, note, seconds_of

from ratefront.bounds import (
    RateDistortionCurve,
    UnconvergedWarning,
    estimate_and_compress,
    indirect_estimate_and_compress,
    oracle_point_at_slope,
)

FloatArray = npt.NDArray[np.float64]

SAMPLES, CLASSES = 50_000, 1000
EXACT_POINTS, SLOPES = 200, 60
TOLERANCE_BITS = 1e-4
MOST_ITERATIONS = 20_000
PSEUDO_COUNT = 1e-3
"""Samples added to each cell of the confusion matrix to make it dense."""
ROUNDING = 1e-6


class Solved(NamedTuple):
    """Points of a rate-distortion function, each of shape (M,)."""

    slope: FloatArray
    rate_bits: FloatArray
    distortion: FloatArray
    gap_bits: FloatArray


class Problem(NamedTuple):
    """A source (n,) and its distortion matrix (n, m)."""

    source: FloatArray
    distortion: FloatArray


def measure() -> Figures:
    """Measure all figures of the bounds."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnconvergedWarning)
        counts = _confusion_counts()
        yield from _exact(counts / counts.sum())
        yield from _sparse(counts / counts.sum())
        dense = counts + PSEUDO_COUNT
        yield from _dense(dense / dense.sum())
    yield from _sampled()
    yield from _task_model()


def _exact(joint: FloatArray) -> Figures:
    """E&C has a closed form; the plain iteration meets p(y~) under Hamming distortion."""
    name = "estimate_and_compress_k1000"
    stored = sparse.csr_array(joint)
    curve, seconds = _curve_and_seconds(lambda: estimate_and_compress(stored, EXACT_POINTS))
    yield name, seconds
    prior = joint.sum(axis=0)
    occurs = prior > 0
    slopes = _present(curve.slope)
    distortion = np.array([oracle_point_at_slope(prior, slope)[1] for slope in slopes])
    solved = Solved(slopes, curve.rate_bits, distortion, np.zeros(slopes.size))
    problem = Problem(prior[occurs], 1.0 - np.eye(prior.size)[occurs])
    yield f"{name}_over_plain", _plain_seconds(name, problem, solved) / seconds


def _sparse(joint: FloatArray) -> Figures:
    name = "indirect_estimate_and_compress_k1000"
    curve, seconds = _curve_and_seconds(lambda: indirect_estimate_and_compress(joint, SLOPES, TOLERANCE_BITS))
    yield name, seconds
    yield f"{name}_over_plain", _plain_seconds(name, _indirect(joint), _solved(curve)) / seconds


def _dense(joint: FloatArray) -> Figures:
    name = "indirect_estimate_and_compress_dense_k1000"
    curve, seconds = _curve_and_seconds(lambda: indirect_estimate_and_compress(joint, SLOPES, TOLERANCE_BITS))
    yield f"{name}_over_plain", _plain_seconds(name, _indirect(joint), _solved(curve)) / seconds


def _sampled() -> Figures:
    measured = in_own_process("sample_and_communicate", SAMPLES, CLASSES)
    yield from _seconds_and_peak("sample_and_communicate_50000x1000", measured)


def _task_model() -> Figures:
    measured = in_own_process("task_model", SAMPLES, CLASSES)
    low = sum(0.0 < rate < 0.5 for rate in measured.rate_bits)
    note(f"task_model: {len(measured.rate_bits)} points, {low} of them between 0 and 0.5 bit")
    if low == 0:
        raise VoidBenchmarkError("no slope of the task-model curve has a rate between 0 and 0.5 bit")
    yield from _seconds_and_peak("task_model_50000x1000", measured)


def _seconds_and_peak(name: str, measured: Measured) -> Figures:
    yield name, measured.seconds
    yield f"{name}_peak", measured.peak_bytes / 1e9


def _confusion_counts() -> FloatArray:
    labels, decisions = drawn_decisions(SAMPLES, CLASSES)
    counts = np.bincount(labels * CLASSES + decisions, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    note(f"confusion of {SAMPLES} samples: {np.count_nonzero(counts) / counts.size:.2%} dense")
    return counts.astype(np.float64)


def _indirect(joint: FloatArray) -> Problem:
    """p(y~) and 1 - P(Y = y^ | y~), the decisions that occur as rows."""
    prior = joint.sum(axis=0)
    occurs = prior > 0
    return Problem(prior[occurs], 1.0 - (joint[:, occurs] / prior[occurs]).T)


def _curve_and_seconds(make: Callable[[], RateDistortionCurve]) -> tuple[RateDistortionCurve, float]:
    return make(), seconds_of(make)


def _solved(curve: RateDistortionCurve) -> Solved:
    """All points but the constant answer at 0 bit, for which nothing was solved."""
    last = int(np.argmin(curve.rate_bits))
    arrays = (_present(curve.slope), curve.rate_bits, curve.distortion, _present(curve.gap_bits))
    return Solved(*(np.delete(array, last) for array in arrays))


def _present(array: FloatArray | None) -> FloatArray:
    if array is None:
        raise VoidBenchmarkError("the curve does not say at which slopes, or how well, it was solved")
    return array


def _plain_seconds(name: str, problem: Problem, ours: Solved) -> float:
    """Raises VoidBenchmarkError where ours misses the tolerance or both answers cannot be right."""
    if ours.gap_bits.max() > TOLERANCE_BITS:
        raise VoidBenchmarkError(f"{name}: a gap of {ours.gap_bits.max():.3g} bit is left")
    seconds, points = 0.0, []
    for slope, *our_point in zip(*ours, strict=True):
        began = time.perf_counter()
        plain = plain_blahut_arimoto(*problem, slope, TOLERANCE_BITS, MOST_ITERATIONS)
        seconds += time.perf_counter() - began
        _compare(name, slope, plain, *our_point)
        points.append(plain)
    capped = sum(point.gap_bits > TOLERANCE_BITS for point in points)
    steps = sum(point.iterations for point in points)
    note(
        f"{name}: plain {seconds:.1f} s, {len(points)} slopes, {steps} steps, "
        f"{capped} slopes given up after {MOST_ITERATIONS}"
    )
    return seconds


def _compare(
    name: str, slope: float, plain: PlainPoint, rate_bits: float, distortion: float, gap_bits: float
) -> None:
    """Each certifies that the tangent of this slope lies at or below its point, by no more than its gap."""
    apart = plain.distortion - distortion
    moved = 0.0 if abs(apart) <= ROUNDING else slope * apart / np.log(2)
    difference = plain.rate_bits + moved - rate_bits
    if not -gap_bits - ROUNDING <= difference <= plain.gap_bits + ROUNDING:
        raise VoidBenchmarkError(
            f"{name}: at slope {slope:.6g} nat the two answers are {difference:.3g} bit apart"
        )
