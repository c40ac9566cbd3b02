"""Runs a trial of a sweep again and says what differs: the same seed on the same machine gives the same bits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

from pydantic import ValidationError

from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.problem_wording import problems_of_pydantic
from ratefront.store.files.atomic_files import make_folder_below
from ratefront.store.files.checksummed_folder import copy_intact, is_intact
from ratefront.store.same_inputs import check_format, check_inputs
from ratefront.store.sweep_folder import SweepFolder, TrialFolder
from ratefront.task_models.input_digests import present_inputs
from ratefront.trial.device import check_device
from ratefront.trial.error_summary import summarise_error
from ratefront.trial.reproduction.compare_runs import differing_files, differing_values, missing_files
from ratefront.trial.run_trial import run_trial
from ratefront.trial.threads import using_threads
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import STARTED_FROM_NEIGHBOUR, TrialParams, TrialResult
from ratefront.wording import Argument, Message


@dataclass(frozen=True)
class Reproduction:
    """A trial run again.

    Attributes:
        result: The new result; None where the trial failed this time.
        differences: A line for each thing that differs; empty where all bits are the same.
        not_compared: A line for each file of the first run that no longer exists.
    """

    result: TrialResult | None
    differences: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()


def reproduce(
    sweep: SweepFolder, history: SweepHistory, trial_id: str, folder: Path, *, own_module: bool = False
) -> Reproduction:
    """Run a trial of the sweep again into the new ``folder``, with the sweep's own task model, and compare.

    Times are not compared, since they never repeat. A trial that failed should fail with the same error.

    Raises:
        InputError: There is no such trial, or it has not run to its end; ``folder`` is in use; the task model, the
            codec that the trial started from, or the GPU is gone; the sweep names Python code that is neither known nor
            ``own_module``; the spec is none of this version of ratefront (``SpecError``); data or code are not those
            that the sweep began with (``SweepMismatchError``).
        PermissionError: A file of the sweep may not be read.
    """
    trial = _ended_trial(history, trial_id)
    _check_values(trial)
    _check_readable(sweep.trial(trial_id))
    check_format(history)
    settings = {**history.spec, "resources": trial.resources}
    spec = spec_from_plain(settings, source=str(sweep.ledger), own_module=own_module).spec
    needs = spec.resources.for_family(trial.params.family)
    device = "cuda" if needs.gpus else "cpu"
    check_device(device)
    inputs = {} if history.task_model is None else history.task_model.inputs
    if inputs:
        check_inputs(inputs, present_inputs(spec), spec)
    params = _with_starting_weights(trial, sweep)
    _prepare_folder(sweep, history, folder)
    _copy_starting_weights(params, sweep, SweepFolder(folder))
    # A trial that ran out of memory was computed in parts from then on (see ``TrialContext``).
    context = TrialContext(spec, folder.resolve(), device, trial.batch_divisor, inputs)
    with using_threads(needs.cpus):
        again = _run(params, context)
    return _compare(trial, again, sweep, SweepFolder(folder))


def _ended_trial(history: SweepHistory, trial_id: str) -> TrialHistory:
    trial = history.trial(trial_id)
    if trial.status not in ("finished", "collapsed", "failed"):
        raise InputError(
            f"trial {trial_id} is {trial.status}: only one that ran to its end can be reproduced"
        )
    return trial


def _check_values(trial: TrialHistory) -> None:
    """Check that the family takes the values that the ledger has: none is tried that no sweep can have suggested."""
    family = CATALOGUE.families[trial.params.family].parameters
    try:
        family.model_validate(dict(trial.params.family_parameters))
    except ValidationError as error:
        problems = "; ".join(problems_of_pydantic(error, family))
        raise InputError(
            f"trial {trial.params.trial_id} has values that its family does not take: {problems}"
        ) from error


def _check_readable(files: TrialFolder) -> None:
    """Open what is compared in the end, so that a file that may not be read is not noticed after the whole run."""
    for path in (files.stream, files.samples):
        if path.is_file():
            path.open("rb").close()


def _prepare_folder(sweep: SweepFolder, history: SweepHistory, folder: Path) -> None:
    """Make ``folder`` a sweep's folder with a copy of the task model."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is in use: a trial is reproduced into a folder of its own, new or empty")
    if not sweep.task_model.is_dir():
        raise InputError(
            f"{sweep.task_model} is gone: without the sweep's own task model no trial is the same"
        )
    expected = {} if history.task_model is None else {"identity": history.task_model.identity}
    if not is_intact(sweep.task_model, **expected):
        raise InputError(
            Message(
                f"{sweep.task_model} is not as the sweep has left it; going on with the sweep, by ",
                Argument("resume", True),
                " or ",
                Argument("extend"),
                ", makes it whole again",
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    copy_intact(sweep.task_model, SweepFolder(folder).task_model)


def _with_starting_weights(trial: TrialHistory, sweep: SweepFolder) -> TrialParams:
    """The parameters of the trial, which starts from scratch where it did so for want of its neighbour's files.

    Raises:
        InputError: It started from another trial's weights, whose files are gone.
    """
    params = trial.params
    extra = {} if trial.result is None else trial.result.extra
    if not params.starts_from or extra.get(STARTED_FROM_NEIGHBOUR) == 0:
        return replace(params, starts_from="")
    source = sweep.trial(params.starts_from)
    for path in (source.codec_config, source.codec_weights):
        if not path.is_file():
            raise InputError(
                f"{path} is gone: trial {params.trial_id} started from the weights of trial {params.starts_from}, and "
                "is not the same without them"
            )
    return params


def _copy_starting_weights(params: TrialParams, sweep: SweepFolder, new: SweepFolder) -> None:
    if not params.starts_from:
        return
    source, target = sweep.trial(params.starts_from), new.trial(params.starts_from)
    make_folder_below(new.path, target.path)
    copyfile(source.codec_config, target.codec_config)
    copyfile(source.codec_weights, target.codec_weights)


def _run(params: TrialParams, context: TrialContext) -> TrialResult | Exception:
    try:
        return run_trial(params, context)
    except InputError:
        raise
    except Exception as error:  # the error of the first run may occur again
        return error


def _compare(
    trial: TrialHistory, again: TrialResult | Exception, sweep: SweepFolder, new: SweepFolder
) -> Reproduction:
    if isinstance(again, Exception):
        return Reproduction(None, _differing_failure(trial, again))
    if trial.result is None:
        line = f"it had failed with {trial.error} ({trial.reason}), now it is {again.status}"
        return Reproduction(again, (line,))
    before, now = sweep.trial(trial.params.trial_id), new.trial(trial.params.trial_id)
    differences = [*differing_files(before, now), *differing_values(trial.result, again)]
    if differences and trial.memory_failures:
        differences.append(
            "(its memory had been full: from then on batches came in parts, and were rounded so)"
        )
    return Reproduction(again, tuple(differences), tuple(missing_files(before)))


def _differing_failure(trial: TrialHistory, error: Exception) -> tuple[str, ...]:
    name = summarise_error(error).error
    if trial.status == "failed" and trial.error == name:
        return ()
    before = f"had failed with {trial.error}" if trial.status == "failed" else f"was {trial.status}"
    return (f"it {before}, now it failed with {name}: {error}",)
