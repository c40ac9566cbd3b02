"""The commands as functions: what ``ratefront`` does on the command line, for a notebook or a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError, UnknownNameError
from ratefront.history import SweepHistory, TrialHistory
from ratefront.records import TrialParams, TrialResult
from ratefront.spec.facts import facts_of_spec
from ratefront.spec.load import LoadedSpec, load_spec, spec_from_plain
from ratefront.spec.parse import parse_space
from ratefront.store.folder import SweepFolder
from ratefront.store.reading import read_history, read_spec
from ratefront.store.task_model_progress import TaskModelProgress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ratefront.audit import Audit
    from ratefront.bitstream import CodedStream
    from ratefront.report.write import DrawnReport
    from ratefront.simulate.capacity import SamplerName
    from ratefront.spec.first_sweep import FirstSweep
    from ratefront.store.retention import Keep, Removed
    from ratefront.trial.reproduce import Reproduction

STOPPED_BY_HAND = "stopped by hand"


def sweep(
    spec: Path | LoadedSpec | None,
    out: Path,
    *,
    resume: bool = False,
    extend: int | None = None,
    retry_failed: bool = False,
    tracking_uri: str | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
    on_training: Callable[[TaskModelProgress], None] | None = None,
    on_interrupt: Callable[[], None] | None = None,
) -> SweepHistory:
    """Run a sweep into the folder ``out``, or go on with the one that is there.

    ``extend`` more trials than it asked for, and ``retry_failed``, all that had failed for good once more,
    imply ``resume``. A spec of None is that of the sweep in ``out``. ``on_update`` is called whenever the history has
    changed, ``on_training`` while the task model is trained, ``on_interrupt`` when a signal asks the sweep to end.

    Raises
    ------
    InputError
        The spec, the folder or the cluster does not fit; nothing was started.
    LedgerError, EngineError
        The sweep cannot go on; what was measured is kept.
    """
    from ratefront.orchestrate.sweep import run_sweep
    from ratefront.report.write import write_report

    if spec is None:
        spec = spec_of(out)
    return run_sweep(
        spec if isinstance(spec, LoadedSpec) else load_spec(spec),
        SweepFolder(out),
        resume=resume or retry_failed or extend is not None,
        extend=extend,
        retry_failed=retry_failed,
        tracking_uri=tracking_uri,
        on_update=on_update,
        on_training=on_training,
        on_interrupt=on_interrupt,
        finish=write_report,
    )


def spec_of(out: Path, overrides: Sequence[str] = ()) -> LoadedSpec:
    """The spec of the sweep in ``out``, changed as ``--set`` would.

    Raises
    ------
    InputError
        The folder holds no sweep, or one that this version of ratefront does not understand; or its data have moved.
    """
    folder = SweepFolder(out)
    return spec_from_plain(read_spec(folder), source=str(folder.ledger), overrides=overrides)


def status(out: Path) -> dict[str, Any]:
    """How a sweep stands, also while it runs; see ``store.status.status_of``.

    Raises
    ------
    InputError
        The folder holds no sweep.
    """
    from ratefront.store.status import status_of

    return status_of(SweepFolder(out))


def stop(out: Path, reason: str = STOPPED_BY_HAND) -> SweepHistory:
    """End the driver that runs a sweep, and wait for it; the sweep can be resumed.

    Raises
    ------
    InputError
        The folder holds no sweep, or no driver runs it.
    EngineError
        The driver does not answer.
    """
    from ratefront.store.steering import stop_sweep

    folder = SweepFolder(out)
    stop_sweep(folder, reason)
    return read_history(folder)


def stop_trial(out: Path, trial_id: str, reason: str = STOPPED_BY_HAND) -> TrialHistory:
    """Stop one trial of a sweep, whether a driver runs it or not, and wait for its end.

    Raises
    ------
    InputError
        The folder holds no sweep, the sweep no such trial, or the trial has ended.
    EngineError
        The driver does not answer.
    """
    from ratefront.store import steering

    return steering.stop_trial(SweepFolder(out), trial_id, reason)


def clean(out: Path, keep: Keep | None = None, *, dry_run: bool = False) -> Removed:
    """Delete the checkpoints of trials that have ended, and the files that ``keep`` does not keep.

    Raises
    ------
    InputError
        The folder holds no sweep.
    """
    from ratefront.store.retention import apply_retention

    folder = SweepFolder(out)
    return apply_retention(folder, read_history(folder), keep, dry_run=dry_run)


def reproduce(out: Path, trial_id: str, into: Path) -> Reproduction:
    """Run a trial of the sweep in ``out`` once more, its files in the folder ``into``; no Ray, no MLflow, no Optuna.

    Raises
    ------
    InputError
        The folder holds no sweep, the sweep no such trial, or the trial no result to compare with.
    TrialError
        The trial failed.
    """
    from ratefront.trial import reproduce

    folder = SweepFolder(out)
    return reproduce.reproduce(folder, read_history(folder), trial_id, into)


def encode(
    out: Path,
    trial_id: str,
    samples: Sequence[Path],
    *,
    block_size: int = 1000,
    resize: bool = False,
    runs_modules: bool = False,
) -> CodedStream:
    """Code image files and arrays by the codec of a trial of the sweep in ``out``; no Ray, no MLflow, no Optuna.

    ``runs_modules``: where the codec's task model is Python code, the code is yours and may be run.

    Raises
    ------
    InputError
        The trial has no codec, or a sample does not fit it.
    BitstreamError
        The codec does not decode here what it encodes.
    """
    from ratefront.trial.coding import encode_samples

    return encode_samples(
        SweepFolder(out), trial_id, samples, block_size=block_size, resize=resize, runs_modules=runs_modules
    )


def decode(out: Path, trial_id: str, stream: Path, *, runs_modules: bool = False) -> NDArray[np.int64]:
    """Classes (N,) of a stream that ``encode`` has made with the same trial; ``runs_modules`` as there.

    Raises
    ------
    InputError
        The trial has no codec, or the stream is another codec's, damaged, or no stream.
    """
    from ratefront.trial.coding import decode_samples

    return decode_samples(SweepFolder(out), trial_id, stream, runs_modules=runs_modules)


def audit(
    streams: Path,
    decoded: Path,
    *,
    classes: int | None = None,
    random: bool = False,
    claimed_rate: str | None = None,
    claimed_accuracy: str | None = None,
) -> Audit:
    """Count the bits of any system's coded files, and hold them against the oracle; see ``audit.audit``.

    Raises
    ------
    InputError
        A file cannot be read, samples and streams do not fit together, or a claim is no number.
    """
    from ratefront import audit

    rate, accuracy = (
        None if text is None else audit.Claim.parse(text, most)
        for text, most in ((claimed_rate, None), (claimed_accuracy, 1))
    )
    return audit.audit(
        streams,
        decoded,
        classes=classes,
        random=random,
        claimed_rate=rate,
        claimed_accuracy=accuracy,
    )


def environment_changes(out: Path) -> list[str]:
    """What differs between here and now and where the sweep in ``out`` ran, a line each."""
    from ratefront.orchestrate import environment_change

    return environment_change.environment_changes(SweepFolder(out))


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
    _, problems = parse_space({"family": {family: own}}, CATALOGUE, facts_of_spec(CATALOGUE, spec))
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


def track(
    out: Path,
    tracking_uri: str | None = None,
    *,
    experiment: str | None = None,
    register: str | None = None,
) -> str:
    """Send the sweep in ``out``, running or ended, to an MLflow store or server; returns its address.

    Codecs on the front are registered as versions of the model ``register``. Said again, it changes nothing.

    Raises
    ------
    InputError
        The folder holds no sweep, the address cannot hold one, or the sweep's own driver reports there already.
    TrackingError
        The store cannot be reached, or takes nothing more.
    """
    from ratefront.orchestrate.catch_up import catch_up
    from ratefront.report.write import write_report

    return catch_up(
        SweepFolder(out), write_report, tracking_uri=tracking_uri, experiment=experiment, register=register
    )


def init(
    data: Path | str,
    out: Path,
    *,
    kind: str | None = None,
    task_model: str | None = None,
    weights: Path | None = None,
) -> FirstSweep:
    """Write a first sweep file ``out`` for one's own data, with a task model that trains in under two minutes here.

    ``data`` is an npz file, a folder of images, or the name of a data set of the catalogue; ``kind`` is ``images`` or
    ``points``, where the arrays of an npz file do not tell. ``task_model`` is a name of the catalogue or, as
    package.module:function, a network of one's own, which with a file of trained ``weights`` is not trained.

    Raises
    ------
    InputError
        The data cannot be used, the task model does not take them, or ``out`` is there already.
    """
    from ratefront.data.given import given_datasets
    from ratefront.data.load import load_dataset
    from ratefront.spec.check import check
    from ratefront.spec.load import check_weights
    from ratefront.spec.yaml_text import read_yaml
    from ratefront.tasks.first_sweep import first_sweep
    from ratefront.trial.threads import threads_of

    if out.exists():
        raise InputError(f"{out} is there already and stays as it is; choose another file with --out")
    named = _named_task_model(task_model, weights)
    datasets = given_datasets(data, kind)
    load_dataset(datasets[0])  # with all cores: of a folder, every file is decoded once
    with threads_of(1):
        first = first_sweep(datasets, named)
    text = first.text(out)
    check_weights(check(read_yaml(text), str(out), CATALOGUE).spec, str(out), CATALOGUE)
    with out.open("x", encoding="utf-8") as file:
        file.write(text)
    return first


def _named_task_model(task_model: str | None, weights: Path | None) -> dict[str, Any] | None:
    if task_model is None:
        if weights is not None:
            raise InputError("--weights are those of a task model: say which with --task-model")
        return None
    own = {"target": task_model} if ":" in task_model else {}
    name = "module" if own else task_model
    try:
        CATALOGUE.task_models[name].parameters.model_validate(own)
    except (UnknownNameError, ValidationError) as error:
        names = ", ".join(one for one in CATALOGUE.task_models if one != "module")
        raise InputError(
            f"--task-model {task_model}: give package.module:function, or one of {names}"
        ) from error
    named = {"name": name, **own}
    return named if weights is None else {**named, "weights": str(weights.absolute())}


def simulate(
    spec: Path | LoadedSpec | None = None,
    *,
    table: str | Path | None = None,
    trials: int | None = None,
    slots: int | None = None,
    sampler: SamplerName | None = None,
    trial_s: float = 600.0,
    latency_s: float | None = None,
    faults: int | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
) -> dict[str, Any]:
    """A sweep in virtual time by the engine of a real one, as plain data (see ``simulate.outcome.outcome_of``).

    Trials answer as those of ``table`` did (a name in the package, a file, a sweep's folder), or are synthetic and take
    about ``trial_s`` seconds. ``latency_s`` is what one thing takes that the driver does, None: as measured here, now.
    ``faults`` draws what goes wrong from a seed; the result is checked then. ``on_update`` is called with the history
    whenever it has changed.

    Raises
    ------
    InputError
        The spec or the table cannot be used.
    InvariantBrokenError
        What must hold whatever goes wrong did not.
    """
    from ratefront.simulate.asked import asked_for, find_table, with_faults
    from ratefront.simulate.capacity import measured
    from ratefront.simulate.invariants import check
    from ratefront.simulate.outcome import outcome_of
    from ratefront.simulate.run import run

    loaded = load_spec(spec) if isinstance(spec, Path) else spec
    found = None if table is None else find_table(str(table))
    scenario = asked_for(
        loaded, found, trials=trials, slots=slots, sampler=sampler, trial_s=trial_s, latency_s=latency_s
    )
    if faults is not None:
        done = run(with_faults(scenario, faults), on_update=on_update)
        check(done)
        return outcome_of(done)
    if latency_s is not None:
        return outcome_of(run(scenario, on_update=on_update))
    with measured() as parts:
        return outcome_of(run(scenario, parts, on_update))


def simulate_seed(seed: int) -> dict[str, Any]:
    """A small sweep drawn from a seed, with its faults, checked; as plain data.

    Raises
    ------
    InvariantBrokenError
        What must hold whatever goes wrong did not.
    """
    from ratefront.simulate.outcome import outcome_of
    from ratefront.simulate.seeds import try_seed

    return outcome_of(try_seed(seed))


def record_table(out: Path, path: Path) -> int:
    """Record the sweep in ``out`` as a table to simulate with; returns how many of its trials it has.

    Raises
    ------
    InputError
        The folder holds no sweep with a finished trial, or the file cannot be written.
    """
    from ratefront.simulate.recording import table_of_folder

    table = table_of_folder(SweepFolder(out))
    table.save(path)
    return len(table.rows)
