"""A curve's held-out interval as it is drawn: its channels fitted on some samples, measured on others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ratefront.bounds import HeldOutIntervals
from ratefront.bounds.source.distributions import FloatArray


@dataclass(frozen=True, eq=False)
class HeldOutBand:
    """Attributes, all of shape (M,) in bit/sample but for `accuracy`, sorted by it:

    rate_bits: measured on the held-out samples.
    accuracy: 1 - distortion there.
    low, high: the interval of the rate at that distortion; infinite where it has no such end, since too many
        resamples do not come down to that distortion.
    """

    rate_bits: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, held_out: HeldOutIntervals) -> HeldOutBand:
        accuracy = 1.0 - held_out.distortion
        order = np.argsort(accuracy, kind="stable")
        low, high = held_out.rate_bits_low[order], held_out.rate_bits_high[order]
        return cls(held_out.rate_bits[order], accuracy[order], low, high)

    @property
    def greatest(self) -> float:
        """The greatest finite rate."""
        rates = np.concatenate([self.rate_bits, self.low, self.high])
        return float(rates[np.isfinite(rates)].max())


def interval_title(held_out: Iterable[HeldOutIntervals]) -> str:
    """What the bands show, in words: their level where all have the same one."""
    levels = {one.level for one in held_out}
    return (
        f"held out, with {100 * levels.pop():g} % interval" if len(levels) == 1 else "held out, with interval"
    )
