"""A curve's held-out interval as it is drawn: channels are fitted on some samples and measured on others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ratefront.bounds import HeldOutIntervals
from ratefront.bounds.source.distributions import FloatArray


@dataclass(frozen=True, eq=False)
class HeldOutBand:
    """The held-out rates of a curve with their interval, sorted by accuracy.

    Attributes:
        rate_bits: Measured on the held-out samples, in bit/sample, shape (M,).
        accuracy: 1 - distortion on the held-out samples, shape (M,).
        low: Lower end of the rate's interval at that distortion, shape (M,). It is infinite if too many resamples
            do not reach that distortion.
        high: Upper end, likewise.
    """

    rate_bits: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, held_out: HeldOutIntervals) -> HeldOutBand:
        """Return the band of a curve's held-out intervals."""
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
    """Return what the bands show, with their confidence level if all have the same one."""
    levels = {one.level for one in held_out}
    return (
        f"held out, with {100 * levels.pop():g} % interval" if len(levels) == 1 else "held out, with interval"
    )
