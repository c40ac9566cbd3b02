"""What the servers for browsing share: the local host, a free port, an end by Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ratefront.argument_checks import check_count
from ratefront.errors import InputError
from ratefront.wording import Argument, Message

HOST = "127.0.0.1"
_LAST_PORT = 65535


def choose_port(wanted: int | None, usual: int) -> int:
    """Return ``wanted``; if that is None, ``usual`` if it is free, else any free port.

    Raises:
        InputError: ``wanted`` is taken, or is no port number.
    """
    if wanted is not None:
        if check_count("port", wanted) > _LAST_PORT:
            raise InputError(f"port: must be ≤ {_LAST_PORT}, got {wanted}")
        if not _is_free(wanted):
            raise InputError(Message(f"port {wanted} is taken; choose another with ", Argument("port")))
        return wanted
    return usual if _is_free(usual) else any_free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM interrupt like Ctrl-C, so that no server is left running."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
