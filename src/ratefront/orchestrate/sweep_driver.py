"""Runs one sweep from its first event to its last. Engine, ledger, cluster, trackers and report meet here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version

from ratefront.engine.engine import Engine
from ratefront.engine.find_known import FoundBefore, find_known, lacks_known
from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.opening_events import DriverIdentity, ResumeOptions, opening_events
from ratefront.errors import EngineError, LedgerMovedError, RatefrontError
from ratefront.history.events import Event, Halted
from ratefront.history.sweep_history import SweepHistory, spec_in
from ratefront.orchestrate.begin_and_resume_checks import (
    check_begun,
    check_budget,
    check_end_rule,
    check_extensible,
    check_folder,
    clear_unstarted_sweep,
    has_trials_left,
    one_sweep_per_process,
    runs_trials,
)
from ratefront.orchestrate.cluster.ray_logging import quiet_ray
from ratefront.orchestrate.driver_loop import (
    DriverLoop,
    interrupted_by_requests,
    requests_to_earlier_driver,
    take_trial_stops,
)
from ratefront.orchestrate.environment.describe_environment import add_inputs, write_environment
from ratefront.orchestrate.interrupts import Interrupted, Interrupts, interrupts
from ratefront.orchestrate.join_cluster import ClusterOptions, joined_cluster
from ratefront.orchestrate.report_redraw import Redrawer
from ratefront.orchestrate.sweep_followers import SweepFollowers
from ratefront.safe_text import without_credentials
from ratefront.spec.changeable_settings import Change, settings_change
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.import_paths.target_modules import modules_of
from ratefront.spec.load_spec import dump_yaml
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.earlier_sweeps import read_earlier_sweeps
from ratefront.store.files.atomic_files import write_text
from ratefront.store.ledger.driver_lock import name_of_this_process
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import SPEC_KINDS
from ratefront.store.reachable_target import check_reachable
from ratefront.store.same_inputs import check_format, check_inputs, check_known_sweeps
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import read_task_model_info
from ratefront.store.task_model_progress import TaskModelProgress
from ratefront.store.validation_bounds import missing_bounds, with_reference

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerFunctions:
    """The functions that workers run, each as "package.module:function". Tests replace them."""

    trial_steps: str = "ratefront.trial.run_trial:trial_steps"
    prepare_task_model: str = "ratefront.task_models.prepare_task_model:prepare_task_model"
    limit_memory: str = "ratefront.trial.device:limit_memory"
    inputs: str = "ratefront.task_models.input_digests:present_inputs"


def run_sweep(
    loaded: LoadedSpec,
    folder: SweepFolder,
    *,
    resume: bool,
    extend: int | None = None,
    retry_failed: bool = False,
    tracking_uri: str | None,
    cluster: ClusterOptions | None = None,
    on_update: Callable[[SweepHistory], None] | None,
    on_training: Callable[[TaskModelProgress], None] | None = None,
    on_interrupt: Callable[[], None] | None = None,
    functions: WorkerFunctions | None = None,
) -> SweepHistory:
    """Run a sweep to its end, or go on with one. A sweep with nothing left to do is drawn and tracked again.

    The report is drawn now and then in a thread while the sweep runs, and once at its end.

    Args:
        loaded: The sweep file, checked.
        folder: Where the sweep is stored.
        resume: Go on with the sweep in the folder.
        extend: With ``resume``: run this many trials more.
        retry_failed: With ``resume``: try again the trials that had failed for good.
        tracking_uri: The tracking store; it takes precedence over the spec's.
        cluster: Which machines run the trials; None: this one, or those of ``RAY_ADDRESS``.
        on_update: Called in this thread with the history after each change.
        on_training: Called with the progress of the task model's training.
        on_interrupt: Called by the handler of the first signal.
        functions: What workers run.

    Raises:
        InputError: The folder, the spec or the cluster does not fit; nothing was started.
        LedgerError: The ledger is damaged, or another driver writes it.
        Interrupted: SIGINT, SIGTERM or SIGUSR1 came, or a request to stop; the sweep can be resumed.
        EngineError: The sweep cannot go on; it can be resumed when the cause is gone.
        LedgerMovedError: The sweep's folder was moved, deleted or replaced; it can be resumed where it is.
    """
    folder, options = SweepFolder(folder.path.resolve()), ResumeOptions(resume, extend, retry_failed)
    check_folder(folder, options)
    found = None if resume else _find_known(loaded, folder)
    followers = SweepFollowers(folder, loaded.spec, tracking_uri, Redrawer(folder), on_update)
    functions, cluster = functions or WorkerFunctions(), cluster or ClusterOptions()
    with ExitStack() as stack:
        stack.enter_context(one_sweep_per_process())
        stack.enter_context(quiet_ray())
        caught = stack.enter_context(interrupts(on_interrupt))
        join = partial(joined_cluster, loaded.spec, folder.path, cluster, caught)
        if not resume:
            stack.enter_context(join())
        folder.path.mkdir(parents=True, exist_ok=True)
        earlier_requests = requests_to_earlier_driver(folder)
        ledger = stack.enter_context(Ledger(folder.ledger))
        stack.enter_context(interrupted_by_requests(folder, caught, earlier_requests))
        if not resume:
            clear_unstarted_sweep(folder, ledger)
        with caught.at_once():  # a long ledger takes seconds
            change = settings_change(spec_in(ledger.entries(SPEC_KINDS)), loaded.spec)
            engine = _engine(loaded, ledger, options)
            if resume and lacks_known(loaded.spec, engine.history):
                found = _find_known(loaded, folder)
        known = None if found is None else found.event
        opener = DriverIdentity(name_of_this_process(), version("ratefront"))
        opening = opening_events(loaded.spec, engine.history, options, opener, change, known)
        live = LiveSweep(engine, ledger, followers.changed)
        loop = DriverLoop(live, ledger, folder, caught, followers)
        needs_cluster = runs_trials(opening) or change.moves_files
        if resume and needs_cluster:
            stack.enter_context(join())
        if change.moves_files or has_trials_left(engine, opening):
            _check_same_inputs(engine.history, loaded.spec, functions.inputs, loop)
        with followers, _closing_failed(followers, caught), _noticing_moved_folder(ledger):
            if opening:
                _open(live, loaded.spec, folder, opening, change, found)
            if runs_trials(opening):
                with _recording_halt(live):
                    loop.carry_out(take_trial_stops(earlier_requests))
                    _run(live, loaded.spec, folder, cluster, functions, loop, on_training)
            elif retry_failed:
                _log.warning("no trial has failed: there is nothing to try again")
            with caught.at_once():
                followers.ended(live.history)
        return engine.history


def _engine(loaded: LoadedSpec, ledger: Ledger, options: ResumeOptions) -> Engine:
    """Build the engine from the ledger, and check that it can do what the options ask for."""
    engine = Engine(loaded.spec, loaded.space, ledger.entries())
    check_format(engine.history)
    check_extensible(engine, options)
    check_begun(engine.history, options)
    check_budget(loaded.spec.budget, engine.history, options)
    check_end_rule(engine, options)
    return engine


def _check_same_inputs(history: SweepHistory, spec: SweepSpec, function: str, loop: DriverLoop) -> None:
    """Compare on a worker the data, the code and the weights with those that the sweep began with.

    ``function`` finds the present ones, as ``present_inputs`` does. Nothing has been written before this check: a sweep
    that is refused can go on once the change is undone.

    Raises:
        SweepMismatchError: Something differs; the message names it.
        InputError: The data set or the task model is not available any more.
    """
    ready = history.task_model
    if ready is not None and ready.inputs:
        from ratefront.orchestrate.task_model_worker import inputs_on_worker

        check_inputs(ready.inputs, inputs_on_worker(function, spec, loop), spec)


def _find_known(loaded: LoadedSpec, folder: SweepFolder) -> FoundBefore | None:
    """Read the sweeps that the sweep file names; what is found goes into the ledger, and they are not read again."""
    return find_known(loaded.spec, loaded.space, read_earlier_sweeps(loaded.spec, folder.path))


def _open(
    live: LiveSweep,
    spec: SweepSpec,
    folder: SweepFolder,
    opening: list[Event],
    change: Change,
    found: FoundBefore | None,
) -> None:
    """Keep the resolved spec, and the environment that the sweep runs in from now on; then begin."""
    for line in () if found is None else found.left_out:
        _log.warning("left out: %s", line)
    if change.lines:
        _log.warning("the sweep goes on with other settings: %s", "; ".join(change.lines))
    write_text(folder.spec, dump_yaml(spec))
    if runs_trials(opening):
        write_environment(folder, modules_of(spec))
    live.open(opening)


def _run(
    live: LiveSweep,
    spec: SweepSpec,
    folder: SweepFolder,
    cluster: ClusterOptions,
    functions: WorkerFunctions,
    loop: DriverLoop,
    on_training: Callable[[TaskModelProgress], None] | None,
) -> None:
    """Prepare the task model if it is missing, then run trials until the engine is done."""
    with loop.at_once():  # Ray Tune takes seconds to load
        from ratefront.orchestrate.task_model_worker import prepare_missing_task_model
        from ratefront.orchestrate.tune.trial_worker import WorkerSetting
        from ratefront.orchestrate.tune.tune_driver import run_trials
        from ratefront.trial.trial_context import TrialContext

    context = TrialContext(spec, folder.path)
    if not live.done:
        prepare_missing_task_model(live, functions.prepare_task_model, context, loop, on_training)
    if live.history.task_model is not None:
        context = replace(context, inputs=live.history.task_model.inputs)
        add_inputs(folder, context.inputs)
        check_known_sweeps(live.history)
    if not live.done:
        check_reachable(folder, spec)
        with loop.at_once():
            _record_bounds(live, spec, folder)
        setting = WorkerSetting(context, functions.trial_steps, functions.limit_memory)
        run_trials(live, setting, loop, partial(cluster.slots, spec))
    live.end()


def _record_bounds(live: LiveSweep, spec: SweepSpec, folder: SweepFolder) -> None:
    """Write the bounds into the ledger that decisions of the search may use, unless it has them."""
    ready = missing_bounds(folder.predictions, spec, live.history)
    if ready is not None:
        info = read_task_model_info(folder, live.history)
        live.record(with_reference(ready, spec, info.raw_bits, info.task_model_bytes))
        within = None if spec.end_when is None else spec.end_when.within
        if within is not None and (why := ready.missing.get(within.bound)):
            _log.warning("end_when.within never holds: the bound %s is not known: %s", within.bound, why)


@contextmanager
def _closing_failed(followers: SweepFollowers, caught: Interrupts) -> Iterator[None]:
    """Let the followers show that the sweep has failed, which a signal cuts short. The error passes on."""
    try:
        yield
    except Exception as error:
        with suppress(Interrupted), caught.at_once():
            followers.failed(error)
        raise


@contextmanager
def _noticing_moved_folder(ledger: Ledger) -> Iterator[None]:
    """Let a missing folder be the error, where something else failed because of it.

    Raises:
        LedgerMovedError: In place of an error of any kind.
    """
    try:
        yield
    except Exception:
        ledger.check_in_place()
        raise


@contextmanager
def _recording_halt(live: LiveSweep) -> Iterator[None]:
    """Write into the ledger why the driver leaves the sweep before its end. The error passes on.

    The sweep must have been opened.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        _record_halt(live, Halted(str(interrupt), has_failed=False))
        raise
    except Exception as error:
        # Our own errors are sentences. Of others, the name says more than the text.
        text = str(error) if isinstance(error, RatefrontError) else f"{type(error).__name__}: {error}"
        _record_halt(live, Halted(without_credentials(text), has_failed=True))
        raise


def _record_halt(live: LiveSweep, halted: Halted) -> None:
    try:
        live.record(halted)
    except (EngineError, LedgerMovedError) as error:  # the ledger may be what cannot be written
        _log.debug("why the sweep ends is not in its ledger: %s", error)
