"""The rate of each curve at a few accuracies, for a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratefront.bounds.curve import RateDistortionCurve

SHARES = (1.0, 0.75, 0.5, 0.25)


@dataclass(frozen=True)
class RateTable:
    """Rates of several curves at the same accuracies.

    Attributes:
        accuracies: in [0, 1], falling.
        rates: bit/sample at each accuracy, by the curve's name; None where a curve does not reach it.
    """

    accuracies: tuple[float, ...]
    rates: Mapping[str, tuple[float | None, ...]]

    @property
    def header(self) -> tuple[str, ...]:
        """The titles of the columns."""
        return ("bit/sample at an accuracy of", *(f"{accuracy:.2%}" for accuracy in self.accuracies))

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """One row for each curve: its name and its rates, a dash where it does not reach the accuracy."""
        return tuple(
            (name, *("–" if rate is None else f"{rate:.4f}" for rate in rates))
            for name, rates in self.rates.items()
        )


def rate_table(
    curves: Mapping[str, RateDistortionCurve],
    task_model_distortion: float | None = None,
    zero_rate_distortion: float | None = None,
) -> RateTable:
    """Return the rates at four accuracies.

    The first is the greatest accuracy that all curves reach. The others lie at three quarters, half and a quarter
    of the way to it from the accuracy that costs nothing. Curves without an accuracy are left out.
    """
    known = {name: curve for name, curve in curves.items() if curve.measure.is_error_probability}
    least, most = task_model_distortion, zero_rate_distortion
    if least is None:
        least = max((curve.least_distortion for curve in known.values()), default=0.0)
    if most is None:
        most = max((float(curve.distortion[-1]) for curve in known.values()), default=1.0)
    reached = (1.0 - most + share * max(0.0, most - least) for share in SHARES)
    accuracies = tuple(dict.fromkeys(reached))
    rates = {
        name: tuple(curve.rate_at(1.0 - accuracy) for accuracy in accuracies) for name, curve in known.items()
    }
    return RateTable(accuracies, rates)
