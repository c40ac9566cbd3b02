"""What a sweep file says, as checked values. ``load`` builds it from a file; nothing here reads one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ratefront.records import OBJECTIVES

ObjectiveName = Literal["rate_bits", "accuracy", "transmitter_bytes", "transmitter_macs", "encode_ms"]
BoundName = Literal[
    "oracle",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
]
assert set(ObjectiveName.__args__) == set(OBJECTIVES)  # type: ignore[attr-defined]  # noqa: S101


class Section(BaseModel):
    """A part of the sweep file: unknown keys are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(BaseModel):
    """A registered thing and its parameters: ``{name: digits, split_seed: 3}``; checked against its registry."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Training(Section):
    """How a learned codec is trained, unless its family says otherwise."""

    epochs: Annotated[int, Field(ge=1, description="passes over the training split")] = 20
    batch_size: Annotated[int, Field(ge=1)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3


class Sampler(Section):
    """Who suggests the next trial."""

    name: Literal["tpe", "nsga2", "random"] = "tpe"
    seed: Annotated[int, Field(ge=0)] = 0
    startup_trials: Annotated[
        int, Field(ge=1, description="random trials before the model of the search starts")
    ] = 12


class Resources(Section):
    """What one trial needs, and how many run at the same time."""

    cpus: Annotated[float, Field(gt=0)] = 1
    gpus: Annotated[float, Field(ge=0)] = 0
    concurrent: Annotated[int, Field(ge=1, description="slots: trials that run at the same time")] = 2


class Tracking(Section):
    """Where MLflow finds the sweep."""

    experiment: Annotated[str, Field(min_length=1)] = "ratefront"
    uri: Annotated[str | None, Field(description="default: sqlite, beside the sweep's folder")] = None


class SweepSpec(Section):
    """A resolved sweep file. ``space`` is kept as written (plain data); ``spec.parse.parse_space`` reads it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    dataset: Named
    task_model: Named
    space: dict[str, Any]
    objectives: Annotated[tuple[ObjectiveName, ...], Field(min_length=1)] = (
        "rate_bits",
        "accuracy",
        "transmitter_bytes",
    )
    trials: Annotated[int, Field(ge=1, description="trials requested; every one ends in trials.csv")]
    sampler: Sampler = Sampler()
    training: Training = Training()
    resources: Resources = Resources()
    bounds: tuple[BoundName, ...] = (
        "oracle",
        "estimate_and_compress",
        "indirect_estimate_and_compress",
        "sample_and_communicate",
        "time_sharing",
    )
    reference: Annotated[
        dict[ObjectiveName, float],
        Field(
            description="reference point of the hypervolume; what is not given takes the default of the theory"
        ),
    ] = {}
    block_size: Annotated[int, Field(ge=1, description="samples coded as one string")] = 1000
    tracking: Tracking = Tracking()
