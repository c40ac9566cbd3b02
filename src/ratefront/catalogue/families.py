"""The codec families and their parameters, known without importing torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ratefront.catalogue.bottlenecks import (
    HYPERPRIORS,
    BottleneckParameters,
    DistanceName,
    Slices,
    TrainedWith,
)
from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.catalogue.number_limits import (
    LEAST_LEARNING_RATE,
    LEAST_SAMPLE_SHARE,
    MOST_CLASSES,
    Beta,
    Sharpness,
)
from ratefront.catalogue.reductions import PrecisionParameters, ReducedParameters
from ratefront.catalogue.registry import Registry
from ratefront.catalogue.sample_groups import group_problem


class LabelParameters(ReducedParameters):
    """Parameters of the codec that sends the class that a classifier decides for.

    The classifier is the task model, which may be made smaller, or a small network of its own. The codec sends the
    class of every sample, merges the rarest classes, or sends the class of a share of the samples.
    """

    classifier: Annotated[
        Literal["task_model", "small"],
        Field(description="what decides the class at the transmitter; small is trained in the trial"),
    ] = "task_model"
    classifier_width: Annotated[
        int | None, Field(ge=1, le=512, description="of a small classifier: channels of its first layer")
    ] = None
    classifier_depth: Annotated[
        int | None, Field(ge=1, le=8, description="of a small classifier: layers before the last one")
    ] = None
    classifier_loss: Annotated[
        Literal["cross_entropy", "distillation"] | None,
        Field(
            description="of a small classifier: labels, or the task model's soft output; default cross_entropy"
        ),
    ] = None
    method: Literal["lossless", "merged", "time_shared"]
    merged_classes: Annotated[
        int | None,
        Field(
            ge=1, le=MOST_CLASSES, description="how many of the rarest classes are sent as the commonest one"
        ),
    ] = None
    share: Annotated[
        float | None,
        Field(
            ge=LEAST_SAMPLE_SHARE, le=1 - LEAST_SAMPLE_SHARE, description="share of the samples that are sent"
        ),
    ] = None

    @property
    def uses_seed(self) -> bool:
        """True of a small classifier, which is trained from random weights."""
        return self.classifier == "small"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        when = f"method is {self.method}"
        self._needs_only("merged_classes", self.method == "merged", when)
        self._needs_only("share", self.method == "time_shared", when)
        return self

    @model_validator(mode="after")
    def _fits_classifier(self) -> Self:
        when, is_small = f"classifier is {self.classifier}", self.classifier == "small"
        self._needs_only("classifier_width", is_small, when)
        self._needs_only("classifier_depth", is_small, when)
        if not is_small:
            self._refuses("classifier_loss", when)
        elif self.pruning != "none":
            raise ValueError(
                f"pruning means nothing when {when}: it has classifier_width and classifier_depth"
            )
        return self

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        """Refuse a small classifier that is too deep for the samples, and a task model that cannot be reduced so."""
        if self.classifier == "task_model":
            return self.reduction_problem(facts, None, keeps_outputs=True)
        shape, depth = facts.get("shape"), self.classifier_depth or 1
        if shape is None or len(shape) != 3 or min(shape[1:]) > 2 ** (depth - 1):
            return None
        return (
            f"classifier_depth {depth} is too large for samples {tuple(shape)}: each layer halves the sides, and none "
            f"may begin with a side of 1; valid there: up to {max(1, (min(shape[1:]) - 1).bit_length())}"
        )


class SplitParameters(ReducedParameters, BottleneckParameters):
    """Parameters of a frozen front end up to a split point, a learned bottleneck, and a back end.

    ``precision`` is of front end and g_a, ``pruning`` of the front end.
    """

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
    refine_learning_rate: Annotated[float, Field(ge=LEAST_LEARNING_RATE, le=1)] = 5e-3

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.refine != "none":
            self._needs("refine_steps", "refine is not none")
        else:
            self._refuses("refine_steps", "refine is none")
        if self.objective == "cross_entropy":
            self._refuses("distance", "objective is cross_entropy")
        return self

    @property
    def keeps_outputs(self) -> bool:
        """Whether the pruned front end keeps all its outputs: refinement compares them by the back end's own layers."""
        return self.refine != "none"

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        """Refuse a hyperprior of a single place, and a reduction that the front end's layers do not allow."""
        return super().unfit(facts) or self.reduction_problem(
            facts, self.split, keeps_outputs=self.keeps_outputs
        )


