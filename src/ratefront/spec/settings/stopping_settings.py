"""The sweep file's ``stopping``: which trials the search stops before their last epoch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ratefront.catalogue.number_limits import MOST_EPOCHS, MOST_TRIALS

#: Rungs further apart than this stop nothing in time; closer than the least, every epoch would be one.
LEAST_FACTOR, MOST_FACTOR = 1.1, 100.0
#: At ten standard deviations of what like trials did, a trial is stopped only where the front is far away.
MOST_MARGIN = 10.0


class Stopping(BaseModel):
    """Early stopping of trials: ``none``, or a mapping. ``engine.stopping`` says what the rule is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    rule: Annotated[
        Literal["front", "none"],
        Field(description="stop trials that will add nothing to the front, or none"),
    ] = "front"
    first_epoch: Annotated[
        int, Field(ge=1, le=MOST_EPOCHS, description="the first rung: an epoch at which trials are compared")
    ] = 1
    factor: Annotated[
        float,
        Field(
            ge=LEAST_FACTOR,
            le=MOST_FACTOR,
            description="each rung is so many times the one before; of like trials the best 1/factor go on",
        ),
    ] = 2.0
    like_trials: Annotated[
        int,
        Field(ge=1, le=MOST_TRIALS, description="finished like trials that are needed to stop one"),
    ] = 4
    never_stopped: Annotated[
        float,
        Field(ge=0, le=1, description="share of the trials, drawn at random, that is never stopped"),
    ] = 0.1
    least_gain: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="a trial goes on while it may add more than this share to its hypervolume",
        ),
    ] = 0.0
    margin: Annotated[
        float,
        Field(
            ge=0,
            le=MOST_MARGIN,
            description="standard deviations by which a trial may do better than its like",
        ),
    ] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _from_rule(cls, raw: Any) -> Any:
        return {"rule": raw} if isinstance(raw, str) else raw
