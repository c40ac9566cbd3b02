"""The waterfall of a point: from the rate that any codec needs at its accuracy to what was paid, step by step.

    oracle -> TMRD of the task model -> TMRD of a probe -> H(Z) -> estimate -> blocks -> alone
        model             transmitter            coding   modelling   coder   block length

The first three are curves, read at the point's own distortion. Only the oracle binds every codec. TMRD binds codecs
behind the task model's posteriors, and the probe's curve binds nothing: long blocks achieve it, and a receiver that
knows more than the probe may need less. So a step may be negative. It is shown as it is: the steps add up to what was
paid beyond the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.gap import convex_bound, rate_at_accuracy
from ratefront.errors import InputError

StageName: TypeAlias = Literal["oracle", "task_model", "probe", "entropy", "estimate", "blocks", "alone"]
StepName: TypeAlias = Literal["model", "transmitter", "coding", "modelling", "coder", "block_length"]

STAGES: tuple[StageName, ...] = get_args(StageName)
STEPS: tuple[StepName, ...] = get_args(StepName)
"""`STEPS[i]` leads from `STAGES[i]` to `STAGES[i + 1]`."""

STAGE_TITLES: dict[StageName, str] = {
    "oracle": "oracle",
    "task_model": "task model (TMRD)",
    "probe": "probe (its TMRD)",
    "entropy": "words sent, H(Ẑ)",
    "estimate": "estimate",
    "blocks": "coded in blocks",
    "alone": "coded alone",
}

STEP_MEANINGS: dict[StepName, str] = {
    "model": "the task model's posteriors know less than the label",
    "transmitter": "a probe of what the transmitter computes knows less than the task model; below 0: more",
    "coding": "one fixed word a sample instead of long blocks; below 0: the receiver beats the probe",
    "modelling": "the entropy model's probabilities are not the words' frequencies; below 0: H(Ẑ) is an estimate",
    "coder": "what the entropy coder writes beyond the estimate",
    "block_length": "each sample is a string of its own, in whole bytes",
}
"""What a step is, in a sentence."""


@dataclass(frozen=True, slots=True)
class WaterfallStage:
    """A rate on the way, in bit/sample; None, with the reason, where it is not defined at this point.

    Attributes:
        name: its key in files.
        bits: in bit/sample.
        reason: why it is None; empty where it is a number.
    """

    name: StageName
    bits: float | None
    reason: str = ""

    @property
    def title(self) -> str:
        """What it is called in tables and figures."""
        return STAGE_TITLES[self.name]


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """What lies between two stages, in bit/sample; negative where the later one needs less.

    Attributes:
        names: of the steps that it is made of; several where a stage between them is not defined.
        start: the stage before it.
        end: the stage behind it.
        bits: rate at the end less rate at the start; None, with the reason, where one of them is not defined.
        reason: why `bits` is None, or why several steps cannot be told apart; else empty.
    """

    names: tuple[StepName, ...]
    start: StageName
    end: StageName
    bits: float | None
    reason: str = ""

    @property
    def title(self) -> str:
        """Its name in tables and figures, as "model" or "model + transmitter"."""
        return " + ".join(name.replace("_", " ") for name in self.names)

    @property
    def meaning(self) -> str:
        """What it is, in a sentence; of joined steps, why they are not told apart."""
        return STEP_MEANINGS[self.names[0]] if len(self.names) == 1 else f"not told apart: {self.reason}"


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The stages of a point, all of `STAGES` in their order.

    Attributes:
        accuracy: of the point, in [0, 1]; the curves are read at the distortion 1 - accuracy.
        stages: with their rates.
    """

    accuracy: float
    stages: tuple[WaterfallStage, ...]

    def stage(self, name: StageName) -> WaterfallStage:
        """Return one of the stages."""
        return self.stages[STAGES.index(name)]

    @property
    def steps(self) -> tuple[WaterfallStep, ...]:
        """Every step, one for each name; None where it begins or ends at a stage that is not defined."""
        return tuple(
            _step((name,), before, after)
            for name, (before, after) in zip(STEPS, pairwise(self.stages), strict=True)
        )

    @property
    def joined_steps(self) -> tuple[WaterfallStep, ...]:
        """The steps from each stage that is defined to the next one; they add up to the last stage less the first."""
        defined = [place for place, stage in enumerate(self.stages) if stage.bits is not None]
        return tuple(
            _step(
                STEPS[start:end],
                self.stages[start],
                self.stages[end],
                "; ".join(stage.reason for stage in self.stages[start + 1 : end]),
            )
            for start, end in pairwise(defined)
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain data. A stage or step that is not defined has `bits` null and a reason."""
        return {
            "accuracy": self.accuracy,
            "stages": [asdict(stage) for stage in self.stages],
            "steps": [_step_as_json(step) for step in self.steps],
            "joined_steps": [_step_as_json(step) for step in self.joined_steps],
        }


def waterfall(
    accuracy: float,
    stages: Mapping[StageName, RateDistortionCurve | float | str],
    zero_rate_distortion: float,
) -> Waterfall:
    """Build the waterfall of a point from its rates and from the curves below it.

    A curve that is not convex is replaced by its envelope, as for gaps. A curve says nothing below its least
    distortion; there the stage is not defined, and the steps at its sides are joined.

    Args:
        accuracy: of the point, in [0, 1].
        stages: for each of `STAGES` a curve, a rate in bit/sample, or the reason why there is none.
        zero_rate_distortion: D0 = 1 - max p(y), which 0 bit reach.

    Raises:
        InputError: a stage is missing or unknown, the accuracy is none, or a rate is negative or not finite.

    Example:
        >>> from ratefront.bounds import oracle_curve
        >>> below = {"oracle": oracle_curve([0.5, 0.5]), "task_model": 0.7, "probe": "no probe was trained"}
        >>> point = waterfall(0.9, below | {"entropy": 0.9, "estimate": 1.0, "blocks": 1.01, "alone": 8.0}, 0.5)
        >>> [(step.title, round(step.bits, 3)) for step in point.joined_steps][:3]
        [('model', 0.169), ('transmitter + coding', 0.2), ('modelling', 0.1)]
    """
    if not 0.0 <= accuracy <= 1.0:
        raise InputError(f"accuracy must lie in [0, 1], got {accuracy}")
    if set(stages) != set(STAGES):
        raise InputError(f"stages must be {', '.join(STAGES)}, got {', '.join(map(str, stages))}")
    return Waterfall(
        accuracy, tuple(_stage(name, stages[name], accuracy, zero_rate_distortion) for name in STAGES)
    )


def _stage(
    name: StageName, given: RateDistortionCurve | float | str, accuracy: float, zero_rate_distortion: float
) -> WaterfallStage:
    if isinstance(given, RateDistortionCurve):
        curve = convex_bound(given, zero_rate_distortion)
        given = rate_at_accuracy(curve, accuracy, f"the curve of the {STAGE_TITLES[name]}")
    if isinstance(given, str):
        return WaterfallStage(name, None, given)
    if not (np.isfinite(given) and given >= 0.0):
        raise InputError(f"{name}: a rate must be finite and not negative, got {given}")
    return WaterfallStage(name, float(given))


def _step(
    names: tuple[StepName, ...], before: WaterfallStage, after: WaterfallStage, reason: str = ""
) -> WaterfallStep:
    if before.bits is None or after.bits is None:
        missing = "; ".join(stage.reason for stage in (before, after) if stage.bits is None)
        return WaterfallStep(names, before.name, after.name, None, missing)
    return WaterfallStep(names, before.name, after.name, after.bits - before.bits, reason)


def _step_as_json(step: WaterfallStep) -> dict[str, Any]:
    return {**asdict(step), "names": list(step.names)}
