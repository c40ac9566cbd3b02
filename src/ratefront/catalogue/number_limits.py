"""The limits of numbers that several settings share, each with its reason.

They refuse what no sweep can mean (a learning rate of 5e-324, a batch of 10²² samples), not what is merely unwise.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

#: NumPy's and torch's generators take seeds up to here on every platform.
MOST_SEED: Final = 2**31 - 1
#: A ledger, its views and the search have been measured to 10 000 trials.
MOST_TRIALS: Final = 100_000
#: At a second an epoch, more than a day.
MOST_EPOCHS: Final = 100_000
#: More samples than a machine holds in one gradient step; the container of coded files counts no longer blocks.
MOST_SAMPLES_AT_ONCE: Final = 2**20
#: Below, Adam's steps vanish beside the weights in float32. Up to the upper end they are finite in float32: a step that
#: is far too long fails its trial with a sentence.
LEAST_LEARNING_RATE, MOST_LEARNING_RATE = 1e-9, 1e30
#: Whole numbers are exact as floats up to about here, and products of a few such numbers stay finite.
MOST_REFERENCE: Final = 1e15
#: Rates, sizes and times count as log2(1 + value), of which a smaller value leaves a few digits.
LEAST_REFERENCE: Final = 1e-6
#: High minus low, as a share of the greater: the samplers' densities of a narrower interval are NaN in float64.
LEAST_INTERVAL: Final = 1e-9
#: Of a cluster; Ray counts in steps of 0.0001 of a core or GPU, and a hundredth is less than any process uses.
LEAST_SHARE, MOST_CORES = 0.01, 100_000
#: Rate or distortion has vanished from the loss in float32 long before these ends.
LEAST_BETA, MOST_BETA = 1e-6, 1e9
#: A posterior is flat, or its largest probability 1, in float64 before these ends.
LEAST_SHARPNESS, MOST_SHARPNESS = 1e-3, 1e6

#: From less than an epoch of the smallest trial to eleven years.
LEAST_HOURS, MOST_HOURS = 1e-4, 1e5
#: A whole cluster for so long.
MOST_GPU_HOURS: Final = MOST_HOURS * MOST_CORES
#: One sample in a million: with less, no sample of a real data set is sent.
LEAST_SAMPLE_SHARE: Final = 1e-6
#: More classes than samples that fit into memory.
MOST_CLASSES: Final = 10_000_000

Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
BatchSize = Annotated[int, Field(ge=1, le=MOST_SAMPLES_AT_ONCE)]
LearningRate = Annotated[float, Field(ge=LEAST_LEARNING_RATE, le=MOST_LEARNING_RATE)]
Beta = Annotated[float, Field(ge=LEAST_BETA, le=MOST_BETA)]
Sharpness = Annotated[float, Field(ge=LEAST_SHARPNESS, le=MOST_SHARPNESS)]
