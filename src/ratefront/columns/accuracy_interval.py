"""How exactly a number of samples decides an accuracy."""

from __future__ import annotations

#: The share of intervals that hold the true accuracy, at least.
CONFIDENCE = 0.95


def accuracy_interval(accuracy: float, samples: int) -> tuple[float, float]:
    """The Clopper–Pearson interval of an accuracy (Clopper and Pearson, Biometrika 26, 1934).

    It takes the samples for independent draws. It does not compare two codecs that classified the same samples: their
    errors go together, which a paired test sees.

    Args:
        accuracy: The share of the samples whose class is right, in [0, 1].
        samples: How many samples there are, ≥ 1.

    Returns:
        Lower and upper end, in [0, 1].
    """
    from scipy.special import betaincinv

    right, tail = round(accuracy * samples), (1 - CONFIDENCE) / 2
    low = 0.0 if right == 0 else float(betaincinv(right, samples - right + 1, tail))
    high = 1.0 if right == samples else float(betaincinv(right + 1, samples - right, 1 - tail))
    return low, high
