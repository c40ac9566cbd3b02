"""One sweep from its first event to its last: the place where engine, ledger, cluster, trackers and report
meet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version

from ratefront.engine.engine import Engine
from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.opening_events import DriverIdentity, ResumeOptions, opening_events
from ratefront.errors import EngineError
from ratefront.history.events import Event, TaskModelReady
from ratefront.history.sweep_history import SweepHistory, spec_in
from ratefront.orchestrate.begin_or_resume import (
    check_begun,
    check_extensible,
    check_folder,
    clear_away,
    only_sweep_here,
)
from ratefront.orchestrate.cluster.ray_logging import quiet
from ratefront.orchestrate.driver_loop import Turns, left_requests, still_counting
from ratefront.orchestrate.environment.describe_environment import add_inputs, write_environment
from ratefront.orchestrate.followers import Following
from ratefront.orchestrate.halting import saying_why
from ratefront.orchestrate.interrupts import Interrupts, interrupts
from ratefront.orchestrate.report_redraw import Redrawer
from ratefront.orchestrate.same_inputs_check import check_same_inputs, goes_on, is_anything_left
from ratefront.spec.changeable_settings import Change, settings_change
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import dump_yaml
from ratefront.spec.schema import SweepSpec
from ratefront.spec.targets.target_modules import modules_of
from ratefront.store.files.atomic_files import write_text
from ratefront.store.files.checksummed_folder import is_intact
from ratefront.store.ledger.driver_lock import name_of_this_process
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.same_inputs import check_format
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_progress import TaskModelProgress

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """What workers run, as "package.module:function": tests put their own there."""

    trial_steps: str = "ratefront.trial.run_trial:trial_steps"
    prepare_task_model: str = "ratefront.tasks.prepare_task_model:prepare_task_model"
    limit_memory: str = "ratefront.trial.device:limit_memory"
    inputs: str = "ratefront.tasks.input_digests:present_inputs"


def run_sweep(
    loaded: LoadedSpec,
    folder: SweepFolder,
    *,
    resume: bool,
    extend: int | None = None,
    retry_failed: bool = False,
    tracking_uri: str | None,
    on_update: Callable[[SweepHistory], None] | None,
    on_training: Callable[[TaskModelProgress], None] | None = None,
    on_interrupt: Callable[[], None] | None = None,
    work: Work | None = None,
) -> SweepHistory:
    """Run a sweep to its end, or go on with one; a sweep with nothing left to do is drawn and tracked again.

    With ``resume``, ``extend`` adds so many trials to those that the sweep asks for, ``retry_failed`` tries again what
    had failed for good. ``on_update`` is called in this thread with the history whenever it has changed,
    ``on_training`` with how far the task model's training is, ``on_interrupt`` by the first signal's handler.
    The report is drawn now and then in a thread while the sweep runs, and once at its end. ``tracking_uri`` goes before
    the spec's.

    Raises:
        InputError: The folder, the spec or the cluster does not fit; nothing was started.
        LedgerError: The ledger is damaged, or another driver writes it.
        Interrupted: SIGINT, SIGTERM or SIGUSR1 came, or a request to stop; the sweep can be resumed.
        EngineError: The sweep cannot go on; it can be resumed when the cause is gone.
    """
    folder, options = SweepFolder(folder.path.resolve()), ResumeOptions(resume, extend, retry_failed)
    check_folder(folder, options)
    following = Following(folder, loaded.spec, tracking_uri, Redrawer(folder), on_update)
    with ExitStack() as stack:
        stack.enter_context(only_sweep_here())
        stack.enter_context(quiet())
        caught = stack.enter_context(interrupts(on_interrupt))
        slots = None if resume else _slots(stack, loaded.spec, caught)
        folder.path.mkdir(parents=True, exist_ok=True)
        left, work = left_requests(folder), work or Work()
        ledger = stack.enter_context(Ledger(folder.ledger))
        if not resume:
            clear_away(folder, ledger)
        change = settings_change(spec_in(ledger.entries), loaded.spec)
        engine = Engine(loaded.spec, loaded.space, ledger.entries)
        check_format(engine.history)
        check_extensible(engine, options)
        check_begun(engine.history, options)
        driver = DriverIdentity(name_of_this_process(), version("ratefront"))
        opening = opening_events(loaded.spec, engine.history, options, driver, change)
        live = LiveSweep(engine, ledger, following.changed)
        turns = Turns(live, folder, caught, following)
        if goes_on(opening) or change.moves_files:
            slots = slots or _slots(stack, loaded.spec, caught)
        if change.moves_files or is_anything_left(engine, opening):
            check_same_inputs(engine.history, loaded.spec, work.inputs, turns)
        with following:
            if opening:
                _open(live, loaded.spec, folder, opening, change)
            if slots and goes_on(opening):
                with saying_why(live):
                    turns.obey(still_counting(left))
                    _run(live, loaded.spec, folder, slots, work, turns, on_training)
            elif retry_failed:
                _log.warning("no trial has failed: there is nothing to try again")
            with caught.at_once():
                following.ended(live.history)
        return engine.history


def _slots(stack: ExitStack, spec: SweepSpec, caught: Interrupts) -> int:
    with caught.at_once():
        from ratefront.orchestrate.cluster.ray_cluster import connected
        from ratefront.orchestrate.cluster.slots import slots

    stack.enter_context(connected(caught))
    return slots(spec)


def _open(
    live: LiveSweep, spec: SweepSpec, folder: SweepFolder, opening: list[Event], change: Change
) -> None:
    """Keep the resolved spec, and the environment that the sweep runs in from now on; then begin."""
    if change.lines:
        _log.warning("the sweep goes on with other settings: %s", "; ".join(change.lines))
    write_text(folder.spec, dump_yaml(spec))
    if goes_on(opening):
        write_environment(folder, modules_of(spec))
    live.open(opening)


def _has_task_model(live: LiveSweep, folder: SweepFolder) -> bool:
    ready = live.history.task_model
    return ready is not None and is_intact(folder.task_model, identity=ready.identity)


def _take_task_model(live: LiveSweep, folder: SweepFolder, ready: TaskModelReady) -> None:
    """The sweep's only one, or in the place of one whose files are gone or torn: then it has to be the same.

    Raises:
        EngineError: It is made of other data or by another version.
    """
    for warning in ready.warnings:
        _log.warning("%s", warning)
    before = live.history.task_model
    if before is None:
        add_inputs(folder, ready.inputs)  # first: who hears of the task model reads what goes with it
        live.record(ready)
    elif before.identity != ready.identity:
        raise EngineError(
            "the task model's files are gone or torn, and what is made now is of other data or another version: "
            "trials behind it could not be compared with the earlier ones"
        )
    else:
        _log.warning("the task model's files were gone or torn: it was made again")


def _run(
    live: LiveSweep,
    spec: SweepSpec,
    folder: SweepFolder,
    slots: int,
    work: Work,
    turns: Turns,
    on_training: Callable[[TaskModelProgress], None] | None,
) -> None:
    from ratefront.orchestrate.task_model_worker import prepare_on_worker
    from ratefront.orchestrate.tune.trial_worker import WorkerSetting
    from ratefront.orchestrate.tune.tune_driver import run_trials
    from ratefront.trial.trial_context import TrialContext

    context = TrialContext(spec, folder.path)
    if not (live.done or _has_task_model(live, folder)):
        ready = prepare_on_worker(work.prepare_task_model, context, turns, on_training)
        _take_task_model(live, folder, ready)
    if live.history.task_model is not None:
        context = replace(context, inputs=live.history.task_model.inputs)
        add_inputs(folder, context.inputs)
    if not live.done:
        run_trials(live, WorkerSetting(context, work.trial_steps, work.limit_memory), slots, turns)
    live.end()
