"""Predictions of small made-up task models whose truth is known."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from ratefront.bounds.curves.indirect_estimate_and_compress import indirect_problem
from ratefront.bounds.solver.blahut_arimoto import BlahutArimotoResult, solve_kernel
from ratefront.bounds.source.confusion import Confusion
from ratefront.bounds.source.predictions import Predictions


def calibrated_logits(
    samples: int, classes: int, seed: int = 0, scale: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """(labels (N,), logits (N, K)): labels drawn from the softmax of the logits, which is thus the truth."""
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(samples, classes))
    below = softmax(logits, axis=1).cumsum(axis=1) < rng.random((samples, 1))
    return np.minimum(below.sum(axis=1), classes - 1), logits


def calibrated_predictions(samples: int, classes: int, seed: int = 0, scale: float = 2.0) -> Predictions:
    return Predictions.from_logits(*calibrated_logits(samples, classes, seed, scale))


def drawn_decisions(joint: np.ndarray, samples: int, seed: int) -> Predictions:
    """N pairs of label and decision from a joint p(y, y~)."""
    cells = np.random.default_rng(seed).choice(joint.size, samples, p=joint.ravel())
    label, decision = np.divmod(cells, joint.shape[1])
    return Predictions.from_decisions(label, decision, joint.shape[0])


def solve_indirect(confusion: Confusion, slope: float, tolerance_bits: float = 1e-5) -> BlahutArimotoResult:
    """One point of the plug-in iE&C."""
    problem = indirect_problem(confusion)
    return solve_kernel(problem.source, problem.kernel_at(slope), None, tolerance_bits)
