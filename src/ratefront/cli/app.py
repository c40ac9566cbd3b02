"""The program: the list of its commands, and how an error becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer

from ratefront.cli.commands.bounds import bounds
from ratefront.cli.commands.check_and_sweep import check, sweep
from ratefront.cli.commands.doctor import doctor
from ratefront.cli.commands.encode_decode_audit import audit, decode, encode
from ratefront.cli.commands.export import export
from ratefront.cli.commands.init_and_schema import init, schema
from ratefront.cli.commands.simulate import simulate
from ratefront.cli.commands.status_and_report import front, report, status
from ratefront.cli.commands.stop_and_clean import clean, stop
from ratefront.cli.commands.trial_and_reproduce import reproduce, trial
from ratefront.cli.commands.ui_dashboard_track import dashboard, track, ui
from ratefront.cli.commands.waterfall import waterfall
from ratefront.cli.isolation import check_current_folder
from ratefront.cli.messages_in_flags import log_with_flags, with_flags
from ratefront.errors import InputError, RatefrontError
from ratefront.safe_text import visible

P = ParamSpec("P")
R = TypeVar("R")

#: In the order of ``--help``. A command is a function with typer's annotations, and has the function's name.
COMMANDS: tuple[Callable[..., Any], ...] = (
    init,
    check,
    doctor,
    sweep,
    status,
    front,
    stop,
    report,
    ui,
    dashboard,
    track,
    clean,
    trial,
    reproduce,
    waterfall,
    encode,
    decode,
    export,
    audit,
    simulate,
    bounds,
    schema,
)


#: Errors of a path that the user gave; their exit code is that of bad input.
WRONG_PATH_ERRORS = (
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
)


#: As a shell reports a program that SIGPIPE has ended: the reader of its output, as ``head``, has gone.
EXIT_READER_GONE = 141


def main() -> NoReturn:
    """Run the command line and exit.

    Exit codes: 0 done, 1 engine error, 2 bad input, 130 interrupted, 141 the reader of the output has gone.
    """
    from ratefront.terminal.closed_output import open_missing_streams
    from ratefront.terminal.escaped_output import escaping

    open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    # Names in messages, tables and warnings may come from a stranger's folder.
    sys.stdout, sys.stderr = streams = escaping(sys.stdout), escaping(sys.stderr)
    try:
        app()
        code: str | int | None = 0
    except SystemExit as end:
        code = end.code
    except OSError as error:  # of what typer prints itself, as --help; commands answer for their own
        code = f"ratefront: {error.strerror or error}"
    if (
        sys.stdout,
        sys.stderr,
    ) != streams:  # click wraps them where it met a broken pipe itself, as at --help
        code, (sys.stdout, sys.stderr) = EXIT_READER_GONE, streams
    raise SystemExit(_flush_output(code)) from None


def _flush_output(code: str | int | None) -> str | int | None:
    """Flush before Python does, which would print an error if the reader has gone. Return the exit code."""
    from ratefront.terminal.closed_output import flush_unless_closed

    try:
        is_read = [flush_unless_closed(stream) for stream in (sys.stdout, sys.stderr)]
    except OSError as error:
        return f"ratefront: {error.strerror or error}"
    return code if code or all(is_read) else EXIT_READER_GONE


def _reader_is_gone() -> bool:
    from ratefront.terminal.closed_output import reader_is_gone

    return any(map(reader_is_gone, (sys.stdout, sys.stderr)))


def errors_as_exit_codes(command: Callable[P, R]) -> Callable[P, R]:
    """Return the command so that an error is printed in one line instead of a traceback.

    The exit code tells the kind of error.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            check_current_folder()
            with log_with_flags():
                return command(*args, **kwargs)
        except RatefrontError as error:
            print(f"ratefront: {visible(with_flags(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _reader_is_gone():
                raise typer.Exit(EXIT_READER_GONE) from error
            place = f"{error.filename}: " if error.filename else ""
            print(f"ratefront: {visible(f'{place}{error.strerror or error}')}", file=sys.stderr)
            raise typer.Exit(InputError.exit_code if isinstance(error, WRONG_PATH_ERRORS) else 1) from error
        except KeyboardInterrupt as error:
            print("ratefront: interrupted", file=sys.stderr)
            raise typer.Exit(130) from error

    return run


app = typer.Typer(
    name="ratefront",
    help="Rate–accuracy Pareto fronts of task-oriented codecs, drawn against the bounds.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _command in COMMANDS:
    app.command()(errors_as_exit_codes(_command))
