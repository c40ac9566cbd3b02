"""Fitted channels p(y^ | input), applied to samples: the rate of each sample, and how often it comes out wrong.

A curve is a family of M channels, one for each slope, inverse temperature or share. Fitted on some samples and
applied to others, channel Q with output distribution q costs sample i

    sum_j Q[i, j] log2(Q[i, j] / q[j])

bit by channel simulation (MA III.A.3): the divergence of what it sends from what the receiver expects. It is never
negative. Its mean over new samples is I(X; Y^) plus the divergence of the true output distribution from q. So it
is a cross-entropy: an unbiased estimate of a rate at which the channel really works, hence of an upper bound.

All families but time sharing are Gibbs channels, Q[i, j] = w[j] e^{s g[i, j]} / Z[i], with s the slope in nat.
Oracle and E&C: g = [i = j]; iE&C: g = P(Y = j | y~); TMRD: g = p(j | x), each with the w that its solver found;
S&C: g = log p(j | x), w = 1. q is the mean of Q over the samples of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ratefront.bounds.solver.blahut_arimoto import LEAST_OUTPUT
from ratefront.bounds.solver.kernels import SMALLEST
from ratefront.bounds.source.distributions import FloatArray, IntArray
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.source.scores import blocks_of
from ratefront.bounds.statistics.channel_inputs import ChannelInputs
from ratefront.errors import InputError


@dataclass(frozen=True, eq=False)
class SampleContributions:
    """What each of n samples adds to each of M points; the means over the samples are the points.

    Attributes:
        rate_bits: shape (n, M), >= 0.
        distortion: shape (n, M), the probability that the output is not the label.
        zero_rate_distortion: shape (n,), the error (0 or 1) where nothing is ever sent and the receiver names the
            likeliest label of the samples of the fit.
    """

    rate_bits: FloatArray
    distortion: FloatArray
    zero_rate_distortion: FloatArray


class Channels(Protocol):
    """M fitted channels."""

    @property
    def count(self) -> int:
        """M."""
        ...

    def contributions(self, predictions: Predictions) -> SampleContributions:
        """Return the rates and errors of samples with the classes (and posteriors, where they are needed) of the fit.

        Raises:
            InputError: another number of classes, or no posteriors.
        """
        ...


@dataclass(frozen=True, eq=False)
class GibbsChannels:
    """Q = w e^{s g} / Z, coded with the output distribution q; an output with q = 0 is never produced.

    An input that would cost more than `limit_bits` is unlike all inputs of the fit (a class that did not occur, a
    posterior on an output that is never used). It is not sent: Q is q there, at 0 bit. The transmitter knows all
    that this takes, so it remains one channel, fixed before the sample came.

    Attributes:
        inputs: what the channel sees.
        slope: s in nat (S&C: the inverse temperature), shape (M,); at infinity only the best outputs.
        weight: w, shape (M, K).
        output: q, shape (M, K).
        limit_bits: the most that a sample of the fit can cost.
        zero_rate_label: the likeliest label of the samples of the fit.
    """

    inputs: ChannelInputs
    slope: FloatArray
    weight: FloatArray
    output: FloatArray
    limit_bits: float
    zero_rate_label: int

    @property
    def count(self) -> int:
        """M."""
        return int(self.slope.size)

    def contributions(self, predictions: Predictions) -> SampleContributions:
        """Return the rates and errors of samples, in blocks of rows."""
        self._check(predictions)
        rate = np.empty((predictions.samples, self.count))
        distortion = np.empty_like(rate)
        row_of, labels = self.inputs.row_of(predictions), predictions.labels
        order = np.argsort(row_of, kind="stable")
        for rows in blocks_of((self.inputs.rows(predictions), predictions.classes)):
            first, last = np.searchsorted(row_of, (rows.start, rows.stop), sorter=order)
            if first == last:
                continue
            members = order[first:last]
            local = row_of[members] - rows.start
            gain = self.inputs.gain(predictions, rows)
            for m in range(self.count):
                rate_bits, hits = self._code(m, gain, local, labels[members])
                rate[members, m], distortion[members, m] = rate_bits[local], 1.0 - hits
        return SampleContributions(rate, distortion, zero_rate_errors(predictions, self.zero_rate_label))

    def _code(
        self, m: int, gain: FloatArray, local: IntArray, labels: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the rate of each row (b,) in bit, and Q[row, label] of each sample (n,)."""
        q, slope = self.output[m], float(self.slope[m])
        weight = np.where(q > 0, self.weight[m], 0.0)
        channel = gibbs_factors(gain, slope)
        channel *= weight
        normaliser = np.maximum(channel.sum(axis=1), SMALLEST)
        nats = channel @ log_ratio(weight, q) / normaliser - np.log(normaliser)
        if not np.isinf(slope):
            nats += slope * np.einsum("ij,ij->i", channel, gain) / normaliser
        rate_bits = np.maximum(nats / np.log(2), 0.0)
        sent = rate_bits <= self.limit_bits
        hits = np.where(sent[local], channel[local, labels] / normaliser[local], q[labels])
        return np.where(sent, rate_bits, 0.0), np.minimum(hits, 1.0)

    def _check(self, predictions: Predictions) -> None:
        classes = int(self.output.shape[1])
        if predictions.classes != classes:
            raise InputError(
                f"channels fitted for {classes} classes cannot code predictions of {predictions.classes}"
            )


