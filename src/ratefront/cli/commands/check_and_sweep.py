"""``ratefront check`` prints the plan of a sweep; ``ratefront sweep`` runs it."""

from __future__ import annotations

import gc
import json
import sys
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from ratefront.cli.next_command import (
    cluster_arguments,
    ratefront_command,
    resume_command,
    setting_arguments,
    tracking_arguments,
)
from ratefront.cli.shared_arguments import (
    AddressOption,
    AutoscalingOption,
    OverridesOption,
    OwnModuleOption,
    SpecArgument,
    TrackingUriOption,
    overrides_of,
)
from ratefront.errors import EngineError, InputError
from ratefront.safe_text import visible_json
from ratefront.wording import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ratefront.api.sweeps import Sweep
    from ratefront.history.sweep_history import SweepHistory
    from ratefront.spec.views.plan import Plan
    from ratefront.store.task_model_progress import TaskModelProgress
    from ratefront.terminal.progress_display import Display


CostOption = Annotated[
    bool,
    typer.Option(
        "--cost", help="Run short trials, and forecast what the sweep takes: hours, GPU-hours, disk."
    ),
]


def check(
    spec: SpecArgument,
    set_: OverridesOption = None,
    cost: CostOption = False,
    out: Annotated[
        Path | None,
        typer.Option(help="With --cost: the folder that the sweep will use.  [default: runs/NAME-TIME]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --cost: print the forecast as JSON.")] = False,
    address: AddressOption = None,
    autoscaling: AutoscalingOption = False,
) -> None:
    """Validate a sweep file and print its plan. With --cost, forecast what it takes; else start nothing."""
    of_forecast = {"--out": out, "--json": as_json, "--address": address, "--autoscaling": autoscaling}
    if not cost and (given := [flag for flag, value in of_forecast.items() if value]):
        raise InputError(f"{given[0]} goes with --cost: without it, no forecast is made")
    plan = None if as_json else _print_plan(spec, set_)
    if cost:
        _forecast(spec, set_, out, plan, address, autoscaling)


def _forecast(
    spec: Path,
    set_: list[str] | None,
    out: Path | None,
    plan: Plan | None,
    address: str | None,
    autoscaling: bool,
) -> None:
    """Print the forecast, and write it into a folder; the last line, on stderr beside JSON, says how to use that.

    ``plan`` is the one that was printed above it; None: JSON is printed.
    """
    from ratefront.api import forecasting
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.forecast_text import print_forecast

    overrides = overrides_of(set_)
    made, folder = forecasting.forecast(
        spec, out, overrides=overrides, address=address, autoscaling=autoscaling
    )
    same = (*setting_arguments(set_ or ()), *cluster_arguments(address, autoscaling))
    next_step = f"run it with: {ratefront_command('sweep', spec, '--out', folder, *same)}"
    if plan is None:
        print(visible_json(json.dumps(made.to_json(), indent=2, ensure_ascii=False)))
        print(next_step, file=sys.stderr)
        return
    print_forecast(made, plan.spec.budget, SafeConsole())
    print(f"\n{next_step}")


def _print_plan(spec: Path, set_: list[str] | None) -> Plan:
    from ratefront.api import sweep_files
    from ratefront.spec.views.plan import render_plan
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.transmitter_text import print_transmitter_table

    plan = sweep_files.plan(spec, overrides_of(set_))
    SafeConsole().print(render_plan(plan, _default_folder_text(plan.spec.name)))
    _warn_of_capacity(plan)
    sys.stdout.flush()  # what follows imports torch
    table = sweep_files.transmitter_table(plan)
    if table is not None:
        print_transmitter_table(table, SafeConsole())
    return plan


def _warn_of_capacity(plan: Plan) -> None:
    """Warn of too few cores or GPUs. The sweep may run on another machine, so that this is not an error."""
    import os

    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    for problem in plan.too_much_for(len(os.sched_getaffinity(0)), gpus):
        print(f"warning: on this machine, {problem}", file=sys.stderr)


SpecToRunArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="SPEC",
        help="The sweep file (YAML). Not needed to resume a sweep.",
        show_default=False,
    ),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Resume the sweep in --out.")]
ExtendOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="Resume, and add N trials.")]
RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="Resume, and try again the trials that have failed.")
]


