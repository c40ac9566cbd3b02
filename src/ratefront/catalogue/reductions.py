"""The parameters of a smaller transmitter, which several families share: precision, and pruning of a frozen network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.catalogue.registry import load_target
from ratefront.errors import InputError

PrecisionName = Literal["fp32", "fp16", "int8"]
PruningName = Literal["none", "structured", "unstructured"]

#: The fact that says which reductions the task model allows: a ``ReductionCheck``.
REDUCTION_PROBLEM = "reduction_problem"


_TASK_MODEL = "ratefront.codecs.check_reduction:ReducibleTaskModel"


@dataclass(frozen=True)
class ReductionCheck:
    """Says which reductions a task model allows. It builds the task model, and imports torch, when it is first called.

    Attributes:
        task_model: The sweep file's description of the task model.
        classes: The number of classes.
        shape: The shape of a sample.
    """

    task_model: Mapping[str, Any]
    classes: int
    shape: tuple[int, ...]
    _built: list[Any] = field(default_factory=list, compare=False, repr=False)

    def __call__(
        self,
        split: str | None,
        precision: PrecisionName | None,
        pruning: PruningName,
        pruned_share: float,
        keeps_outputs: bool,
    ) -> str | None:
        """Return why the layers up to a split point (None: all) cannot be reduced so; None if they can.

        ``keeps_outputs`` says whether the last one keeps all its outputs.
        """
        if not self._built:
            try:
                self._built.append(load_target(_TASK_MODEL)(self.task_model, self.classes, self.shape))
            except (InputError, ValueError):
                return None  # the check of the task model says so
        problem: str | None = self._built[0].problem(split, precision, pruning, pruned_share, keeps_outputs)
        return problem


class PrecisionParameters(FamilyParameters):
    """In which precision a transmitter's networks are stored, and so counted."""

    precision: Annotated[
        PrecisionName | None,
        Field(
            description="of the transmitter's networks; int8 runs in integers; default: the task model's, else fp16"
        ),
    ] = None


class ReducedParameters(PrecisionParameters):
    """How the transmitter's part of the task model is made smaller."""

    pruning: Annotated[
        PruningName,
        Field(
            description="structured drops channels; unstructured sets single weights to 0, which saves bytes alone"
        ),
    ] = "none"
    pruned_share: Annotated[
        float | None,
        Field(gt=0, lt=1, description="of each layer's channels (structured) or weights (unstructured)"),
    ] = None

    @model_validator(mode="after")
    def _prunes_a_share(self) -> Self:
        self._needs_only("pruned_share", self.pruning != "none", f"pruning is {self.pruning}")
        return self

    def reduction_problem(
        self, facts: Mapping[str, Any], split: str | None, *, keeps_outputs: bool
    ) -> str | None:
        """Return why the task model up to a split point (None: all of it) cannot be reduced so; None if it can.

        torch is imported and the task model is built only where the answer depends on its layers.
        """
        if REDUCTION_PROBLEM not in facts or (self.precision != "int8" and self.pruning == "none"):
            return None
        problem: str | None = facts[REDUCTION_PROBLEM](
            split, self.precision, self.pruning, self.pruned_share or 0.0, keeps_outputs
        )
        return problem
