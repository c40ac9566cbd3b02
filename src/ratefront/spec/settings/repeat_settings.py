"""The section ``repeats`` of a sweep file: which configurations run again, each time with a fresh seed."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ratefront.catalogue.number_limits import MOST_TRIALS

MOST_SEEDS = 1000

#: Of so many requested trials, one more may be a repeat, unless the sweep file says otherwise.
TRIALS_PER_REPEAT = 4


class Repeats(BaseModel):
    """Trials that repeat a configuration with a fresh seed. They come on top of ``trials``.

    The file writes a number of seeds for every configuration, or a mapping of ``front`` and ``most_trials``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    seeds: Annotated[
        int, Field(ge=1, le=MOST_SEEDS, description="seeds of every configuration; 1: none is repeated")
    ] = 1
    front: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_SEEDS,
            description="fresh seeds of each configuration on the front or next to it, once the trials have ended",
        ),
    ] = 3
    most_trials: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_TRIALS,
            description="repeats of the front and its rivals in the whole sweep; default: a quarter of the trials",
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, raw: Any) -> Any:
        if isinstance(raw, int) and not isinstance(raw, bool):
            return {"seeds": raw, "front": 0}
        if isinstance(raw, dict) and "seeds" in raw and "front" not in raw:
            return {**raw, "front": 0}
        if isinstance(raw, dict | cls):
            return raw
        raise ValueError(
            "give the number of seeds of every configuration (1: no repeats), or a mapping such as "
            "{front: 3, most_trials: 20}"
        )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.seeds > 1 and self.front:
            raise ValueError("give either a number of seeds for every configuration, or front")
        if self.most_trials is not None and not self.front:
            raise ValueError("most_trials bounds the repeats of the front: give front, too")
        return self

    def most(self, trials: int) -> int:
        """Return how many repeats a sweep with so many requested trials may have."""
        if not self.front:
            return (self.seeds - 1) * trials
        return trials // TRIALS_PER_REPEAT if self.most_trials is None else self.most_trials
