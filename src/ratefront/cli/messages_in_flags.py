"""Replaces the arguments and functions that messages name by flags and commands.

A message of the library names an argument of a function. On the command line the same message names the flag.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ratefront.cli.next_command import ratefront_command
from ratefront.safe_text import visible
from ratefront.wording import Argument, Message, Named

#: Argument of a public function → the flag that gives it.
FLAGS = {
    "address": "--address",
    "folder": "--out",
    "kind": "--kind",
    "overrides": "--set",
    "path": "--out",
    "port": "--port",
    "problem": "--problem",
    "read_as": "--as",
    "resize": "--resize",
    "resume": "--resume",
    "extend": "--extend",
    "retry_failed": "--retry-failed",
    "own_module": "--own-module",
    "task_model": "--task-model",
    "tracking_uri": "--tracking-uri",
    "weights": "--weights",
    "table": "--table",
}

#: Public function → the command that does it, with those of its arguments that have no flag.
COMMANDS = {
    "rf.run": ("sweep",),
    "trial.reproduce": ("reproduce", "DIR", "TRIAL"),
    "sweep.track": ("track", "DIR"),
}


def with_flags(message: object) -> str:
    """Return a message, or the message of an error, in the words of the command line."""
    return Message(message).worded(_in_flags)


@contextmanager
def log_with_flags() -> Iterator[None]:
    """Log in the words of the command line inside the block, with control characters escaped.

    This concerns records without a handler, which Python's last resort prints.
    """
    handler = logging.lastResort
    if handler is None:
        yield
        return
    handler.addFilter(_reword)
    try:
        yield
    finally:
        handler.removeFilter(_reword)


def _reword(record: logging.LogRecord) -> bool:
    if isinstance(record.msg, Message):
        record.msg = with_flags(record.msg)
    # While a display is live, Rich would take escape sequences in what is logged for styles and links.
    record.msg, record.args = visible(record.getMessage()), ()
    return True


def _in_flags(named: Named) -> str:
    if isinstance(named, Argument):
        return " ".join(_flag_words(named))
    return " ".join(
        [
            ratefront_command(*COMMANDS[named.function]),
            *(word for argument in named.arguments for word in _flag_words(argument)),
        ]
    )


def _flag_words(argument: Argument) -> Iterator[str]:
    flag, value = FLAGS[argument.name], argument.value
    if value is True or value is ...:
        yield flag
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (flag, f"{key}={'…' if item is ... else shlex.quote(str(item))}")
    else:
        yield from (flag, shlex.quote(str(value)))