@dataclass(frozen=True, eq=False)
class TimeSharingChannels:
    """A share of the samples is coded by one channel, the rest sends nothing (MA equation 22, footnote 5).

    Attributes:
        share: shape (M,), in [0, 1].
        code: the one channel, an ideal code for the decisions.
    """

    share: FloatArray
    code: GibbsChannels

    @property
    def count(self) -> int:
        """M."""
        return int(self.share.size)

    def contributions(self, predictions: Predictions) -> SampleContributions:
        """Return the mean of coded and unsent, weighted by the shares."""
        coded = self.code.contributions(predictions)
        unsent = coded.zero_rate_distortion
        distortion = self.share * coded.distortion + (1.0 - self.share) * unsent[:, None]
        return SampleContributions(self.share * coded.rate_bits, distortion, unsent)


def mean_channels(
    inputs: ChannelInputs, slope: FloatArray, weight: FloatArray, predictions: Predictions
) -> FloatArray:
    """Return q: how often each output is produced for these samples, shape (M, K); each row sums to 1."""
    mean = np.zeros_like(weight)
    count = np.bincount(inputs.row_of(predictions), minlength=inputs.rows(predictions))
    for rows in blocks_of((count.size, predictions.classes)):
        if not count[rows].any():
            continue  # of 10⁵ classes nearly none occurs: all rows of all of them would take hours
        gain = inputs.gain(predictions, rows)
        for m in range(slope.size):
            factors = gibbs_factors(gain, float(slope[m]))
            mean[m] += (count[rows] / np.maximum(factors @ weight[m], LEAST_OUTPUT)) @ factors
    mean *= weight
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def log_ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return log(a / b) where both are positive, else 0: nothing is ever produced there."""
    both = (numerator > 0) & (denominator > 0)
    return np.asarray(np.log(np.where(both, numerator, 1.0)) - np.log(np.where(both, denominator, 1.0)))


def gibbs_factors(gain: FloatArray, slope: float) -> FloatArray:
    """Return e^{s g} of rows whose greatest entry is 0; at infinite slope 1 on the greatest entries, else 0."""
    if np.isinf(slope):
        return np.asarray(gain == 0.0, dtype=np.float64)
    factors = gain * slope
    return np.asarray(np.exp(factors, out=factors))


def zero_rate_errors(predictions: Predictions, label: int) -> FloatArray:
    """Return whether each label differs from the one that the receiver names at 0 bit, shape (N,)."""
    return np.asarray(predictions.labels != label, dtype=np.float64)
