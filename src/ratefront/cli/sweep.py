"""``ratefront check`` and ``ratefront sweep``."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratefront.cli.arguments import Overrides, Spec
from ratefront.cli.next_command import ratefront, resuming, tracking_words
from ratefront.errors import EngineError, InputError
from ratefront.wording import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ratefront.spec.load import LoadedSpec


def check(spec: Spec, set_: Overrides = None) -> None:
    """Validate a sweep file and print its plan; start nothing."""
    from ratefront.catalogue import CATALOGUE
    from ratefront.registry import described_once
    from ratefront.spec.load import load_spec
    from ratefront.spec.plan import plan_of, render_plan
    from ratefront.terminal.console import RaisingConsole
    from ratefront.tracking.uri import resolve_uri

    with described_once():
        loaded = load_spec(spec, set_ or ())
        plan = plan_of(loaded, CATALOGUE)
    resolve_uri(loaded.spec.tracking.uri, Path("runs") / loaded.spec.name)
    RaisingConsole(highlight=False).print(render_plan(plan, _place(loaded.spec.name)))
    _warn_of_capacity(loaded)


def _warn_of_capacity(loaded: LoadedSpec) -> None:
    """The sweep may run on another machine than the check: too few cores here is a warning."""
    import os

    from ratefront.spec.capacity import check_capacity

    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    for problem in check_capacity(loaded.spec, len(os.sched_getaffinity(0)), gpus):
        print(f"warning: on this machine, {problem}", file=sys.stderr)


def sweep(
    spec: Annotated[
        Path | None,
        typer.Argument(
            metavar="SPEC",
            help="The sweep file (YAML). A sweep that is gone on with knows its own.",
            show_default=False,
        ),
    ] = None,
    set_: Overrides = None,
    trials: Annotated[int | None, typer.Option(help="How many trials, instead of the sweep file's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The sweep's own folder.  [default: runs/NAME-TIME]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep in --out.")] = False,
    extend: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Go on, and try N trials more than it asked for.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Go on, and try again what had failed for good.")
    ] = False,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow store or server.  [default: mlflow.db beside the sweep's folder]"),
    ] = None,
) -> None:
    """Run a sweep, or go on with one. The last line printed is its folder."""
    from ratefront import api
    from ratefront.terminal.console import RaisingConsole
    from ratefront.terminal.progress import display_for
    from ratefront.terminal.unread import may_go_unread

    goes_on = resume or retry_failed or extend is not None
    _check_options(spec, trials, out, goes_on)
    loaded = _loaded(spec, set_, trials, out)
    folder = out or _new_folder(loaded.spec.name)
    unread = may_go_unread(sys.stderr)
    with (
        _resumable(folder, tracking_uri),
        display_for(RaisingConsole(stderr=True, highlight=False)) as display,
    ):
        api.sweep(
            loaded,
            folder,
            resume=resume,
            extend=extend,
            retry_failed=retry_failed,
            tracking_uri=tracking_uri,
            on_update=unread(display.update),
            on_training=unread(display.train),
            on_interrupt=display.ending,
        )
    with may_go_unread(sys.stderr):
        _say_what_came_of_it(folder, tracking_uri)
    with may_go_unread(sys.stdout):
        print(folder)


def _check_options(spec: Path | None, trials: int | None, out: Path | None, goes_on: bool) -> None:
    if goes_on and out is None:
        raise InputError(
            "--resume, --extend and --retry-failed need --out DIR: the folder of the sweep to go on with"
        )
    if spec is None and not goes_on:
        raise InputError("give SPEC, a sweep file; or --out DIR with --resume, --extend N or --retry-failed")
    if spec is None and trials is not None:
        raise InputError("--trials changes SPEC, which is not given; for more trials use --extend N")


def _loaded(spec: Path | None, set_: list[str] | None, trials: int | None, out: Path | None) -> LoadedSpec:
    """What the command says; where it names no sweep file, it changes what the sweep in ``out`` has."""
    from ratefront import api
    from ratefront.spec.load import load_spec

    if spec is None:
        return api.spec_of(out or Path(), set_ or ())
    return load_spec(spec, set_ or (), trials)


def _place(name: str) -> str:
    return f"in runs/{name}-<time>/ or the folder given by --out"


def _new_folder(name: str) -> Path:
    from datetime import datetime

    return Path("runs") / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


@contextmanager
def _resumable(folder: Path, tracking_uri: str | None) -> Iterator[None]:
    from ratefront.store.folder import SweepFolder
    from ratefront.terminal.unread import may_go_unread

    try:
        yield
    except KeyboardInterrupt:
        has_begun = SweepFolder(folder).ledger.exists()
        how = f"go on with: {resuming(folder, tracking_uri)}" if has_begun else "nothing was started"
        with may_go_unread(sys.stderr):
            print(f"interrupted; {how}", file=sys.stderr)
        raise typer.Exit(130) from None
    except EngineError as error:
        if not SweepFolder(folder).ledger.exists():
            raise
        how = f"when the cause is gone, go on with: {resuming(folder, tracking_uri)}"
        raise EngineError(Message(error, "\n", how)) from error


def _say_what_came_of_it(folder: Path, tracking_uri: str | None) -> None:
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    why = f" ({summary['ended_early']})" if summary["ended_early"] else ""
    print(
        f"{summary['trials_finished']} of {summary['trials_requested']} trials finished{why}, "
        f"{len(summary['front'])} on the front; report: {folder / 'report.html'}\n"
        f"browse the trials: {ratefront('ui', folder, *tracking_words(tracking_uri))}",
        file=sys.stderr,
    )
    for warning in summary["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
