"""Random posteriors and joints (hypothesis), the curves if they are the truth, and a plain Blahut–Arimoto."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ratefront.bounds import (
    RateDistortionCurve,
    estimate_and_compress,
    indirect_estimate_and_compress,
    oracle_rate_bits,
    sample_and_communicate,
    task_model_curve,
)

CHORD_BITS = 0.005
"""How far a curve drawn through 60 points may lie from the true one; above one bit, relative."""
EXACT_BITS = 1e-9


@st.composite
def posteriors(draw: st.DrawFn, classes: int = 8, samples: int = 60) -> np.ndarray:
    """p(y | x_i), shape (N, K): peaked or flat, tempered, skewed, with exact zeros, ones and repeated rows."""
    k, n = draw(st.integers(1, classes)), draw(st.integers(1, samples))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    skew = rng.dirichlet(np.full(k, draw(st.sampled_from([0.1, 1.0, 10.0]))))
    spread = draw(st.sampled_from([0.02, 0.1, 0.5, 1.0, 5.0, 100.0]))
    p = rng.dirichlet(np.maximum(spread * k * skew, 1e-3), n) ** draw(st.sampled_from([1.0, 0.3, 3.0, 10.0]))
    if draw(st.booleans()):
        p[p < 0.05] = 0.0
    certain = (p.sum(axis=1) <= 0) | (rng.random(n) < draw(st.sampled_from([0.0, 0.3, 1.0])))
    p[certain] = np.eye(k)[rng.integers(0, k, int(certain.sum()))]
    if draw(st.booleans()):
        p = p[rng.integers(0, n, n)]
    return np.asarray(p / p.sum(axis=1, keepdims=True))


@st.composite
def joints(draw: st.DrawFn) -> np.ndarray:
    """p(y, y~) from integer counts, with empty rows and columns now and then; the task model may be bad."""
    k = draw(st.integers(1, 6))
    cells = draw(st.lists(st.integers(0, 30), min_size=k * k, max_size=k * k).filter(any))
    counts = np.array(cells, dtype=float).reshape(k, k) + draw(st.integers(0, 40)) * np.eye(k)
    return np.asarray(counts / counts.sum())


def log_of(posterior: np.ndarray) -> np.ndarray:
    """Scores: -inf where a probability is exactly zero."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(posterior))


def joint_of(posterior: np.ndarray) -> np.ndarray:
    """p(y, y~) if the posteriors are the truth: the mean over the samples of p(y | x) [y~(x) = y~]."""
    joint = np.zeros((posterior.shape[1],) * 2)
    np.add.at(joint.T, posterior.argmax(axis=1), posterior / len(posterior))
    return joint


def labelled_in_proportion(posterior: np.ndarray, parts: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (labels, posteriors): each row rounded to whole parts and repeated, with labels in proportion."""
    rng = np.random.default_rng(seed)
    counts = np.array([rng.multinomial(parts, row) for row in posterior])
    labels = np.concatenate([np.repeat(np.arange(row.size), row) for row in counts])
    return labels, np.repeat(counts / parts, parts, axis=0)


@dataclass(frozen=True, eq=False)
class Truth:
    """Every curve of one task model whose posteriors (N, K) are the truth."""

    posterior: np.ndarray
    points: int = 60

    @property
    def prior(self) -> np.ndarray:
        return np.asarray(self.posterior.mean(axis=0))

    @property
    def zero_rate_distortion(self) -> float:
        return max(0.0, float(1.0 - self.prior.max()))

    @property
    def least_distortion(self) -> float:
        """D_TM, as the posteriors expect it."""
        return max(0.0, float(1.0 - self.posterior.max(axis=1).mean()))

    @property
    def decisions(self) -> np.ndarray:
        return np.asarray(self.posterior.argmax(axis=1))

    def task_model(self) -> RateDistortionCurve:
        return task_model_curve(log_of(self.posterior), self.decisions, self.points).expected()

    def indirect(self) -> RateDistortionCurve:
        return indirect_estimate_and_compress(joint_of(self.posterior), self.points)

    def estimated(self) -> RateDistortionCurve:
        return estimate_and_compress(joint_of(self.posterior)).envelope(self.zero_rate_distortion)

    def sampled(self) -> RateDistortionCurve:
        drawn = sample_and_communicate(log_of(self.posterior), self.decisions).expected()
        return drawn.envelope(self.zero_rate_distortion)


def certified_rate(curve: RateDistortionCurve, distortion: float) -> float:
    """What a convex curve cannot lie below: the highest of its points' tangents, less their gaps."""
    assert curve.slope is not None
    tangent = np.isfinite(curve.slope)
    gap = np.zeros(curve.slope.size) if curve.gap_bits is None else curve.gap_bits
    fall = curve.slope[tangent] / np.log(2) * (distortion - curve.distortion[tangent])
    return float((curve.rate_bits[tangent] - gap[tangent] - fall).max(initial=0.0))


def assert_not_above(lower: RateDistortionCurve, upper: RateDistortionCurve) -> None:
    """At each point of `upper`, which is achievable: the bound below it strictly, its drawing within a chord."""
    for distortion, rate in zip(upper.distortion, upper.rate_bits, strict=True):
        assert certified_rate(lower, distortion) <= rate + EXACT_BITS, (lower.name, upper.name, distortion)
        drawn = lower.rate_at(distortion)
        assert drawn is not None, (lower.name, upper.name, distortion, lower.least_distortion)
        assert drawn <= rate + CHORD_BITS * max(1.0, rate), (lower.name, upper.name, distortion)


def assert_order(truth: Truth) -> None:
    """Check the order in docs/theory.md: oracle <= TMRD <= iE&C <= envelope(E&C), TMRD <= envelope(S&C)."""
    task_model, indirect = truth.task_model(), truth.indirect()
    for d in np.append(task_model.distortion, np.linspace(task_model.least_distortion, 1.0, 50)):
        rate = task_model.rate_at(d)
        assert rate is not None
        assert float(oracle_rate_bits(truth.prior, min(d, 1.0))) <= rate + EXACT_BITS
    assert_not_above(task_model, indirect)
    assert_not_above(indirect, truth.estimated())
    assert_not_above(task_model, truth.sampled())


def greatest_difference(
    one: RateDistortionCurve, other: RateDistortionCurve, at: np.ndarray
) -> tuple[float, float]:
    """(difference of the rates in bit, relative above one bit; where), over distortions that both reach."""
    found = [(one.rate_at(d), other.rate_at(d), d) for d in at]
    apart = [(abs(a - b) / max(1.0, b), d) for a, b, d in found if a is not None and b is not None]
    return max(apart, default=(0.0, np.nan))


def plain_blahut_arimoto(
    source: np.ndarray, distortion: np.ndarray, slope: float, steps: int
) -> tuple[float, float]:
    """(lower, upper) bound on min R + s D in nat, by the textbook iteration: nothing shared with the package."""
    floor = distortion.min(axis=1, keepdims=True)
    weight = np.exp(-slope * (distortion - floor))
    q = np.full(distortion.shape[1], 1.0 / distortion.shape[1])
    for _ in range(steps):
        q = q * ((source / (weight @ q)) @ weight)
    normaliser = weight @ q
    objective = float(slope * (source @ floor[:, 0]) - source @ np.log(normaliser))
    return objective - float(np.log(((source / normaliser) @ weight).max())), objective
