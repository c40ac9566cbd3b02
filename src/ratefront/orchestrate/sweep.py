"""One sweep from its first event to its last: the place where engine, ledger, cluster, trackers and report
meet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from ratefront.engine.engine import Engine
from ratefront.engine.live import LiveSweep
from ratefront.events import Created, Ended
from ratefront.history import SweepHistory
from ratefront.orchestrate.following import Following
from ratefront.orchestrate.interrupts import Interrupts, interrupts
from ratefront.orchestrate.opening import check_folder, opening_event, write_origin
from ratefront.orchestrate.quiet import quiet
from ratefront.orchestrate.redraw import DrawnSweep, Redrawer
from ratefront.spec.load import LoadedSpec
from ratefront.spec.schema import SweepSpec
from ratefront.store.folder import SweepFolder
from ratefront.store.ledger import Ledger


@dataclass(frozen=True)
class Work:
    """What workers run, as "package.module:function": tests put their own there."""

    trial_steps: str = "ratefront.trial.run:trial_steps"
    prepare_task_model: str = "ratefront.tasks.prepare:prepare_task_model"


def run_sweep(
    loaded: LoadedSpec,
    folder: SweepFolder,
    *,
    resume: bool,
    tracking_uri: str | None,
    on_update: Callable[[SweepHistory], None] | None,
    finish: Callable[[SweepFolder], DrawnSweep],
    work: Work | None = None,
) -> SweepHistory:
    """Run a sweep to its end, or go on with one; a sweep that has ended is drawn and tracked again.

    ``on_update`` is called in this thread with the history whenever it has changed, ``finish`` draws the
    report: now and then in a thread while the sweep runs, and once at its end. ``tracking_uri`` goes before
    the spec's.

    Raises
    ------
    InputError
        The folder, the spec or the cluster does not fit; nothing was started.
    LedgerError
        The ledger is damaged, or another driver writes it.
    Interrupted
        SIGINT or SIGTERM came; the sweep can be resumed.
    EngineError
        The sweep cannot go on; it can be resumed when the cause is gone.
    """
    folder = SweepFolder(folder.path.resolve())
    check_folder(folder, resume)
    following = Following(folder, loaded.spec, tracking_uri, Redrawer(finish, folder), on_update)
    with ExitStack() as stack:
        stack.enter_context(quiet())
        caught = stack.enter_context(interrupts())
        slots = None if resume else _slots(stack, loaded.spec, caught)
        folder.path.mkdir(parents=True, exist_ok=True)
        ledger = stack.enter_context(Ledger(folder.ledger))
        opening = opening_event(loaded.spec, ledger.entries)
        engine = Engine(loaded.spec, loaded.space, ledger.entries)
        live = LiveSweep(engine, ledger, following.changed)
        with following:
            if not engine.history.ended:
                slots = slots or _slots(stack, loaded.spec, caught)
                if isinstance(opening, Created):
                    write_origin(loaded.spec, folder)
                live.record(opening)
                _run(live, loaded.spec, folder, slots, work or Work(), caught, following)
            following.ended()
        return engine.history


def _slots(stack: ExitStack, spec: SweepSpec, caught: Interrupts) -> int:
    from ratefront.orchestrate.cluster import cluster

    slots = stack.enter_context(cluster(spec))
    caught.install()
    return slots


def _run(
    live: LiveSweep,
    spec: SweepSpec,
    folder: SweepFolder,
    slots: int,
    work: Work,
    caught: Interrupts,
    following: Following,
) -> None:
    from ratefront.orchestrate.task_model import prepare_on_worker
    from ratefront.orchestrate.tune_driver import run_trials
    from ratefront.orchestrate.worker import WorkerSetting
    from ratefront.trial.context import TrialContext

    def on_turn() -> None:
        caught.check()
        following.turn(live.history)

    context = TrialContext(spec, folder.path, "cuda" if spec.resources.gpus else "cpu")
    threads = max(1, int(spec.resources.cpus))
    if live.history.task_model is None:
        setting = WorkerSetting(context, work.prepare_task_model, threads)
        live.record(prepare_on_worker(setting, on_turn))
    if not live.done:
        setting = WorkerSetting(context, work.trial_steps, threads)
        run_trials(live, setting, spec.resources, slots, on_turn)
    live.record(Ended("every requested trial has ended"))
