"""The parameters of a smaller transmitter, which several families share: precision, and pruning of a frozen network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ratefront.catalogue.family_parameters import FamilyParameters

PrecisionName = Literal["fp32", "fp16", "int8"]
PruningName = Literal["none", "structured", "unstructured"]

#: A fact that is computed when it is asked for, since it needs torch: ``ReductionCheck``, a function of a split point
#: (None: the whole task model), precision, pruning, pruned share, and whether all outputs are kept.
REDUCTION_PROBLEM = "reduction_problem"


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
