"""A sweep of empty trials, as ratefront runs one: python ratefront_sweep.py TRIALS [URI], in a process of its own.

Prints JSON: seconds per trial after every slot's first, and the driver's seconds per result, which is all the time
spent in giving the workers' messages to the engine and the ledger (with its fsync), starts and ends included; and the
part of it in which trackers are told that the ledger has grown. MLflow follows in its own thread, on SQLite as in any
sweep, or at the URI; with the URI ``off`` no tracker follows.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from empty_trial import SLOTS
from stopwatch import Stopwatch, SweepSpeed, seconds_per_trial

from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import EngineMessage
from ratefront.history.events import Finished, Reported
from ratefront.history.sweep_history import SweepHistory
from ratefront.orchestrate import report_redraw, sweep_followers
from ratefront.orchestrate.sweep_driver import WorkerFunctions, run_sweep
from ratefront.orchestrate.sweep_followers import SweepFollowers
from ratefront.report.write_report import DrawnReport
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.space.dimensions import Branch, Float, Space
from ratefront.spec.sweep_spec import Named, Resources, Sampler, SweepSpec
from ratefront.store.sweep_folder import SweepFolder

WORK = WorkerFunctions("empty_trial:trial_steps", "empty_trial:prepare")


def main() -> None:
    trials, uri = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    if uri == "off":
        uri = None
        sweep_followers.open_tracking = lambda *_, **__: SimpleNamespace(
            wake=lambda: None, finish=lambda *_: 0
        )
    report_redraw.write_report = lambda *_: DrawnReport(
        (), {}, (), ""
    )  # what it costs is not what is measured here
    watch, tracking = Stopwatch(), Stopwatch()
    _watch_tell(watch)
    _watch_changed(tracking)
    with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as folder:
        history = run_sweep(
            _loaded(trials), SweepFolder(Path(folder) / "sweep"), resume=False, tracking_uri=uri,
            on_update=None, functions=WORK,
        )  # fmt: skip
    ends = [trial.ended_time for trial in history.trials.values() if trial.ended_time is not None]
    if Counter(trial.status for trial in history.trials.values()) != {"finished": trials}:
        raise SystemExit("not every empty trial has finished")
    driver, tracker = (seconds / watch.results for seconds in (watch.seconds, tracking.seconds))
    print(SweepSpeed(seconds_per_trial(ends, SLOTS), driver, tracker).to_json())


def _watch_tell(watch: Stopwatch) -> None:
    tell = LiveSweep.tell

    def watched(self: LiveSweep, message: EngineMessage) -> None:
        with watch.running(is_result=isinstance(message, Reported | Finished)):
            tell(self, message)

    LiveSweep.tell = watched  # type: ignore[method-assign]


def _watch_changed(watch: Stopwatch) -> None:
    changed = SweepFollowers.changed

    def watched(self: SweepFollowers, history: SweepHistory) -> None:
        with watch.running(is_result=False):
            changed(self, history)

    SweepFollowers.changed = watched  # type: ignore[method-assign]


def _loaded(trials: int) -> LoadedSpec:
    space: Space = {"family": Branch({"label": {"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}})}
    spec = SweepSpec(
        name="empty",
        dataset=Named(name="digits"),
        task_model=Named(name="small_cnn"),
        space={},
        objectives=("rate_bits", "accuracy"),
        trials=trials,
        sampler=Sampler(name="tpe", startup_trials=10),
        repeats=Repeats.model_validate(1),
        resources=Resources(cpus=1, concurrent=SLOTS),
    )
    return LoadedSpec(spec, space)


if __name__ == "__main__":
    main()
