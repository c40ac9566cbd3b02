"""The exact rate–distortion function of a discrete source when the receiver names k classes, for any prior.

The answer is a set L of k classes; it is wrong where y is not in L. At slope s, with e = exp(-s), the optimal
output Q over sets minimises -sum_y p_y log Z_y with

    Z_y = sum_L Q(L) e^[y not in L] = e + (1 - e) pi_y,    pi_y = Q(y in L).

So Q matters only through the inclusion probabilities pi. Any pi with 0 <= pi <= 1 and sum pi = k belongs to some
Q, because the vertices of that polytope are the sets. The objective is convex in pi. Its optimality conditions are
Z_y = clip(p_y / c, e, 1), with c fixed by sum pi = k. In terms of the two levels c and t = c e:

    sum_y clip(p_y, t, c) = K t + k (c - t).

Let N(u) be the number of classes with p > u. Then the condition says that the mean of N over [t, c] is k. As N
falls from above k to below it at p_k (the k-th likeliest), two areas are equal:

    integral_t^{p_k+1} (N - k) du  =  w  =  integral_{p_k}^c (k - N) du.

The accuracy A = sum_y p_y pi_y / Z_y is the mass of the k likeliest classes plus w, so w = D0 - D. Each area is
piecewise linear in its level, so D gives both levels at once. From -dR/dD = log(c/t) follows

    R = sum_{y <= k, p_y < c} (c log c - p_y log p_y)  -  sum_{y > k, p_y > t} (p_y log p_y - t log t).

At D = 0, t is 0 and R is the least I(Y; L) over sets that always hold y. There is no iteration and no search. With
k = 1 it is `water_filling`.
"""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from ratefront.bounds.source.distributions import FloatArray, as_distortions, as_distribution
from ratefront.errors import InputError


class TopKWaterFilling:
    """The solution for one prior of shape (K,) and one k; classes of zero probability play no part.

    Args:
        prior: shape (K,).
        k: how many classes the receiver names.

    Attributes:
        zero_rate_distortion: D0 = 1 - the mass of the k likeliest classes; 0 where no more than k occur.

    Raises:
        InputError: the prior is not a distribution, or k is not an integer >= 1.
    """

    def __init__(self, prior: npt.ArrayLike, k: int) -> None:
        p = as_distribution(prior, "the prior")
        likeliest_last = np.sort(p[p > 0])
        split = max(0, likeliest_last.size - _checked_k(k))
        self._likeliest = likeliest_last[split:]
        self._others = likeliest_last[:split][::-1]
        self._floors = np.append(self._others, 0.0)
        self._floor_area = _areas(-self._floors)
        self.zero_rate_distortion = float(self._floor_area[-1])
        self._ceilings, self._ceiling_area = self._with_top(_areas(self._likeliest))
        self._likeliest_sums = _cumulated(self._likeliest)
        self._others_sums = _cumulated(self._others)
        self._breaks = self._all_breaks()

    @property
    def critical_slope(self) -> float:
        """-dR/dD in nat just left of D0: the logarithm of the ratio of the k-th likeliest and the next."""
        return float(np.log(self._likeliest[0]) - np.log(self._others[0])) if self._others.size else np.inf

    def rate_bits(self, distortion: npt.ArrayLike) -> FloatArray:
        """Return R(D) in bit, in the shape of `distortion`; 0 from D0 on.

        Raises:
            InputError: a distortion outside [0, 1] or not finite.
        """
        d = as_distortions(distortion)
        ceiling, floor = self._levels(np.maximum(self.zero_rate_distortion - d, 0.0))
        below = np.searchsorted(self._likeliest, ceiling, side="left")
        above = np.searchsorted(-self._others, -floor, side="left")
        nats = below * xlogy(ceiling, ceiling) - self._likeliest_sums[below]
        nats = nats - self._others_sums[above] + above * xlogy(floor, floor)
        return np.where(d >= self.zero_rate_distortion, 0.0, np.maximum(nats, 0.0) / np.log(2))

    def distortion_at_slope(self, slope: float) -> float:
        """Return D where -dR/dD is `slope` nat; infinity gives 0.

        The ratio of the levels falls along the areas. Between two breakpoints both levels are linear.
        """
        error_factor = float(np.exp(-slope))
        ceiling, floor = self._levels(self._breaks)
        ahead = floor - error_factor * ceiling
        if self._breaks.size < 2 or ahead[0] <= 0.0:
            return self.zero_rate_distortion
        last = int(np.count_nonzero(ahead > 0.0)) - 1
        share = ahead[last] / (ahead[last] - ahead[last + 1])
        area = self._breaks[last] + share * (self._breaks[last + 1] - self._breaks[last])
        return float(np.clip(self.zero_rate_distortion - area, 0.0, self.zero_rate_distortion))

    def _levels(self, area: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the levels c and t, each in the shape of `area`."""
        ceiling = np.interp(area, self._ceiling_area, self._ceilings)
        return np.asarray(ceiling), np.asarray(np.interp(area, self._floor_area, self._floors))

    def _with_top(self, area: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Add a level above the likeliest class, where all k classes are lifted, up to the area of t = 0."""
        left = self.zero_rate_distortion - float(area[-1])
        if left <= 0.0:
            return self._likeliest, area
        top = self._likeliest[-1] + left / self._likeliest.size
        return np.append(self._likeliest, top), np.append(area, self.zero_rate_distortion)

    def _all_breaks(self) -> FloatArray:
        inside = self._ceiling_area[self._ceiling_area <= self.zero_rate_distortion]
        return np.union1d(self._floor_area, inside)


def _areas(levels: FloatArray) -> FloatArray:
    """Return, for rising levels, the area that lifts all lower levels to each level, in the shape of `levels`."""
    return np.concatenate([[0.0], np.cumsum(np.arange(1, levels.size) * np.diff(levels))])


def _cumulated(p: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(xlogy(p, p))])


def _checked_k(k: int) -> int:
    try:
        whole = operator.index(k)
    except TypeError as error:
        raise InputError(f"k must be an integer: {error}") from error
    if whole < 1:
        raise InputError(f"the receiver must name at least 1 class, got k = {whole}")
    return whole