class StudentParameters(PrecisionParameters, BottleneckParameters):
    """Parameters of a small encoder, a learned bottleneck, and the back end from a split point on.

    ``precision`` is of the encoder g_a.
    """

    split: Annotated[str, Field(description="split point whose features the student gives")]
    encoder_width: Annotated[int, Field(ge=1, le=512, description="channels of the encoder")] = 16
    encoder_depth: Annotated[int, Field(ge=1, le=8, description="layers of the encoder")] = 2
    distilled_until: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="share of the training that matches features; labels are learned after it; default 0.5, "
            "0 for a categorical model",
        ),
    ] = None
    distance: Annotated[
        DistanceName | None, Field(description="of the features that are matched; default mse")
    ] = None

    @property
    def distilled_share(self) -> float:
        """The share of the training that matches features.

        With letters drawn by Gumbel noise, matching features first cost accuracy (docs/results/letters.md).
        """
        if self.distilled_until is not None:
            return self.distilled_until
        return 0.0 if self.entropy_model == "categorical" else 0.5


class SampleParameters(FamilyParameters):
    """Parameters of the codec that sends a draw from the task model's posterior, by channel simulation."""

    channel: Literal["sample_and_communicate", "task_model"]
    sharpness: Annotated[
        Sharpness | None,
        Field(description="inverse temperature at which the posterior is drawn from"),
    ] = None
    slope: Annotated[
        Sharpness | None,
        Field(description="of the task model's rate-distortion function, in nat"),
    ] = None
    group: Annotated[
        int | None,
        Field(
            ge=1, le=16, description="samples that are drawn jointly; by default up to 10 000 joint outcomes"
        ),
    ] = None

    @property
    def uses_seed(self) -> bool:
        """False: the shared randomness follows from a sample's position alone."""
        return False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        when = f"channel is {self.channel}"
        self._needs_only("sharpness", self.channel == "sample_and_communicate", when)
        self._needs_only("slope", self.channel == "task_model", when)
        return self

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        """Refuse a group with too many joint outcomes."""
        known = self.group is not None and "classes" in facts
        return group_problem(facts["classes"], self.group or 1) if known else None


