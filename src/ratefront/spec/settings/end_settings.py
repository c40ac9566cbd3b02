"""When a sweep ends before its last trial, because more of them promise little: ``end_when`` of the sweep file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ratefront.catalogue.number_limits import MOST_TRIALS

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class WithinBound(BaseModel):
    """How close to a bound is close enough."""

    model_config = _STRICT

    bound: Annotated[
        Literal["oracle", "task_model"], Field(description="the curve, on the validation split")
    ] = "task_model"
    percent: Annotated[
        float, Field(ge=0, le=1000, description="rates that the front may lie above the curve")
    ] = 5.0


class EndWhen(BaseModel):
    """Ends a sweep before its last trial. Where both rules are given, either of them ends it."""

    model_config = _STRICT

    no_gain_for: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_TRIALS,
            description="so many ended trials in a row have not enlarged the hypervolume; default: no such rule",
        ),
    ] = None
    least_gain: Annotated[
        float,
        Field(ge=0, le=1, description="growth of the hypervolume, as a share of it, that counts as a gain"),
    ] = 1e-3
    within: Annotated[
        WithinBound | None, Field(description="the front lies this close to a bound; default: no such rule")
    ] = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.no_gain_for is None and self.within is None:
            raise ValueError("give no_gain_for, within, or both")
        return self
