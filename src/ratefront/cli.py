"""The command line. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer

from ratefront.errors import InputError, RatefrontError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ratefront.spec.load import LoadedSpec

app = typer.Typer(
    name="ratefront",
    help="Rate–accuracy Pareto fronts of task-oriented codecs, drawn against the bounds.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="The sweep file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the sweep file.")
]
P = ParamSpec("P")
R = TypeVar("R")


def main() -> NoReturn:
    """Run the command line: exit code 0 done, 1 engine error, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()
    raise SystemExit(0)


def _errors_as_exit_codes(command: Callable[P, R]) -> Callable[P, R]:
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except RatefrontError as error:
            print(f"ratefront: {error}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            print(f"ratefront: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
            raise typer.Exit(InputError.exit_code if error.filename else 1) from error
        except KeyboardInterrupt as error:
            print("ratefront: interrupted", file=sys.stderr)
            raise typer.Exit(130) from error

    return run


@app.command()
@_errors_as_exit_codes
def check(spec: Spec, set_: Overrides = None) -> None:
    """Validate a sweep file and print its plan; start nothing."""
    from rich.console import Console

    from ratefront.catalogue import CATALOGUE
    from ratefront.spec.load import load_spec
    from ratefront.spec.plan import plan_of, render_plan
    from ratefront.tracking.uri import resolve_uri

    loaded = load_spec(spec, set_ or ())
    resolve_uri(loaded.spec.tracking.uri, Path("runs") / loaded.spec.name)
    Console(highlight=False).print(render_plan(plan_of(loaded, CATALOGUE)))
    _warn_of_capacity(loaded)


def _warn_of_capacity(loaded: LoadedSpec) -> None:
    """The sweep may run on another machine than the check: too few cores here is a warning."""
    import os

    from ratefront.spec.capacity import check_capacity

    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    for problem in check_capacity(loaded.spec, len(os.sched_getaffinity(0)), gpus):
        print(f"warning: on this machine, {problem}", file=sys.stderr)


@app.command()
@_errors_as_exit_codes
def sweep(
    spec: Spec,
    set_: Overrides = None,
    trials: Annotated[int | None, typer.Option(help="How many trials, instead of the sweep file's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The sweep's own folder.  [default: runs/NAME-TIME]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep in --out.")] = False,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow store or server.  [default: mlflow.db beside the sweep's folder]"),
    ] = None,
) -> None:
    """Run a sweep. The last line printed is its folder."""
    from rich.console import Console

    from ratefront import api
    from ratefront.spec.load import load_spec
    from ratefront.terminal.progress import display_for

    if resume and out is None:
        raise InputError("--resume needs --out DIR: the folder of the sweep to go on with")
    loaded = load_spec(spec, set_ or (), trials)
    folder = out or _new_folder(loaded.spec.name)
    console = Console(stderr=True, highlight=False)
    with display_for(console, loaded.spec.trials) as display, _resumable(folder):
        api.sweep(loaded, folder, resume=resume, tracking_uri=tracking_uri, on_update=display.update)
    _say_what_came_of_it(folder, tracking_uri)
    print(folder)


def _new_folder(name: str) -> Path:
    from datetime import datetime

    return Path("runs") / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(f"interrupted; go on with: {_resuming_command(folder)}", file=sys.stderr)
        raise typer.Exit(130) from None


def _resuming_command(folder: Path) -> str:
    """The command that was given, with the folder and --resume: other settings would be refused."""
    import shlex

    from ratefront.text import without_credentials

    given = [without_credentials(word) for word in sys.argv[1:] if word != "--resume"]
    out = [] if "--out" in given else ["--out", str(folder)]
    return shlex.join([_program(), *given, *out, "--resume"])


def _program() -> str:
    """How this command line was called, as one would type it again."""
    return sys.argv[0] if Path(sys.argv[0]).name == "ratefront" else "ratefront"


def _say_what_came_of_it(folder: Path, tracking_uri: str | None) -> None:
    import shlex

    from ratefront.text import without_credentials

    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    elsewhere = [] if tracking_uri is None else ["--tracking-uri", without_credentials(tracking_uri)]
    print(
        f"{summary['trials_finished']} of {summary['trials_requested']} trials finished, "
        f"{len(summary['front'])} on the front; report: {folder / 'report.html'}\n"
        f"browse the trials: {shlex.join([_program(), 'ui', str(folder), *elsewhere])}",
        file=sys.stderr,
    )


@app.command()
@_errors_as_exit_codes
def trial(
    spec: Spec,
    params: Annotated[str, typer.Option(metavar="JSON", help='{"family": "label", "method": "lossless"}')],
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Keep the trial's files here.")] = None,
    set_: Overrides = None,
) -> None:
    """Run one trial in this process and print its record as JSON; Ray, MLflow and Optuna stay out of it."""
    import tempfile

    from ratefront import api
    from ratefront.spec.load import load_spec
    from ratefront.trial.isolation import forbid_imports

    forbid_imports("ray", "mlflow", "optuna")
    loaded, values = load_spec(spec, set_ or ()), _parsed(params)
    checked = api.checked_params(loaded, values, seed)
    with tempfile.TemporaryDirectory() as temporary:
        result = api.trial(loaded, checked, out or Path(temporary), device=device)
    print(
        json.dumps(
            {"params": dict(checked.values), "seed": seed, "device": device, **result.to_json()}, indent=2
        )
    )


def _parsed(params: str) -> dict[str, Any]:
    try:
        values = json.loads(params)
    except ValueError as error:
        raise InputError(f"--params is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"--params is a JSON object, got {params!r}")
    return values


@app.command()
@_errors_as_exit_codes
def report(folder: Annotated[Path, typer.Argument(metavar="DIR", help="The sweep's folder.")]) -> None:
    """(Re)draw the report of a finished or running sweep."""
    from ratefront import api

    for path in api.report(folder).artifacts:
        print(path)


@app.command()
@_errors_as_exit_codes
def bounds(
    predictions: Annotated[
        Path | None,
        typer.Argument(
            metavar="PREDICTIONS.npz",
            help="labels (N,) and one of logits (N, K), probabilities (N, K), predicted (N,).",
            show_default=False,
        ),
    ] = None,
    prior: Annotated[
        Path | None, typer.Option(metavar="COUNTS.json", help="Class counts instead: the oracle alone.")
    ] = None,
    example: Annotated[
        str | None, typer.Option(help="A figure of the papers instead: mixture, detection or modelnet40.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
    figure: Annotated[Path | None, typer.Option(help="The figure to write, .png or .pdf.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CURVES", help="Only these, by name, with commas between them; '--only help' lists all."
        ),
    ] = None,
    points: Annotated[
        int | None, typer.Option(min=2, max=2000, help="Solved slopes a curve.  [default: 60]")
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            min=2, max=100_000, metavar="B", help="Held-out curves with 95 % intervals from B resamples."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and the resamples.")] = 0,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Temper the posteriors on the labels first.")
    ] = False,
) -> None:
    """Compute the bounds of any model's predictions, of a prior, or of the papers' examples."""
    from ratefront import api
    from ratefront.bounds import Bootstrap
    from ratefront.terminal.bounds_table import print_bounds

    if sum(source is not None for source in (predictions, prior, example)) != 1:
        raise InputError("give either PREDICTIONS.npz, or --prior COUNTS.json, or --example NAME")
    if seed and bootstrap is None:
        raise InputError("--seed is for --bootstrap")
    if predictions is None and (only or points or bootstrap or calibrate):
        raise InputError("--only, --points, --bootstrap and --calibrate are for PREDICTIONS.npz")
    if out is None and figure is None:
        raise InputError("nothing to write: give --out FILE.json or --figure FILE.png, or both")
    _check_writable(out, figure, predictions or prior)
    with _warnings_in_a_line():
        if predictions is not None:
            intervals = None if bootstrap is None else Bootstrap(bootstrap, seed)
            names = [name for given in only or () for name in given.split(",")]
            document = api.bounds(
                predictions, names or None, points=points, bootstrap=intervals, calibrate=calibrate
            )
        else:
            document = api.prior_bounds(prior) if prior is not None else api.example_bounds(str(example))
    print_bounds(document, sys.stderr)
    if out is not None:
        api.write_json(out, document)
        print(out)
    if figure is not None:
        api.draw_bounds(document, figure)
        print(figure)


def _check_writable(out: Path | None, figure: Path | None, read: Path | None) -> None:
    """Before minutes of computing, not after them."""
    import os

    from ratefront.report.figure_file import checked_suffix

    if figure is not None:
        checked_suffix(figure)
    named = [path.resolve() for path in (out, figure, read) if path is not None]
    if len(set(named)) < len(named):
        raise InputError("the files to read and to write must be different ones")
    for path in (out, figure):
        if path is None:
            continue
        if not path.absolute().parent.is_dir():
            raise InputError(f"{path}: there is no folder {path.parent}")
        if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
            raise InputError(f"{path} cannot be written: it is a folder, or lies in one that is not yours")


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Warnings for people: their sentence alone, each once."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for sentence in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {sentence}", file=sys.stderr)


@app.command()
@_errors_as_exit_codes
def ui(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A sweep's folder, or the folder of many.")
    ] = Path("runs"),
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: 5000, or a free one]")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="Another store than the one beside the sweep.")
    ] = None,
) -> None:
    """Open the MLflow UI on the right store; it listens on this machine only."""
    from ratefront.store.folder import SweepFolder
    from ratefront.tracking.ui import serve_ui
    from ratefront.tracking.uri import resolve_uri

    is_sweep = SweepFolder(folder).ledger.exists()
    asked = tracking_uri or (_tracking_uri_of(folder) if is_sweep else None)
    raise typer.Exit(serve_ui(resolve_uri(asked, folder if is_sweep else folder / "any"), port))


def _tracking_uri_of(folder: Path) -> str | None:
    """The store that the sweep's own file names, if it does."""
    from ratefront.store.folder import SweepFolder
    from ratefront.store.projections import read_history

    uri = (read_history(SweepFolder(folder)).spec.get("tracking") or {}).get("uri")
    return None if uri is None else str(uri)


@app.command()
@_errors_as_exit_codes
def schema(out: Annotated[Path, typer.Option(help="The file to write.")]) -> None:
    """Write the JSON schema of sweep files, for editors."""
    from ratefront.catalogue import CATALOGUE
    from ratefront.spec.json_schema import schema_text

    out.write_text(schema_text(CATALOGUE), encoding="utf-8")
    print(out)
