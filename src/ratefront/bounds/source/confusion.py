"""The joint p(y, y~) of label and decision: all that E&C, iE&C and time sharing use of a task model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ratefront.bounds.source.distributions import as_distribution, as_numbers, entropy_bits
from ratefront.errors import InputError

Joint = sparse.csr_array | npt.ArrayLike


class Confusion:
    """The joint p(y, y~) and what follows from it.

    Attributes:
        joint: sparse, shape (K, K), rows are labels.
        label_prior: p(y), shape (K,).
        estimate_prior: p(y~), shape (K,).

    Raises:
        InputError: not square, negative, not finite, or not summing to 1.
    """

    def __init__(self, joint: Joint) -> None:
        self.joint = _checked_joint(joint)
        self.label_prior = as_distribution(self.joint.sum(axis=1), "p(y)")
        self.estimate_prior = as_distribution(self.joint.sum(axis=0), "p(y~)")

    @property
    def classes(self) -> int:
        """K."""
        return int(self.label_prior.size)

    @property
    def task_model_distortion(self) -> float:
        """D_TM = P(Y~ != Y), MA equation 8."""
        return max(0.0, float(1.0 - self.joint.diagonal().sum()))

    @property
    def zero_rate_distortion(self) -> float:
        """D0 = 1 - max_y p(y)."""
        return max(0.0, float(1.0 - self.label_prior.max()))

    @property
    def estimate_entropy_bits(self) -> float:
        """H(Y~)."""
        return entropy_bits(self.estimate_prior)

    @property
    def decided(self) -> npt.NDArray[np.bool_]:
        """Which decisions occur, shape (K,)."""
        return np.asarray(self.estimate_prior > 0)

    @property
    def posterior_given_estimate(self) -> sparse.csr_array:
        """P(Y = y | y~) (MA equation 19), sparse: rows are the decisions that occur, columns all classes."""
        by_decision = self.joint.T.tocsr()[self.decided]
        return sparse.csr_array(sparse.diags_array(1.0 / self.estimate_prior[self.decided]) @ by_decision)


def _checked_joint(joint: Joint) -> sparse.csr_array:
    values = joint if sparse.issparse(joint) else as_numbers(joint, "the joint p(y, y~)")
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.shape[0] == 0:
        raise InputError(f"the joint p(y, y~) must have shape (K, K), it has {values.shape}")
    matrix = sparse.csr_array(values)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.all(np.isfinite(matrix.data)) or np.any(matrix.data < 0):
        raise InputError("the joint p(y, y~) must be finite and nonnegative")
    as_distribution(matrix.data if matrix.nnz else [0.0], "the joint p(y, y~)")
    return sparse.csr_array(matrix / matrix.sum())
