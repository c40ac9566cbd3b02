"""The codec families and their parameters, known without importing torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ratefront.catalogue.bottlenecks import BottleneckParameters, DistanceName
from ratefront.catalogue.joint_draws import group_problem
from ratefront.catalogue.parameters import FamilyParameters
from ratefront.registry import Registry


class LabelParameters(FamilyParameters):
    """The task model's class is sent: lossless, with the rarest classes merged, or for a share of the samples."""

    method: Literal["lossless", "merged", "time_shared"]
    merged_classes: Annotated[
        int | None, Field(ge=1, description="how many of the rarest classes are sent as the commonest one")
    ] = None
    share: Annotated[float | None, Field(gt=0, lt=1, description="share of the samples that are sent")] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.method == "merged":
            self._needs("merged_classes", "method is merged")
        if self.method == "time_shared":
            self._needs("share", "method is time_shared")
        return self


class SplitParameters(BottleneckParameters):
    """A frozen front end up to a split point, a learned bottleneck, and a back end."""

    split: Annotated[str, Field(description="split point of the task model")]
    objective: Literal["cross_entropy", "feature_distillation"] = "cross_entropy"
    distance: Annotated[
        DistanceName | None,
        Field(
            description="of feature_distillation: of the deepest features, kl of the soft output; default mse"
        ),
    ] = None
    refine: Annotated[Literal["none", "sga"], Field(description="per-sample optimisation of the latents")] = (
        "none"
    )
    refine_steps: Annotated[int | None, Field(ge=1, le=5000)] = None
    refine_learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-3

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.refine != "none":
            self._needs("refine_steps", "refine is not none")
        if self.objective == "cross_entropy":
            self._refuses("distance", "objective is cross_entropy")
        return self


class StudentParameters(BottleneckParameters):
    """A small encoder trained from scratch, a learned bottleneck, and the back end from a split point on."""

    split: Annotated[str, Field(description="split point whose features the student gives")]
    encoder_width: Annotated[int, Field(ge=1, le=512, description="channels of the encoder")] = 16
    encoder_depth: Annotated[int, Field(ge=1, le=8, description="layers of the encoder")] = 2
    distilled_until: Annotated[
        float,
        Field(
            ge=0, le=1, description="share of the training that matches features; labels are learned after it"
        ),
    ] = 0.5
    distance: Annotated[
        DistanceName | None, Field(description="of the features that are matched; default mse")
    ] = None


class SampleParameters(FamilyParameters):
    """A draw from a channel behind the task model's posteriors is sent by channel simulation."""

    channel: Literal["sample_and_communicate", "task_model"]
    sharpness: Annotated[
        float | None, Field(gt=0, description="inverse temperature at which the posterior is drawn from")
    ] = None
    slope: Annotated[
        float | None, Field(gt=0, description="of the task model's rate-distortion function, in nat")
    ] = None
    group: Annotated[
        int | None,
        Field(
            ge=1, le=16, description="samples that are drawn jointly; by default up to 10 000 joint outcomes"
        ),
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.channel == "sample_and_communicate":
            self._needs("sharpness", "channel is sample_and_communicate")
            self._refuses("slope", "channel is sample_and_communicate")
        if self.channel == "task_model":
            self._needs("slope", "channel is task_model")
            self._refuses("sharpness", "channel is task_model")
        return self

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        known = self.group is not None and "classes" in facts
        return group_problem(facts["classes"], self.group or 1) if known else None


FAMILIES: Registry[FamilyParameters] = Registry("family")
FAMILIES.add(
    "label", LabelParameters, "ratefront.codecs.label:LabelFamily", "the task model's class, entropy coded"
)
FAMILIES.add(
    "split", SplitParameters, "ratefront.codecs.split_family:SplitFamily", "front end, bottleneck, back end"
)
FAMILIES.add(
    "sample",
    SampleParameters,
    "ratefront.codecs.sample_family:SampleFamily",
    "a draw from the task model's posterior, by channel simulation",
)
FAMILIES.add(
    "student",
    StudentParameters,
    "ratefront.codecs.student_family:StudentFamily",
    "small encoder trained from scratch, bottleneck, back end",
)
