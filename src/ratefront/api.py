"""The commands as functions: what ``ratefront`` does on the command line, for a notebook or a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError
from ratefront.history import SweepHistory
from ratefront.records import TrialParams, TrialResult
from ratefront.spec.load import LoadedSpec, load_spec
from ratefront.spec.parse import parse_space
from ratefront.store.folder import SweepFolder

if TYPE_CHECKING:
    from ratefront.bounds import Bootstrap
    from ratefront.report.write import DrawnReport


def sweep(
    spec: Path | LoadedSpec,
    out: Path,
    *,
    resume: bool = False,
    tracking_uri: str | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
) -> SweepHistory:
    """Run a sweep into the folder ``out``, or go on with the one that is there.

    Raises
    ------
    InputError
        The spec, the folder or the cluster does not fit; nothing was started.
    LedgerError, EngineError
        The sweep cannot go on; what was measured is kept.
    """
    from ratefront.orchestrate.sweep import run_sweep
    from ratefront.report.write import write_report

    loaded = spec if isinstance(spec, LoadedSpec) else load_spec(spec)
    folder = SweepFolder(out)
    return run_sweep(
        loaded, folder, resume=resume, tracking_uri=tracking_uri, on_update=on_update, finish=write_report
    )


def trial(loaded: LoadedSpec, params: TrialParams, out: Path, *, device: str = "cpu") -> TrialResult:
    """One trial in this process, its files in the folder ``out``; no Ray, no MLflow, no Optuna.

    Raises
    ------
    InputError
        There is no such device here.
    TrialError
        The trial failed.
    """
    from ratefront.tasks.prepare import prepare_task_model
    from ratefront.trial.context import TrialContext
    from ratefront.trial.device import check_device
    from ratefront.trial.run import run_trial
    from ratefront.trial.threads import use_threads

    check_device(device)
    use_threads(loaded.spec.resources.cpus)
    prepare_task_model(loaded.spec, SweepFolder(out).task_model, device)
    return run_trial(params, TrialContext(loaded.spec, out, device))


def checked_params(loaded: LoadedSpec, values: Mapping[str, Any], seed: int = 0) -> TrialParams:
    """Values that a person wrote, as a trial's parameters; checked as a sweep file whose space is this one point.

    Raises
    ------
    InputError
        No or an unknown family, an unknown parameter, or a value that the family does not take.
    """
    spec = loaded.spec
    family = values.get("family")
    if not isinstance(family, str):
        raise InputError(f"the parameters name no family; valid: {', '.join(CATALOGUE.families)}")
    own = {name: value for name, value in values.items() if name != "family"}
    _, problems = parse_space({"family": {family: own}}, CATALOGUE, spec.task_model.name, spec.dataset.name)
    if problems:
        raise InputError(
            "\n".join(["these parameters do not fit:", *(f"  {problem}" for problem in problems)])
        )
    complete = CATALOGUE.families[family].parameters.model_validate(own).model_dump(exclude_none=True)
    return TrialParams("trial", seed, {"family": family, **complete})


def report(out: Path) -> DrawnReport:
    """(Re)draw the report of a finished or running sweep.

    Raises
    ------
    InputError
        The folder holds no sweep.
    """
    from ratefront.report.write import write_report

    return write_report(SweepFolder(out))


def bounds(
    predictions: Path,
    only: Sequence[str] | None = None,
    *,
    points: int | None = None,
    bootstrap: Bootstrap | None = None,
    calibrate: bool = False,
) -> dict[str, Any]:
    """The bounds of a model's predictions (npz), as plain data for JSON; see ``bounds.bounds_document``.

    Raises
    ------
    InputError
        The file is missing or its arrays do not fit, or a curve that they do not allow.
    """
    from ratefront.bounds import bounds_document, load_predictions
    from ratefront.bounds.solver.solved_curve import SOLVED_SLOPES

    return bounds_document(
        load_predictions(predictions),
        only,
        points=SOLVED_SLOPES if points is None else points,
        bootstrap=bootstrap,
        calibrate=calibrate,
    )


def prior_bounds(counts: Path) -> dict[str, Any]:
    """The oracle of a prior given as class counts in a JSON file.

    Raises
    ------
    InputError
        The file is missing or holds no counts.
    """
    from ratefront.bounds import load_prior, prior_document

    names, weights = load_prior(counts)
    return prior_document(weights, names)


def example_bounds(name: str) -> dict[str, Any]:
    """The curves of one of the papers' figures: ``mixture``, ``detection`` or ``modelnet40``.

    Raises
    ------
    InputError
        There is no such example.
    """
    from ratefront.bounds import example_document

    return example_document(name)


def draw_bounds(document: Mapping[str, Any], path: Path) -> None:
    """The figure of what ``bounds``, ``prior_bounds`` or ``example_bounds`` gave, as PNG or PDF.

    Raises
    ------
    InputError
        Another suffix, or the file cannot be written.
    """
    from ratefront.report import bounds_figure, paper_figures

    draw = paper_figures.draw_example if "example" in document else bounds_figure.draw_bounds
    draw(dict(document), path)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write plain data as JSON, whole or not at all.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    from ratefront.store.atomic import write_text

    try:
        write_text(path, json.dumps(data, allow_nan=False) + "\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
