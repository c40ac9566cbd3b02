"""The content of a sweep file as checked values; ``load_spec`` reads the file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ratefront.catalogue.number_limits import (
    LEAST_HOURS,
    LEAST_SHARE,
    MOST_CORES,
    MOST_EPOCHS,
    MOST_GPU_HOURS,
    MOST_HOURS,
    MOST_REFERENCE,
    MOST_SAMPLES_AT_ONCE,
    MOST_TRIALS,
    BatchSize,
    LearningRate,
    Seed,
)
from ratefront.safe_text import address_problem, has_credentials
from ratefront.spec.goals.constraints import MOST_CONSTRAINTS, Constraint, parse_constraint
from ratefront.spec.goals.target import Target
from ratefront.spec.problem_wording import shown, unknown
from ratefront.spec.settings.end_settings import EndWhen
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.trial_records import DEFAULT_OBJECTIVES, Direction, Objectives, Scalar, objectives_of
from ratefront.wording import Argument, Message

BoundName = Literal[
    "oracle",
    "task_model",
    "task_model_calibrated",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "indirect_estimate_and_compress_posterior",
    "indirect_estimate_and_compress_cross_fitted",
    "sample_and_communicate",
    "time_sharing",
    "linear_rule",
    "fixed_length",
    "huffman",
    "block_codes",
    "merged_classes",
]


#: Points to try first, and sweeps to learn from, that a sweep file lists.
MOST_START_POINTS, MOST_EARLIER_SWEEPS = 1000, 100
#: A folder of this name, with what ratefront appends to it, fits into every file system; MLflow takes it as a name.
MOST_NAME = 200
#: Each is imported by the check, and has two columns.
MOST_METRICS = 100
#: The time for a hypervolume grows steeply with its dimensions: of 100 points in 8 it is a second, in 10 over a minute.
MOST_OBJECTIVES = 6


class Section(BaseModel):
    """A part of the sweep file: unknown keys are errors, types are not guessed, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Named(BaseModel):
    """A registered thing and its parameters: ``digits``, or ``{name: digits, split_seed: 3}``."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, raw: Any) -> Any:
        return {"name": raw} if isinstance(raw, str) else raw

    @property
    def parameters(self) -> dict[str, Any]:
        """All that is given besides the name."""
        return dict(self.model_extra or {})


#: Functions of ``ratefront.metrics``: a sweep file names them without their module.
SHIPPED_METRICS = ("top5_accuracy", "balanced_accuracy")


class Metric(BaseModel):
    """A metric that the sweep file adds to every result: a function of labels, decoded classes and scores.

    The file writes ``balanced_accuracy``, ``my_module:function``, or a mapping.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            max_length=MOST_NAME,
            description="its column; default: the function's name",
        ),
    ]
    target: Annotated[
        str,
        Field(pattern=r"^\w+(\.\w+)*:\w+$", description="the function, importable: package.module:function"),
    ]
    direction: Annotated[Direction, Field(description="which way it is better, as an objective")] = "maximise"

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, raw: Any) -> Any:
        """Complete the target from a shipped metric's name, or the name from the target."""
        described = {("target" if ":" in raw else "name"): raw} if isinstance(raw, str) else raw
        if not isinstance(described, dict):
            return described
        name, target = described.get("name"), described.get("target")
        if isinstance(target, str) and name is None:
            return {"name": target.rpartition(":")[2], **described}
        if isinstance(name, str) and target is None:
            if name not in SHIPPED_METRICS:
                raise ValueError(
                    f"{unknown('metric', name, SHIPPED_METRICS)}; one of your own is my_module:function"
                )
            return {"target": f"ratefront.metrics:{name}", **described}
        return described


class Training(Section):
    """How a learned codec is trained, unless its family says otherwise."""

    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS, description="passes over the training split")] = 20
    batch_size: Annotated[BatchSize, Field(description="samples in one gradient step")] = 64
    learning_rate: Annotated[LearningRate, Field(description="step size at the start")] = 2e-3
    start_from_neighbour: Annotated[
        bool,
        Field(
            description="a trial starts from the weights of the finished one that differs least, in beta alone"
        ),
    ] = False


SamplerName: TypeAlias = Literal["auto", "tpe", "nsga2", "gp", "grid", "random"]


class Sampler(Section):
    """The sampler that suggests the next trial."""

    name: Annotated[SamplerName, Field(description="the search")] = "auto"
    seed: Annotated[Seed, Field(description="of the search and of every trial")] = 0
    startup_trials: Annotated[
        int,
        Field(
            ge=1,
            le=MOST_TRIALS,
            description="trials spread over the space before the sampler is asked",
        ),
    ] = 12


