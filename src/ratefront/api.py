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
from ratefront.store.folder import SweepFolder

if TYPE_CHECKING:
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


def trial(
    loaded: LoadedSpec, values: Mapping[str, Any], out: Path, *, seed: int = 0, device: str = "cpu"
) -> TrialResult:
    """One trial in this process, its files in the folder ``out``; no Ray, no MLflow, no Optuna.

    Raises
    ------
    InputError
        The values do not fit the family that they name.
    TrialError
        The trial failed.
    """
    from ratefront.tasks.prepare import prepare_task_model
    from ratefront.trial.context import TrialContext
    from ratefront.trial.run import run_trial
    from ratefront.trial.threads import use_threads

    params = checked_params(loaded, values, seed)
    use_threads(loaded.spec.resources.cpus)
    prepare_task_model(loaded.spec, SweepFolder(out).task_model, device)
    return run_trial(params, TrialContext(loaded.spec, out, device))


def checked_params(loaded: LoadedSpec, values: Mapping[str, Any], seed: int) -> TrialParams:
    """Values that a person wrote, as a trial's parameters, checked against their family.

    Raises
    ------
    InputError
        No or an unknown family, an unknown parameter, or a value that the family does not take.
    """
    from pydantic import ValidationError

    own = {name: value for name, value in values.items() if name != "family"}
    family = values.get("family")
    if not isinstance(family, str):
        raise InputError(f"the parameters name no family; valid: {', '.join(CATALOGUE.families)}")
    try:
        model = CATALOGUE.families[family].parameters.model_validate(own)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc'])) or family}: {e['msg']}, got {e['input']!r}"
            for e in error.errors()
        ]
        raise InputError("\n".join([f"parameters of family {family!r} do not fit:", *problems])) from error
    splits = CATALOGUE.task_models[loaded.spec.task_model.name].facts.get("splits", ())
    if "split" in own and own["split"] not in splits:
        raise InputError(f"split: no split point {own['split']!r}; valid: {', '.join(splits)}")
    given = model.model_dump(exclude_none=True)
    return TrialParams("trial", seed, {"family": family, **given})


def report(out: Path) -> DrawnReport:
    """(Re)draw the report of a finished or running sweep.

    Raises
    ------
    InputError
        The folder holds no sweep.
    """
    from ratefront.report.write import write_report

    return write_report(SweepFolder(out))


def bounds(predictions: Path, only: Sequence[str] | None = None) -> dict[str, Any]:
    """The bounds of a model's predictions (npz), as plain data for JSON.

    Raises
    ------
    InputError
        The file is missing or its arrays do not fit.
    """
    from ratefront.bounds import bounds_document, load_predictions

    return bounds_document(load_predictions(predictions), only)


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
