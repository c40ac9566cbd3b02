"""C&E for the Gaussian mixture: X is compressed for its own squared error, then decided on (MA, appendix).

X is put into cells with an edge at 0, whose masses under both classes are exact; the transmitter sees the cell.
Blahut–Arimoto under squared error gives p(x^ | cell), and the receiver takes the likelier label of x^. Every point
is achievable as it stands: its rate is I(cell; x^) of that channel, its distortion the error of that receiver.

A good start is known. By Shannon's lower bound, which is tight here, a squared error v <= 1 is reached where X^ is
the mixture of N(-1, 1 - v) and N(1, 1 - v), at slope 1/(2v). Above that, X^ has two values +-a: its channel is p(a
| x) = 1/(1 + exp(-2 b x)) with b = 2 s a, and a is the centroid E[X tanh(b X)]. So every b in (0, 1] gives a and s
at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, xlogy

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import COMPRESS_AND_ESTIMATE, CURVE_KINDS
from ratefront.bounds.solver.blahut_arimoto import blahut_arimoto
from ratefront.bounds.source.distributions import FloatArray, entropy_bits

MODEL = "Y is a fair bit, X = 2Y - 1 + N(0, 1)"

CELLS = 240
FARTHEST = 6.0
COARSE_POINTS, FINE_POINTS = 60, 60
"""The number of points with a squared error above 1, and below 1."""

TOLERANCE_BITS = 1e-5
EVERY_CELL = 1e-5


def compress_and_estimate() -> RateDistortionCurve:
    """Compute C&E from (Phi(-1), the entropy of the cell) to (1/2, 0 bit).

    Points that cost more than another one and err no less are left out.
    """
    edges = np.linspace(-FARTHEST, FARTHEST, CELLS + 1)
    centres = (edges[:-1] + edges[1:]) / 2.0
    joint = 0.5 * np.stack([_cell_masses(edges, centre, 1.0) for centre in (-1.0, 1.0)])
    squares = (centres[:, None] - centres) ** 2
    points = [(0.0, 0.5), (entropy_bits(joint.sum(axis=0)), _error_of_best_labels(joint))]
    for slope, start in _slopes_and_starts(edges, centres, joint.sum(axis=0)):
        solved = blahut_arimoto(joint.sum(axis=0), squares, slope, start=start, tolerance_bits=TOLERANCE_BITS)
        points.append(_rate_and_error(joint, solved.output * np.exp(-slope * squares)))
    rate, distortion = np.array(sorted(points)).T
    useful = np.append(True, distortion[1:] < np.minimum.accumulate(distortion)[:-1])
    assumptions = f"{MODEL}; {CURVE_KINDS[COMPRESS_AND_ESTIMATE].assumptions}"
    return RateDistortionCurve.of_kind(
        COMPRESS_AND_ESTIMATE, rate[useful], distortion[useful], assumptions=assumptions
    )


def _slopes_and_starts(
    edges: FloatArray, centres: FloatArray, mass: FloatArray
) -> Iterator[tuple[float, FloatArray]]:
    """Yield rising slopes in nat per squared unit, each with the output to start from, shape (cells,)."""
    for b in np.linspace(0.0, 1.0, COARSE_POINTS + 1)[1:]:
        a = float(mass @ (centres * np.tanh(b * centres)))
        yield b / (2.0 * a), _with_every_cell(_two_values(centres, a))
    width = edges[1] - edges[0]
    for square in np.geomspace(1.0, width**2, FINE_POINTS + 1)[1:]:
        deviation = np.sqrt(1.0 - square)
        output = sum(_cell_masses(edges, centre, deviation) for centre in (-1.0, 1.0))
        yield 0.5 / square, _with_every_cell(np.asarray(output) / 2.0)


def _two_values(centres: FloatArray, a: float) -> FloatArray:
    """Put half the mass at a and half at -a, each shared by the two cells around it."""
    right = int(np.searchsorted(centres, a))
    share = (a - centres[right - 1]) / (centres[right] - centres[right - 1])
    output = np.zeros(centres.size)
    output[[right - 1, right]] = 0.5 * (1.0 - share), 0.5 * share
    return output + output[::-1]


def _with_every_cell(output: FloatArray) -> FloatArray:
    """Add a little of every cell: the solver cannot revive an output that starts at 0."""
    return np.asarray((1.0 - EVERY_CELL) * output + EVERY_CELL / output.size)


def _cell_masses(edges: FloatArray, centre: float, deviation: float) -> FloatArray:
    """Return the masses of N(centre, deviation^2), shape (cells,); the outermost cells reach to infinity."""
    inner = ndtr((edges[1:-1] - centre) / deviation)
    return np.diff(np.concatenate([[0.0], inner, [1.0]]))


def _rate_and_error(joint: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return I(cell; X^) in bit and P(Y^ != Y) of a channel proportional to `weight`, shape (cells, outputs)."""
    channel = weight / weight.sum(axis=1, keepdims=True)
    mass = joint.sum(axis=0)
    output = mass @ channel
    rate = float(np.sum(mass @ xlogy(channel, channel)) - np.sum(xlogy(output, output))) / float(np.log(2))
    return max(0.0, rate), _error_of_best_labels(joint @ channel)


def _error_of_best_labels(joint: FloatArray) -> float:
    """Return 1 - sum max_y p(y, .) of a joint of shape (2, outputs): the receiver takes the likelier label."""
    return float(joint.min(axis=0).sum())
