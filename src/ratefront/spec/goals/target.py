"""The target of a sweep: the fewest bits at an accuracy, or the highest accuracy at a number of bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ratefront.spec.goals.constraints import Constraint
from ratefront.trial_records import OBJECTIVES, Objectives

#: A codec that comes as near as this to the best of its kind has reached the target: its search goes no further.
NEAR = 0.02


class Target(BaseModel):
    """What the search serves alone: ``{accuracy: 0.99}`` (fewest bits) or ``{rate_bits: 64}`` (highest accuracy)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    accuracy: Annotated[
        float | None, Field(gt=0, le=1, description="the fewest bits at this accuracy or a higher one")
    ] = None
    rate_bits: Annotated[
        float | None,
        Field(ge=0, le=1e12, description="the highest accuracy at this number of bit/sample, or fewer"),
    ] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.accuracy is None) == (self.rate_bits is None):
            raise ValueError("give one of accuracy (fewest bits) and rate_bits (highest accuracy)")
        return self

    @property
    def constraint(self) -> Constraint:
        """What a trial must meet to be at the target."""
        if self.accuracy is not None:
            return Constraint.of("accuracy", ">=", self.accuracy)
        return Constraint.of("rate_bits", "<=", self.rate_bits or 0.0)

    @property
    def objectives(self) -> Objectives:
        """The one objective that is best among the trials at the target, with its direction."""
        name = "rate_bits" if self.accuracy is not None else "accuracy"
        return {name: OBJECTIVES[name]}

    def __str__(self) -> str:
        """As ``the fewest bits at accuracy >= 0.99``."""
        what = "the fewest bits" if self.accuracy is not None else "the highest accuracy"
        return f"{what} at {self.constraint}"


def recorded_target(spec: Mapping[str, Any]) -> Target | None:
    """Return the target of a resolved sweep file in a ledger; None where it has none.

    Raises:
        ValueError: It is no target.
    """
    target = spec.get("target")
    return None if target is None else Target.model_validate(target)