class ImageCodecParameters(FamilyParameters):
    """Parameters of an image codec, written by Pillow or learned, in front of the task model."""

    codec: Annotated[
        Literal["png", "jpeg", "webp", "learned"], Field(description="png is lossless, webp here is not")
    ]
    quality: Annotated[int | None, Field(ge=1, le=100, description="of jpeg and webp")] = None
    entropy_model: Annotated[
        Literal["factorized", "scale_hyperprior", "mean_scale_hyperprior", "context"] | None,
        Field(description="what a learned codec's rate is estimated by and coded with"),
    ] = None
    channels: Annotated[int | None, Field(ge=1, le=512, description="of the hidden layers (N)")] = None
    latent_channels: Annotated[int | None, Field(ge=1, le=512, description="of the latents (M)")] = None
    downscalings: Annotated[
        int | None,
        Field(ge=1, le=6, description="halvings of the sides; default 4, 2 for sides under 64 pixels"),
    ] = None
    hyper_width: Annotated[
        int | None, Field(ge=1, le=512, description="channels of a hyperprior's z; default channels")
    ] = None
    slices: Slices = None
    surrogate: TrainedWith = None
    scale_bound: Annotated[
        float | None, Field(ge=0.01, le=1, description="least Gaussian scale of a hyperprior; default 0.11")
    ] = None
    distortion: Annotated[
        Literal["mse", "task"] | None, Field(description="of the image, or of the task model's labels")
    ] = None
    beta: Annotated[
        Beta | None,
        Field(description="mse: the λ of CompressAI's models; task: bits that one nat is worth"),
    ] = None

    @property
    def uses_seed(self) -> bool:
        """True of a learned codec only."""
        return self.codec == "learned"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        when = f"codec is {self.codec}"
        self._needs_only("quality", self.codec in ("jpeg", "webp"), when)
        for name in _LEARNED_NEED:
            self._needs_only(name, self.codec == "learned", when)
        if self.codec != "learned":
            for name in ("downscalings", "hyper_width", "slices", "surrogate", "scale_bound"):
                self._refuses(name, when)
        return self

    @model_validator(mode="after")
    def _fits_entropy_model(self) -> Self:
        when = f"entropy_model is {self.entropy_model}"
        if self.entropy_model == "factorized":
            self._refuses("hyper_width", when)
            self._refuses("scale_bound", when)
        if self.entropy_model != "context":
            self._refuses("slices", when)
            return self
        self._needs("slices", when)
        if (self.slices or 0) > (self.latent_channels or 0):
            raise ValueError(
                f"slices must be ≤ latent_channels, got {self.slices} for {self.latent_channels}"
            )
        return self

    def halvings(self, shape: Sequence[int]) -> int:
        """Return how often a learned codec halves the sides of images (C, H, W)."""
        return self.downscalings or (4 if min(shape[1:]) >= 64 else 2)

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        """Refuse samples that are no images of 1 or 3 channels, or have the wrong size for the codec."""
        shape = facts.get("shape")
        if shape is None:
            return None
        if len(shape) != 3 or shape[0] not in (1, 3):
            return f"an image codec takes images (C, H, W) of 1 or 3 channels, got samples {tuple(shape)}"
        if self.codec in _LARGEST_SIDE and max(shape[1:]) > _LARGEST_SIDE[self.codec]:
            return f"{self.codec} has sides of at most {_LARGEST_SIDE[self.codec]} pixels, got {tuple(shape)}"
        if self.entropy_model in HYPERPRIORS and max(shape[1:]) <= 2 ** self.halvings(shape):
            return (
                f"{self.entropy_model} needs latents of more than one place, which {self.halvings(shape)} halvings "
                f"of {tuple(shape)} do not leave; valid there: factorized, or fewer downscalings"
            )
        return None


_LEARNED_NEED = ("entropy_model", "channels", "latent_channels", "distortion", "beta")
_LARGEST_SIDE = {"jpeg": 65_500, "webp": 16_383}

FAMILIES: Registry[FamilyParameters] = Registry("family")
FAMILIES.add(
    "label",
    LabelParameters,
    "ratefront.codecs.label.label_family:LabelFamily",
    "a class, entropy coded: the task model's, or that of a smaller classifier",
)
FAMILIES.add(
    "split",
    SplitParameters,
    "ratefront.codecs.bottleneck.split_family:SplitFamily",
    "front end, bottleneck, back end",
)
FAMILIES.add(
    "sample",
    SampleParameters,
    "ratefront.codecs.channel_simulation.sample_family:SampleFamily",
    "a draw from the task model's posterior, by channel simulation",
)
FAMILIES.add(
    "student",
    StudentParameters,
    "ratefront.codecs.bottleneck.student_family:StudentFamily",
    "small encoder trained from scratch, bottleneck, back end",
)
FAMILIES.add(
    "image",
    ImageCodecParameters,
    "ratefront.codecs.image.image_family:ImageFamily",
    "image codec, then the task model on the decoded image: PNG, JPEG, WebP, or learned",
)
