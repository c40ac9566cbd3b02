"""Checks the parts of a recorded sweep file that readers of a ledger use, whatever version of ratefront wrote them.

A sweep can be looked at where it could not go on: its families may be of a plugin that is not installed here, and its
data may have moved. So only the types are checked of what is shown; a driver checks the whole spec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ratefront.record_fields import record_check
from ratefront.spec.goals.constraints import recorded_constraints
from ratefront.spec.goals.target import recorded_target
from ratefront.trial_records import Direction, objectives_of


@dataclass(frozen=True)
class _RecordedMetric:
    name: str
    direction: Direction
    target: str = ""


@dataclass(frozen=True)
class _RecordedSpec:
    """The keys of a sweep file that a reader uses; any may be missing, and there are others."""

    name: str
    trials: Annotated[int, Field(ge=1, lt=2**63)]
    keep: str
    block_size: Annotated[int, Field(ge=1, lt=2**63)]
    objectives: Sequence[str]
    bounds: Sequence[str]
    constraints: Sequence[str]
    target: Mapping[str, float | None] | None
    metrics: Sequence[_RecordedMetric]
    reference: Mapping[str, float]
    dataset: Mapping[str, Any]
    task_model: Mapping[str, Any]
    resources: Mapping[str, Any]
    training: Mapping[str, Any]
    tracking: Mapping[str, Any]
    budget: Mapping[str, float | None]


@dataclass(frozen=True)
class _RecordedTexts:
    """What readers take from ``dataset``, ``task_model`` and ``tracking``, under the name of the section."""

    dataset_name: str
    task_model_name: str
    tracking_uri: str | None
    tracking_experiment: str


def check_recorded_spec(spec: Mapping[str, Any]) -> None:
    """Check what readers use of a resolved sweep file, as far as it is there.

    Raises:
        ValueError: A value has another type than ratefront writes; names it.
        UnknownNameError: An objective is neither one of ratefront's nor a metric of the spec.
    """
    record_check(_RecordedSpec, is_partial=True)(spec)
    sections = ("dataset", "task_model", "tracking")
    texts = {f"{key}_{name}": value for key in sections for name, value in spec.get(key, {}).items()}
    record_check(_RecordedTexts, is_partial=True)(texts)
    for key in ("dataset", "task_model"):
        if key in spec and "name" not in spec[key]:
            raise ValueError(f"{key}: name is missing")
    objectives_of(spec)
    recorded_constraints(spec)
    recorded_target(spec)
