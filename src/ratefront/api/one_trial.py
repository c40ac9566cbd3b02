"""Runs one trial in this process, without a sweep."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.argument_checks import check_count, checked_output_folder
from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.known_facts import spec_facts
from ratefront.spec.load_spec import load_spec
from ratefront.spec.plain_data import as_plain_data, unusable_values
from ratefront.spec.problem_wording import shown
from ratefront.spec.space.parse_space import parse_space
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import Progress, Scalar, TrialParams
from ratefront.wording import Argument, Message

if TYPE_CHECKING:
    from ratefront.trial_records import TrialResult


def run_trial(
    spec: Path | str | Mapping[str, Any] | LoadedSpec,
    params: Mapping[str, Any] | TrialParams,
    folder: Path | str | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> TrialResult:
    """Run one trial in this process, without Ray, MLflow and Optuna.

    Args:
        spec: As ``load_spec`` takes it. Only what trials share counts: data, task model, training.
        params: A family and its parameters, as ``{"family": "label", "method": "lossless"}``.
        folder: Where its files stay, as in a sweep's folder (``trials/trial/``). It must not hold a trial yet.
            None: the files are deleted.
        seed: The seed of its random numbers.
        device: ``cpu`` or ``cuda``.
        on_progress: Called after each epoch.

    Returns:
        What it measured: ``result.test.rate_bits`` in bit/sample, ``result.test.accuracy`` in [0, 1], sizes in bytes.

    Raises:
        InputError: Spec or parameters do not fit, there is no such device, ``folder`` holds a trial already, or the
            trial starts from another one's weights (``Trial.reproduce`` runs it).
        TrialError: The trial failed.

    Example:
        >>> import ratefront as rf
        >>> spec = rf.load_spec("sweeps/digits.yaml", {"task_model.epochs": 1})
        >>> result = rf.run_trial(spec, {"family": "label", "method": "lossless"})
        >>> result.test.rate_bits < 4
        True
    """
    from ratefront.task_models.prepare_task_model import prepare_task_model
    from ratefront.trial.device import check_device
    from ratefront.trial.run_trial import run_trial as run
    from ratefront.trial.threads import use_threads
    from ratefront.trial.trial_context import TrialContext

    check_count("seed", seed, least=0)
    loaded = load_spec(spec)
    checked = params if isinstance(params, TrialParams) else checked_params(loaded, params, seed)
    if checked.starts_from:
        raise InputError(
            f"trial {checked.trial_id} starts from the weights of trial {checked.starts_from} of its sweep, and "
            "cannot run on its own; reproduce it in its sweep"
        )
    check_device(device)
    with tempfile.TemporaryDirectory() as temporary:
        sweep_folder = SweepFolder(Path(temporary) if folder is None else checked_output_folder(folder))
        sweep_folder.check_entries()
        if any(sweep_folder.trials.glob("*/codec.json")):
            raise InputError(
                Message(
                    f"{sweep_folder.path} holds a trial already, which stays as it is; choose another folder with ",
                    Argument("folder"),
                )
            )
        use_threads(loaded.spec.resources.cpus)
        sweep_folder.path.mkdir(parents=True, exist_ok=True)
        prepare_task_model(loaded.spec, sweep_folder.task_model, device)
        context = TrialContext(loaded.spec, sweep_folder.path, device)
        return run(checked, context, on_progress or (lambda progress: None))


def checked_params(loaded: LoadedSpec, values: Mapping[str, Any], seed: int = 0) -> TrialParams:
    """Return the parameters of a trial from values that a user wrote.

    They are checked like a sweep file whose space is this single point.

    Raises:
        InputError: The family is missing or unknown, a parameter is unknown, or the family does not take a value.
    """
    if not isinstance(values, Mapping):
        raise InputError(
            f'params: pass a family and its parameters, as {{"family": "label"}}, got {values!r}'
        )
    spec, values = loaded.spec, as_plain_data(values)
    family = values.get("family")
    if not isinstance(family, str):
        raise InputError(f"the parameters name no family; valid: {', '.join(CATALOGUE.families)}")
    parameters = {name: value for name, value in values.items() if name != "family"}
    # A space could be given as well as a point of it, and is no trial.
    problems = unusable_values(values) or [
        f"{name}: must be a single value, got {shown(value)}"
        for name, value in parameters.items()
        if not isinstance(value, Scalar)
    ]
    if not problems:
        _, problems = parse_space({"family": {family: parameters}}, CATALOGUE, spec_facts(CATALOGUE, spec))
    if problems:
        raise InputError(
            "\n".join(["these parameters do not fit:", *(f"  {problem}" for problem in problems)])
        )
    complete = CATALOGUE.families[family].parameters.model_validate(parameters).model_dump(exclude_none=True)
    return TrialParams("trial", seed, {"family": family, **complete})