def _of_one_gpu(gpus: float) -> float:
    if 0 < gpus < LEAST_SHARE:
        raise ValueError(f"must be 0 or ≥ {LEAST_SHARE:g}, got {gpus:g}")
    if gpus > 1:
        raise ValueError(f"a trial computes on one GPU: give 1, or its share of one, got {gpus:g}")
    return gpus


Cores = Annotated[float, Field(ge=LEAST_SHARE, le=MOST_CORES)]
Gpus = Annotated[float, Field(ge=0, json_schema_extra={"maximum": 1}), AfterValidator(_of_one_gpu)]


class FamilyResources(Section):
    """What a trial of one family needs, where it differs from the others."""

    cpus: Annotated[Cores | None, Field(description="CPU cores of one trial")] = None
    gpus: Annotated[Gpus | None, Field(description="the GPU of one trial: 1, or a share of one")] = None


class Resources(Section):
    """What one trial needs, and how many run at the same time."""

    cpus: Annotated[Cores, Field(description="CPU cores of one trial")] = 1.0
    gpus: Annotated[
        Gpus, Field(description="the GPU of one trial: 1, or a share of one and of its memory")
    ] = 0.0
    trials_per_gpu: Annotated[
        Annotated[int, Field(ge=1, le=round(1 / LEAST_SHARE))] | Literal["auto"] | None,
        Field(description="instead of gpus: trials that share a GPU; auto measures one trial first"),
    ] = None
    concurrent: Annotated[
        int, Field(ge=1, le=MOST_CORES, description="slots: trials that run at the same time")
    ] = 2
    families: Annotated[
        dict[str, FamilyResources], Field(description="families whose trials need something else")
    ] = {}

    @model_validator(mode="after")
    def _gpus_once(self) -> Self:
        if self.trials_per_gpu is not None and self.gpus:
            raise ValueError("give either gpus or trials_per_gpu")
        return self

    def has_measured_gpu_share(self, family: str) -> bool:
        """Return whether a trial of this family gets the share of a GPU that a measured trial needed."""
        return self.trials_per_gpu == "auto" and self.families.get(family, FamilyResources()).gpus is None

    def for_family(self, family: str) -> TrialResources:
        """Return the resources of a trial of this family; with ``trials_per_gpu: auto`` a whole GPU, if it uses one."""
        gpus = self.gpus if self.trials_per_gpu is None else 1.0
        if isinstance(self.trials_per_gpu, int):
            gpus = 1.0 / self.trials_per_gpu
        family_resources = self.families.get(family, FamilyResources())
        return TrialResources(
            self.cpus if family_resources.cpus is None else family_resources.cpus,
            gpus if family_resources.gpus is None else family_resources.gpus,
        )


class TrialResources(NamedTuple):
    """CPU cores and GPUs of one trial."""

    cpus: float
    gpus: float


class Budget(Section):
    """What a sweep may spend. It ends cleanly when one of these is spent, and can go on with more."""

    hours: Annotated[
        float | None,
        Field(
            ge=LEAST_HOURS, le=MOST_HOURS, description="time in which a driver is at work; default: no limit"
        ),
    ] = None
    gpu_hours: Annotated[
        float | None,
        Field(
            ge=LEAST_HOURS,
            le=MOST_GPU_HOURS,
            description="time of all attempts, times the GPUs of each; default: no limit",
        ),
    ] = None
    grace_minutes: Annotated[
        float,
        Field(
            ge=0,
            le=60 * MOST_HOURS,
            description="trials that run may end within this time after the budget is spent",
        ),
    ] = 10.0


Models: TypeAlias = Literal["front", "none"]


class Tracking(Section):
    """Where MLflow keeps the sweep, and which of its codecs become models."""

    experiment: Annotated[
        str, Field(min_length=1, max_length=MOST_NAME, description="experiment of MLflow")
    ] = "ratefront"
    uri: Annotated[str | None, Field(description="default: sqlite, beside the sweep's folder")] = None
    models: Annotated[Models, Field(description="whose codecs are kept as MLflow models")] = "front"
    register_as: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MOST_NAME,
            description="registered model whose versions these codecs become",
        ),
    ] = None

    @field_validator("uri")
    @classmethod
    def _check_address(cls, uri: str | None) -> str | None:
        """Refuse what is no address, and credentials: the ledger, MLflow and the report show the spec."""
        if uri is not None and (problem := address_problem(uri)):
            raise ValueError(problem)  # not quoted: it may hold a password
        if uri is not None and has_credentials(uri):
            raise ValueError(
                Message(
                    "no user or password here; give it as ",
                    Argument("tracking_uri"),
                    " or MLFLOW_TRACKING_USERNAME and …_PASSWORD",
                )
            )
        return uri


def _constraint_text(text: str) -> str:
    return parse_constraint(text).text


