"""Renders the plan for people, in a terminal or as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Dimension, Float, Int, Space
from ratefront.spec.space.parameter_fields import Parameter
from ratefront.spec.sweep_spec import Metric, Resources, SweepSpec

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.tree import Tree

    from ratefront.spec.views.plan import Plan

#: The files in a sweep's folder, for people; ``store.sweep_folder`` holds the paths that the code uses.
WRITTEN_FILES = (
    ("ledger.jsonl", "everything that happens, as it happens: what a sweep is resumed from"),
    ("spec.yaml, environment.json", "this plan resolved, and the machine and packages it ran with"),
    ("task_model/", "the weights of the task model and its predictions, which give the bounds"),
    ("trials/<trial_id>/", "each codec, and the test split as it coded it"),
    ("trials.csv, summary.json, front.csv", "what was measured"),
    ("report.html, front.png", "the front against the bounds"),
)

_DO = {"train": "train", "validation": "validate", "test": "test"}
_LISTED = 2  # blocks in a row that are named one by one


def render_plan(plan: Plan, place: str = "in its folder") -> RenderableType:
    """Return the plan for ``rich.print``: settings, the search space as a tree, and the files written in ``place``."""
    from rich.console import Group
    from rich.text import Text

    return Group(
        _table(_settings(plan)),
        Text(),
        _space_tree(plan),
        Text(),
        Text(f"A sweep writes, {place}:", "bold"),
        _table((f"  {name}", what) for name, what in WRITTEN_FILES),
        Text(f"and logs to MLflow: {_tracking(plan)}"),
    )


def _settings(plan: Plan) -> list[tuple[str, str]]:
    spec, needs = plan.spec, plan.spec.resources
    return [
        ("sweep", spec.name),
        ("dataset", f"{spec.dataset.name}: {plan.dataset_summary}{_given(spec.dataset.parameters)}"),
        *([("", plan.data)] if plan.data else []),
        (
            "task model",
            f"{spec.task_model.name}: {plan.task_model_summary}{_given(spec.task_model.parameters)}",
        ),
        ("", _how_trained(spec.task_model.parameters)),
        ("split points", _in_short(plan.split_points) or "none"),
        ("trials", f"{spec.trials}, {needs.concurrent} at a time"),
        *([("", plan.too_few_configurations)] if plan.too_few_configurations else []),
        ("repeats", _repeats(spec.repeats, spec.trials)),
        ("one trial needs", _needs(needs, "")),
        *(("", f"of {family}: {_needs(needs, family)}") for family in needs.families),
        ("training", _values(spec.training.model_dump())),
        ("sampler", f"{spec.sampler.name}{_given(spec.sampler.model_dump(exclude={'name'}))}"),
        *plan.known,
        *([("metrics", ", ".join(map(_metric, spec.metrics)))] if spec.metrics else []),
        ("objectives", ", ".join(f"{direction} {name}" for name, direction in plan.directions.items())),
        *_goals(spec),
        ("reference", _values(spec.reference) or "the default for each objective"),
        ("bounds drawn", ", ".join(spec.bounds) or "none"),
        ("block size", f"{spec.block_size} samples coded as one string"),
        *(("warning", warning) for warning in plan.warnings),
    ]


def _goals(spec: SweepSpec) -> list[tuple[str, str]]:
    """Return what a person asks for, and what ends a trial or the sweep before its time."""
    stopping, lines = spec.stopping, []
    if spec.constraints:
        lines.append(("constraints", ", ".join(str(constraint) for constraint in spec.parsed_constraints)))
    if spec.target is not None:
        lines.append(("target", str(spec.target.constraint)))
    given = _given(stopping.model_dump(exclude={"rule"})) if stopping.rule != "none" else ""
    lines.append(("early stopping", f"{stopping.rule}{given}"))
    if spec.end_when is not None:
        lines.append(("ends when", _values(spec.end_when.model_dump(exclude_none=True))))
    return lines


def _repeats(repeats: Repeats, trials: int) -> str:
    """Return which configurations run again, and how many trials come on top for it."""
    most = repeats.most(trials)
    if not most:
        return "none"
    seeds = "1 fresh seed" if repeats.front == 1 else f"{repeats.front} fresh seeds"
    which = (
        f"front and rivals get {seeds} each"
        if repeats.front
        else f"every configuration has {repeats.seeds} seeds"
    )
    return f"up to {most} more trials: {which}, where the seed matters"


def _metric(metric: Metric) -> str:
    return f"{metric.name} ({metric.target})"


def _how_trained(task_model: Mapping[str, Any]) -> str:
    if task_model["epochs"] == 0:
        return "taken as it is: nothing is trained"
    return "trained once, before the trials, or taken from the cache"


def describe_data(shape: Sequence[int], classes: int, samples: Mapping[str, int] | None) -> str:
    """Return a data set in words: shape of a sample, number of classes and, if known, samples of each split."""
    text = f"samples of {'×'.join(map(str, shape))}, {classes} classes"
    if not samples:
        return text
    return (
        f"{text}; {', '.join(f'{count:,} {_DO[name]}'.replace(',', ' ') for name, count in samples.items())}"
    )


def _in_short(points: Sequence[str]) -> str:
    """Return the split points, with a run of blocks as its first and last: ``layer1.0 … layer1.2``."""
    runs = [list(run) for _, run in groupby(points, key=lambda point: point.partition(".")[0])]
    return ", ".join(f"{run[0]} … {run[-1]}" if len(run) > _LISTED else ", ".join(run) for run in runs)


def _needs(resources: Resources, family: str) -> str:
    """Return CPUs and GPUs of one trial, and whether the share of a GPU is still to be measured."""
    needs, is_open = resources.for_family(family), resources.has_measured_gpu_share(family)
    gpus = "a share of a GPU, as its first trial uses" if is_open else _amount(needs.gpus, "GPU")
    return f"{_amount(needs.cpus, 'CPU')}, {gpus}"


def _tracking(plan: Plan) -> str:
    tracking = plan.spec.tracking
    where = tracking.uri or "mlflow.db, beside the folder of the sweep"
    return f"experiment {tracking.experiment} in {where}"


def _table(rows: Iterable[tuple[str, str]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _space_tree(plan: Plan) -> Tree:
    from rich.tree import Tree

    tree = Tree("search space: family, one of")
    family = plan.space["family"]
    for name, inner_space in family.options.items() if isinstance(family, Branch) else ():
        _grow(tree.add(_label(name, plan.family_summaries[name])), inner_space, plan.families[name])
    return tree


def _grow(tree: Tree, space: Space, parameters: Mapping[str, Parameter]) -> None:
    for name, dimension in space.items():
        node = tree.add(_label(f"{name}: {_dimension(dimension)}", parameters[name].description))
        if isinstance(dimension, Branch):
            for option, inner_space in dimension.options.items():
                _grow(node.add(_label(option, "")), inner_space, parameters)


def _label(head: str, remark: str) -> RenderableType:
    from rich.text import Text

    name, colon, rest = head.partition(":")
    return Text.assemble((name, "cyan"), colon + rest, (f"  ({remark})" if remark else "", "dim"))


def _dimension(dimension: Dimension) -> str:
    match dimension:
        case Constant(value):
            return _plain(value)
        case Float(low, high, log) | Int(low, high, log):
            kind = ", whole" if isinstance(dimension, Int) else ""
            return f"{_plain(low)} to {_plain(high)}{kind}{', logarithmic' if log else ''}"
        case Choice(options):
            return " | ".join(map(_plain, options))
        case Branch():
            return "one of"


def _amount(count: float, unit: str) -> str:
    return f"no {unit}" if count == 0 else f"{count:g} {unit}{'' if count == 1 else 's'}"


def _values(values: Mapping[Any, object]) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in values.items())


def _given(values: Mapping[str, object]) -> str:
    return f" ({_values(values)})" if values else ""


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
