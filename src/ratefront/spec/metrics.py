"""A metric that a sweep file adds to every result, as the file names it: ``balanced_accuracy``,
``my_module:function``, or a mapping.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ratefront.records import Direction
from ratefront.spec.problems import unknown

#: Functions of ``ratefront.metrics``, which are asked for by their names alone.
SHIPPED = ("top5_accuracy", "balanced_accuracy")


class Metric(BaseModel):
    """A function of labels, decoded classes and scores, under a name that is its column's."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="its column; default: the function's name"),
    ]
    target: Annotated[
        str,
        Field(pattern=r"^\w+(\.\w+)*:\w+$", description="the function, importable: package.module:function"),
    ]
    direction: Annotated[Direction, Field(description="which way it is better, as an objective")] = "maximise"

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, raw: Any) -> Any:
        """With the target that a shipped name stands for, or the name that a target ends with."""
        given = {("target" if ":" in raw else "name"): raw} if isinstance(raw, str) else raw
        if not isinstance(given, dict):
            return given
        name, target = given.get("name"), given.get("target")
        if isinstance(target, str) and name is None:
            return {"name": target.rpartition(":")[2], **given}
        if isinstance(name, str) and target is None:
            if name not in SHIPPED:
                raise ValueError(f"{unknown('metric', name, SHIPPED)}; one of your own is my_module:function")
            return {"target": f"ratefront.metrics:{name}", **given}
        return given