def _start_point(value: object) -> object:
    """Refuse what is neither values by name nor a folder; whether the space holds the values, ``check_spec`` says."""
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError(
            f"must be a mapping from parameters to values, or the folder of a sweep, got {shown(value)}"
        )
    for name, one in value.items():
        if not isinstance(name, str) or not isinstance(one, Scalar):
            raise ValueError(f"{name}: must be a single value, got {shown(one)}")
    return value


#: Values of some or all parameters of a configuration; or the folder of a sweep, whose front is meant.
StartPoint: TypeAlias = Annotated[
    Any,
    AfterValidator(_start_point),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"type": ["boolean", "number", "string"]},
                },
                {"type": "string", "minLength": 1},
            ]
        }
    ),
]


class SweepSpec(Section):
    """A resolved sweep file. ``space`` is kept as written (plain data); ``parse_space`` reads it."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            max_length=MOST_NAME,
            description="names the sweep's folder and runs",
        ),
    ]
    dataset: Named
    task_model: Named
    space: dict[str, Any]
    metrics: Annotated[
        tuple[Metric, ...],
        Field(
            strict=False,
            max_length=MOST_METRICS,
            description="further figures of every result, by functions that may be your own",
        ),
    ] = ()
    objectives: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            max_length=MOST_OBJECTIVES,
            strict=False,
            description="what the search optimises, on the validation split",
        ),
    ] = DEFAULT_OBJECTIVES
    constraints: Annotated[
        tuple[Annotated[str, AfterValidator(_constraint_text)], ...],
        Field(
            strict=False,
            max_length=MOST_CONSTRAINTS,
            description="what a codec must meet on validation, as accuracy >= 0.97; the search aims there",
        ),
    ] = ()
    target: Annotated[
        Target | None,
        Field(description="what the search serves alone: the fewest bits at an accuracy, or the reverse"),
    ] = None
    trials: Annotated[
        int,
        Field(
            ge=1,
            le=MOST_TRIALS,
            description="trials requested; every one that the space has room for ends in trials.csv",
        ),
    ]
    sampler: Sampler = Sampler()
    stopping: Annotated[
        Stopping, Field(description="trials that the search stops before their last epoch")
    ] = Stopping()
    repeats: Repeats = Repeats()
    start_with: Annotated[
        tuple[StartPoint, ...],
        Field(
            strict=False,
            max_length=MOST_START_POINTS,
            description="tried first: values of a configuration (others are drawn), or a sweep's folder: its front",
        ),
    ] = ()
    learn_from: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            strict=False,
            max_length=MOST_EARLIER_SWEEPS,
            description="folders of sweeps on the same data set and task model, from whose trials the search learns",
        ),
    ] = ()
    training: Training = Training()
    resources: Resources = Resources()
    retries: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="further attempts after a lost worker or a full memory that got no further",
        ),
    ] = 2
    trial_hours: Annotated[
        float | None,
        Field(
            ge=LEAST_HOURS,
            le=MOST_HOURS,
            description="an attempt that runs longer fails its trial; default: no limit",
        ),
    ] = None
    budget: Budget = Budget()
    end_when: Annotated[
        EndWhen | None, Field(description="ends the sweep before its last trial; default: never")
    ] = None
    keep: Annotated[
        Literal["all", "front", "none"],
        Field(description="whose codec, stream and samples stay: all trials', those on the front, or none"),
    ] = "all"
    bounds: Annotated[
        tuple[BoundName, ...],
        Field(strict=False, description="curves that the report draws the front against"),
    ] = (
        "oracle",
        "task_model",
        "estimate_and_compress",
        "indirect_estimate_and_compress",
        "sample_and_communicate",
        "time_sharing",
    )
    reference: Annotated[
        dict[str, Annotated[float, Field(ge=-MOST_REFERENCE, le=MOST_REFERENCE)]],
        Field(description="reference point of the hypervolume; what is not given has its default"),
    ] = {}
    block_size: Annotated[
        int, Field(ge=1, le=MOST_SAMPLES_AT_ONCE, description="samples coded as one string")
    ] = 1000
    tracking: Tracking = Tracking()

    @property
    def directions(self) -> Objectives:
        """The objectives, each with the direction in which it is better."""
        metrics = [metric.model_dump() for metric in self.metrics]
        return objectives_of({"objectives": self.objectives, "metrics": metrics})

    @property
    def parsed_constraints(self) -> tuple[Constraint, ...]:
        """The constraints, parsed."""
        return tuple(map(parse_constraint, self.constraints))

    @property
    def search_objectives(self) -> Objectives:
        """What the search optimises: the objectives, or that of the target alone."""
        return self.directions if self.target is None else self.target.objectives

    @property
    def search_constraints(self) -> tuple[Constraint, ...]:
        """What the search aims at: the constraints, and being at the target."""
        own = self.parsed_constraints
        return own if self.target is None else (self.target.constraint, *own)
