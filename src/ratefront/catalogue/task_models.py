"""The task models and their parameters, known without importing torch.

Their facts: ``splits`` are the split points from input to output. ``strides`` has the stride of the features at each
split point: a feature map has ⌈H/stride⌉ rows. The stride is 0 if the features are no map. ``takes`` says which samples
the model accepts. Facts of a user's own module that are not known are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ratefront.catalogue.file_locations import AbsolutePath
from ratefront.catalogue.number_limits import MOST_EPOCHS, BatchSize, LearningRate, Seed
from ratefront.catalogue.registry import Registry

#: A data set with this number of classes is taken to be ImageNet.
IMAGENET_CLASSES = 1000

_OMITTED_AT_DEFAULT = {"augment", "weight_decay", "label_smoothing", "weights", "precision", "normalise"}


class TaskModelParameters(BaseModel):
    """Parameters of every task model, which is trained once and cached by their content and that of the data."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: Annotated[
        int,
        Field(ge=0, le=MOST_EPOCHS, description="0, with weights: the network as it is, nothing is trained"),
    ] = 30
    batch_size: BatchSize = 64
    learning_rate: LearningRate = 3e-3
    seed: Seed = 0
    augment: Annotated[
        Literal["none", "shift", "affine", "flip"],
        Field(description="how training samples are changed at random, differently in every epoch"),
    ] = "none"
    weight_decay: Annotated[float, Field(ge=0, le=1e3, description="of Adam")] = 1e-5
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="share of a label that is spread over all classes")
    ] = 0.05  # its posteriors give the bounds: an overconfident model makes S&C and TMRD look bad
    weights: Annotated[
        AbsolutePath | None,
        Field(description="file of trained weights to begin with: a state_dict, .pt or .safetensors"),
    ] = None
    precision: Annotated[
        Literal["fp16", "fp32"], Field(description="in which the parameters are stored and counted")
    ] = "fp16"

    def may_have_seen(self, classes: int) -> bool:
        """Return whether training begins with foreign weights that may have seen the samples of this data set.

        ``classes`` is the number of classes of the data set.
        """
        return self.weights is not None

    @property
    def may_stay_untrained(self) -> bool:
        """Whether ``epochs: 0`` makes sense."""
        return self.weights is not None

    @model_validator(mode="after")
    def _learned_somewhere(self) -> Self:
        if self.epochs == 0 and not self.may_stay_untrained:
            raise ValueError(
                f"epochs: must be ≥ 1 where there are no trained weights ({self._sources}), got 0"
            )
        return self

    @property
    def _sources(self) -> str:
        return "weights: FILE"

    @model_serializer(mode="wrap")
    def _brief(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write parameters that were added later only where they differ from their default."""
        fields: dict[str, Any] = handler(self)
        for name in _OMITTED_AT_DEFAULT & fields.keys():
            if getattr(self, name) == type(self).model_fields[name].default:
                del fields[name]
        return fields


def accuracy_warnings(parameters: TaskModelParameters, dataset_facts: Mapping[str, Any]) -> list[str]:
    """Return warnings about a task model's accuracy, one sentence each.

    ``dataset_facts`` holds the facts of its data set; ``classes`` and ``validation_is_held_out_of_train`` are read.
    """
    classes, is_held_out = dataset_facts.get("classes"), dataset_facts.get("validation_is_held_out_of_train")
    if not (is_held_out and classes and parameters.may_have_seen(classes)):
        return []
    return [
        "validation is held out of the training split, which a task model trained elsewhere has probably seen: its "
        "accuracy is too high there, and so may be what the search finds; give samples that it has not seen as a "
        "validation split (x_validation and y_validation of arrays, a folder val)"
    ]


class LeNetParameters(TaskModelParameters):
    """Parameters of LeNet; ``width`` scales both convolutions."""

    width: Annotated[int, Field(ge=1, le=512, description="channels of conv1; conv2 has twice as many")] = 32


class ResidualCNNParameters(TaskModelParameters):
    """Parameters of the residual CNN; ``width`` scales all stages."""

    width: Annotated[
        int,
        Field(ge=1, le=512, description="channels of block1; block2 has twice, block3 four times as many"),
    ] = 32


class PointNetParameters(TaskModelParameters):
    """Parameters of PointNet; a cloud has no sides to flip."""

    augment: Annotated[
        Literal["none", "shift", "affine"],
        Field(description="how training samples are changed at random, differently in every epoch"),
    ] = "none"
    width: Annotated[
        int,
        Field(ge=1, le=512, description="features of a point after mlp1; mlp2 has 2, mlp3 16 times as many"),
    ] = 64


class ImageNetParameters(TaskModelParameters):
    """Parameters of torchvision's models; with its weights, only a new classifier is trained."""

    pretrained: Annotated[
        bool, Field(description="begin with torchvision's weights, learned on ImageNet")
    ] = False
    fine_tune: Annotated[
        bool, Field(description="with pretrained: train all weights, not only a new classifier")
    ] = False
    normalise: Annotated[
        bool | None,
        Field(description="images by ImageNet's mean and deviation first; default: where pretrained is true"),
    ] = None

    def may_have_seen(self, classes: int) -> bool:
        """Return True also for torchvision's weights, if the data set has as many classes as ImageNet."""
        return super().may_have_seen(classes) or (self.pretrained and classes == IMAGENET_CLASSES)

    @property
    def may_stay_untrained(self) -> bool:
        """True where it begins with trained weights."""
        return self.pretrained or self.weights is not None

    @property
    def _sources(self) -> str:
        return "weights: FILE, or pretrained: true"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.pretrained and self.weights is not None:
            raise ValueError("weights: give either weights or pretrained: true")
        if self.fine_tune and not self.pretrained:
            raise ValueError("fine_tune: needs pretrained: true")
        return self


class ModuleParameters(TaskModelParameters):
    """Parameters of a user's own model: ``target`` builds it and may load weights in code."""

    target: Annotated[
        str,
        Field(
            pattern=r"^\w+(\.\w+)*:\w+$",
            description="package.module:function, from (classes, shape) to a TaskModel or a torch.nn.Sequential",
        ),
    ]

    def may_have_seen(self, classes: int) -> bool:
        """Return True also if nothing is trained: the user's code then loads the weights."""
        return super().may_have_seen(classes) or self.epochs == 0

    @property
    def may_stay_untrained(self) -> bool:
        """True: its code may load trained weights."""
        return True


@dataclass(frozen=True)
class AcceptedSamples:
    """The samples that a task model accepts: clouds (P, 3), or images (C, H, W).

    ``sides`` are the valid sides of square images, ``at_least`` the smallest side, ``channels`` the valid numbers of
    channels. An empty tuple allows any.
    """

    kind: Literal["images", "clouds"]
    sides: tuple[int, ...] = ()
    at_least: int = 1
    channels: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.kind == "clouds":
            return "clouds (P, 3)"
        channels = " or ".join(map(str, self.channels)) or "C"
        if self.sides:
            return "images " + " or ".join(f"({channels}, {side}, {side})" for side in self.sides)
        return f"images ({channels}, H, W) of at least {self.at_least}×{self.at_least} pixels"

    def fit(self, shape: Sequence[int]) -> bool:
        """Return whether samples of this shape are accepted."""
        if self.kind == "clouds":
            return len(shape) == 2 and shape[1] == 3
        if len(shape) != 3 or (self.channels and shape[0] not in self.channels):
            return False
        if self.sides:
            return shape[1] == shape[2] and shape[1] in self.sides
        return min(shape[1:]) >= self.at_least

    def problem(self, task_model: str, dataset: str, shape: Sequence[int]) -> str | None:
        """Return why ``task_model`` does not accept the samples of ``dataset``; None if it does."""
        if self.fit(shape):
            return None
        kind = "clouds" if len(shape) == 2 else "images"
        return f"{task_model} takes {self}, but the samples of {dataset} are {kind} {tuple(shape)}"


TASK_MODELS: Registry[Any] = Registry("task model")
TASK_MODELS.add(
    "small_cnn",
    TaskModelParameters,
    "ratefront.task_models.architectures.small_cnn:build_small_cnn",
    "three convolutions and two linear layers, for images of 8×8 pixels",
    {
        "splits": ("conv1", "conv2", "conv3", "hidden"),
        "strides": (1, 2, 4, 0),
        "takes": AcceptedSamples("images", sides=(8,)),
    },
)
TASK_MODELS.add(
    "lenet",
    LeNetParameters,
    "ratefront.task_models.architectures.lenet:build_lenet",
    "after LeNet-5: two convolutions and three linear layers, for images of 28×28 or 32×32 pixels",
    {
        "splits": ("conv1", "conv2", "fc1", "fc2"),
        "strides": (2, 4, 0, 0),
        "takes": AcceptedSamples("images", sides=(28, 32)),
    },
)
TASK_MODELS.add(
    "residual_cnn",
    ResidualCNNParameters,
    "ratefront.task_models.architectures.residual_cnn:build_residual_cnn",
    "a small residual CNN of six blocks, for images of 8×8 pixels or more",
    {
        "splits": ("stem", *(f"block{group}.{block}" for group in (1, 2, 3) for block in (0, 1)), "pool"),
        "strides": (1, 2, 2, 4, 4, 8, 8, 0),
        "takes": AcceptedSamples("images", at_least=8),
    },
)
TASK_MODELS.add(
    "pointnet",
    PointNetParameters,
    "ratefront.task_models.architectures.pointnet:build_pointnet",
    "after PointNet: an MLP for each point, the maximum over points, an MLP; for point clouds",
    {
        "splits": ("mlp1", "mlp2", "mlp3", "pool", "hidden1", "hidden2"),
        "strides": (0,) * 6,
        "takes": AcceptedSamples("clouds"),
    },
)
TASK_MODELS.add(
    "module",
    ModuleParameters,
    "ratefront.task_models.own_network.module_task_model:build_module",
    "your own, made by the function that target names",
    describe="ratefront.task_models.own_network.module_task_model:describe_module",
)

_IMAGENET = AcceptedSamples("images", at_least=32, channels=(1, 3))


def _add_resnet(depth: int, blocks: tuple[int, int, int, int]) -> None:
    """Register a ResNet. Strides double at the first block of each layer but the first; the stem has stride 4."""
    layers = [(f"layer{i + 1}.{b}", 4 * 2**i) for i, count in enumerate(blocks) for b in range(count)]
    TASK_MODELS.add(
        f"resnet{depth}",
        ImageNetParameters,
        f"ratefront.task_models.architectures.resnets:build_resnet{depth}",
        f"torchvision's ResNet-{depth}, for images of 32×32 pixels or more",
        {
            "splits": ("stem", *(name for name, _ in layers), "pool"),
            "strides": (4, *(stride for _, stride in layers), 0),
            "takes": _IMAGENET,
        },
    )


for _depth, _blocks in ((18, (2, 2, 2, 2)), (34, (3, 4, 6, 3)), (50, (3, 4, 6, 3)), (101, (3, 4, 23, 3))):
    _add_resnet(_depth, _blocks)


def _add_vgg16() -> None:
    """Register VGG-16. It can be split after each convolution with its ReLU, and after each pooling."""
    groups = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
    named = [
        (name, stride)
        for group, convolutions in groups
        for name, stride in [
            *((f"conv{group}_{i + 1}", 2 ** (group - 1)) for i in range(convolutions)),
            (f"pool{group}", 2**group),
        ]
    ]
    TASK_MODELS.add(
        "vgg16",
        ImageNetParameters,
        "ratefront.task_models.architectures.vgg:build_vgg16",
        "torchvision's VGG-16, for images of 32×32 pixels or more",
        {
            "splits": (*(name for name, _ in named), "fc6", "fc7"),
            "strides": (*(stride for _, stride in named), 0, 0),
            "takes": _IMAGENET,
        },
    )


_add_vgg16()
