"""What a transmitter's bytes are made of, before anything is trained: a row for each split point of a sweep's space.

The task model is built on torch's device ``meta``, where tensors have shapes and no values: also a large one takes
little time and memory. A network that cannot be built there is built on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ratefront.catalogue.families import LabelParameters, SplitParameters, StudentParameters
from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.codecs.bottleneck.bottleneck import build_analysis, latent_shape_of_features
from ratefront.codecs.bottleneck.student_family import student_encoder
from ratefront.codecs.label.small_classifier import folded, small_classifier
from ratefront.complexity.macs import Macs, multiply_accumulates
from ratefront.complexity.stored_precision import tensors_to_store
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.complexity.transmitter_sizes import FrontEndSize, TransmitterTable
from ratefront.spec.space.dimensions import Choice, Float, Int, Leaf, Space, combinations
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.task_model import TaskModel
from ratefront.trial_records import Scalar

INT8_BYTES_OF_OUTPUT, INT8_BYTES_OF_LAYER = 6, 5
"""Bytes of an int8 layer besides its weights: for each output a scale in fp32 and a bias in fp16; for its inputs a step
in fp32 and a zero of 8 bits."""

_INT8_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
_FOLDED = (nn.BatchNorm1d, nn.BatchNorm2d)
_MOST_CONFIGURATIONS = 5000

P = TypeVar("P", bound=FamilyParameters)


def transmitter_table(
    named: Named, families: Mapping[str, Space], classes: int, shape: tuple[int, ...]
) -> TransmitterTable:
    """Return the sizes that the transmitters of these families are made of.

    Args:
        named: The task model's name and parameters.
        families: The space of each family, by its name.
        classes: The number of classes.
        shape: The shape of a sample.

    Raises:
        InputError: The task model cannot be built.
    """
    task_model, sample = _untrained(named, classes, shape)
    stages, features = _stages(task_model, sample)
    total, splits = sum(stage.fp16 for stage in stages), (*task_model.splits, "")
    with torch.device(sample.device):
        behind = _analysis_bytes(_parameters(families.get("split", {}), SplitParameters), features)
        students = list(_parameters(families.get("student", {}), StudentParameters))
        encoders = [_encoder_bytes(student, features, sample.shape[1:]) for student in students]
        labels = list(_parameters(families.get("label", {}), LabelParameters))
        classifiers = _classifier_bytes(labels, classes, sample.shape[1:])
    used = {*behind, *(student.split for student in students), ""}
    rows = []
    for place, split in enumerate(splits):
        parts = stages[: place + 1]
        macs = sum((part.macs for part in parts), Macs(0))
        fp32, fp16, int8 = (sum(getattr(part, name) for part in parts) for name in ("fp32", "fp16", "int8"))
        if split in used:
            rows.append(FrontEndSize(split, macs.value, fp32, fp16, int8, fp16 / total, behind.get(split)))
    with_whole = {"sample"} & families.keys() | {"label" for one in labels if one.classifier == "task_model"}
    return TransmitterTable(tuple(rows), tuple(sorted(with_whole)), _ends_of(classifiers), _ends_of(encoders))


@dataclass(frozen=True)
class _Stage:
    macs: Macs
    fp32: int
    fp16: int
    int8: int


def _untrained(named: Named, classes: int, shape: tuple[int, ...]) -> tuple[TaskModel, Tensor]:
    """Return the task model with arbitrary weights, and a sample (1, ...) on its device."""
    try:
        with torch.device("meta"):
            model, sample = build_task_model(named, classes, shape), torch.empty(1, *shape)
            model.eval()(sample)
    except (RuntimeError, NotImplementedError, ValueError):  # code that needs values
        model, sample = build_task_model(named, classes, shape).eval(), torch.zeros(1, *shape)
    return model, sample


@torch.no_grad()
def _stages(task_model: TaskModel, sample: Tensor) -> tuple[list[_Stage], dict[str, tuple[int, ...]]]:
    """Return the size of each stage, and the shape of a sample's features behind it."""
    stages, features, value = [], {}, sample
    for name, stage in zip((*task_model.splits, ""), task_model.stages.values(), strict=True):
        macs, value = multiply_accumulates(stage, value), stage(value)
        stages.append(_Stage(macs, _fp32_bytes(stage), module_bytes(stage), _int8_bytes(stage)))
        features[name] = tuple(value.shape[1:])
    return stages, features


def _fp32_bytes(module: nn.Module) -> int:
    tensors = {id(stored.tensor): stored.tensor for stored in tensors_to_store(module)}
    return sum(tensor.numel() * tensor.dtype.itemsize for tensor in tensors.values())


def _int8_bytes(module: nn.Module) -> int:
    """Count a byte a weight with scales and biases, nothing for normalisations, all else as it is stored."""
    total = 0
    for part in module.modules():
        if type(part) in _INT8_LAYERS:
            weight = part.weight
            assert isinstance(weight, Tensor)
            total += weight.numel() + INT8_BYTES_OF_OUTPUT * len(weight) + INT8_BYTES_OF_LAYER
        elif not isinstance(part, _FOLDED):
            own = nn.Module()
            own._parameters, own._buffers = part._parameters, part._buffers
            total += module_bytes(own)
    return total


def _parameters(space: Space, kind: type[P]) -> Iterator[P]:
    """Yield the parameters at the ends of a family's space; those that do not fit together are left out."""
    for values in islice(combinations(space, _ends), _MOST_CONFIGURATIONS) if space else ():
        try:
            yield kind.model_validate(values)
        except ValidationError:
            continue


def _ends(leaf: Leaf) -> Sequence[Scalar]:
    match leaf:
        case Int(low, high):
            return (low, high)
        case Float(low):
            return (low,)  # no real number decides a size
        case Choice(options):
            return options
    raise TypeError(f"no leaf: {leaf!r}")


def _analysis_bytes(
    configurations: Iterable[SplitParameters], features: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, int]]:
    """Return the least and the most bytes of g_a behind each split point."""
    alike: dict[tuple[str, bool, tuple[int, ...]], SplitParameters] = {}
    for parameters in configurations:
        latents = latent_shape_of_features(parameters, features[parameters.split])
        alike[parameters.split, parameters.entropy_model == "categorical", latents] = parameters
    sizes: dict[str, list[int]] = {}
    for (split, *_), parameters in alike.items():
        g_a = build_analysis(parameters, features[split], features[split])
        sizes.setdefault(split, []).append(module_bytes(g_a))
    return {split: (min(found), max(found)) for split, found in sizes.items()}


def _classifier_bytes(
    configurations: Iterable[LabelParameters], classes: int, sample: Sequence[int]
) -> list[int]:
    """Return the bytes of each small classifier, with its normalisations folded."""
    kinds = {(one.classifier_width, one.classifier_depth) for one in configurations}
    return [
        module_bytes(folded(small_classifier(sample, classes, width, depth)))
        for width, depth in kinds
        if width is not None and depth is not None
    ]


def _ends_of(sizes: Sequence[int]) -> tuple[int, int] | None:
    return (min(sizes), max(sizes)) if sizes else None


def _encoder_bytes(
    student: StudentParameters, features: Mapping[str, tuple[int, ...]], sample: Sequence[int]
) -> int:
    latents = latent_shape_of_features(student, features[student.split])
    return module_bytes(student_encoder(sample, latents, student.encoder_width, student.encoder_depth))