def sweep(
    spec: SpecToRunArgument = None,
    set_: OverridesOption = None,
    trials: Annotated[
        int | None, typer.Option(help="Number of trials, instead of that in the sweep file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the sweep.  [default: runs/NAME-TIME]")
    ] = None,
    resume: ResumeOption = False,
    extend: ExtendOption = None,
    retry_failed: RetryFailedOption = False,
    tracking_uri: TrackingUriOption = None,
    own_module: OwnModuleOption = False,
    address: AddressOption = None,
    autoscaling: AutoscalingOption = False,
) -> None:
    """Run a sweep, or resume one. The last line printed is its folder."""
    from ratefront.api import run_sweep
    from ratefront.terminal.closed_output import ignore_closed_output
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.progress_display import display_for

    is_resumed = resume or retry_failed or extend is not None
    _check_options(spec, trials, out, is_resumed)
    overrides = overrides_of(set_, trials)
    loaded = run_sweep.load_given_spec(spec, out, overrides, tracking_uri=tracking_uri, own_module=own_module)
    folder = out or run_sweep.default_folder(loaded.spec.name)
    addresses = (*tracking_arguments(tracking_uri), *cluster_arguments(address, autoscaling))
    with _fast_exit(), _resume_command_on_failure(resume_command(folder, *addresses), folder):
        finished = run_sweep.run(
            loaded,
            folder,
            resume=resume,
            extend=extend,
            retry_failed=retry_failed,
            tracking_uri=tracking_uri,
            address=address,
            autoscaling=autoscaling,
            progress=_DisplayOnClosableTerminal(display_for(SafeConsole(stderr=True))),
        )
    with ignore_closed_output(sys.stderr):
        _print_outcome(finished, folder, tracking_arguments(tracking_uri), addresses)
    with ignore_closed_output(sys.stdout):
        print(folder)


class _DisplayOnClosableTerminal:
    """A display whose terminal may be closed: the sweep goes on without output."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.__exit__(kind, error, trace)

    def update(self, history: SweepHistory) -> None:
        with _ignore_closed_stderr():
            self._display.update(history)

    def train(self, progress: TaskModelProgress) -> None:
        with _ignore_closed_stderr():
            self._display.train(progress)

    def ending(self) -> None:
        self._display.ending()


def _ignore_closed_stderr() -> AbstractContextManager[None]:
    from ratefront.terminal.closed_output import ignore_closed_output

    return ignore_closed_output(sys.stderr)


def _check_options(spec: Path | None, trials: int | None, out: Path | None, is_resumed: bool) -> None:
    if is_resumed and out is None:
        raise InputError(
            "--resume, --extend and --retry-failed need --out DIR: the folder of the sweep to go on with"
        )
    if spec is None and not is_resumed:
        raise InputError("give SPEC, a sweep file; or --out DIR with --resume, --extend N or --retry-failed")
    if spec is None and trials is not None:
        raise InputError("--trials changes SPEC, which is not given; for more trials use --extend N")


def _default_folder_text(name: str) -> str:
    return f"in runs/{name}-<time>/ or the folder given by --out"


@contextmanager
def _fast_exit() -> Iterator[None]:
    """Spare Python the search for garbage as it exits: after a long sweep this takes seconds and frees nothing."""
    try:
        yield
    finally:
        gc.freeze()


@contextmanager
def _resume_command_on_failure(command: str, folder: Path) -> Iterator[None]:
    from ratefront.terminal.closed_output import ignore_closed_output

    try:
        yield
    except KeyboardInterrupt:
        has_begun = _has_begun(folder)
        advice = f"go on with: {command}" if has_begun else "nothing was started"
        with ignore_closed_output(sys.stderr):
            print(f"interrupted; {advice}", file=sys.stderr)
        raise typer.Exit(130) from None
    except EngineError as error:
        if not _has_begun(folder):
            raise
        advice = f"when the cause is gone, go on with: {command}"
        raise EngineError(Message(error, "\n", advice)) from error


def _has_begun(folder: Path) -> bool:
    from ratefront.api import sweeps

    try:
        sweeps.open(folder)
    except InputError:
        return False
    return True


def _print_outcome(sweep: Sweep, folder: Path, tracking: Sequence[str], addresses: Sequence[str]) -> None:
    summary = sweep.summary
    why = f" ({summary.ended_early})" if summary.ended_early else ""
    trials = summary.trials_requested + summary.repeats.planned
    print(
        f"{summary.trials_finished} of {trials} trials finished{why}, "
        f"{len(summary.front)} on the front; report: {folder / 'report.html'}\n"
        f"browse the trials: {ratefront_command('ui', folder, *tracking)}",
        file=sys.stderr,
    )
    if summary.is_budget_spent and (larger := sweep.status().larger_budget):
        command = resume_command(folder, *setting_arguments(larger), *addresses)
        print(f"go on with: {command}", file=sys.stderr)
    for warning in summary.warnings:
        print(f"warning: {warning}", file=sys.stderr)
