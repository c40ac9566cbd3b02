"""Which ports of Ray and MLflow on this machine other machines can reach, and whether one asks for a token there.

A node gets this module's source, which imports the standard library only. Linux lists its sockets in ``/proc/net``; to
whom one belongs is known of one's own processes only, as root of all.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

_LISTENS = "0A"
_RAY_PROGRAMS = ("gcs_server", "raylet")
#: Words in the command line of a process: of Ray's own Python processes.
_RAY_WORDS = ("ray/dashboard/", "ray.dashboard", "ray.util.client.server", "ray/_private/", "ray/autoscaler/")
_MLFLOW_APPS = ("mlflow.server:", "mlflow.server.")
_MLFLOW_ACCESS = ("basic-auth", "mlflow.server.auth")
#: A port of this machine answers at once.
_ANSWERS_WITHIN_S = 0.5


def open_ports() -> list[dict[str, Any]]:
    """Return each port that listens beyond the loopback interface.

    ``program`` and ``port`` say which it is, ``guarded`` whether the program asks for a token or a password, and
    ``figures`` whether Ray's measurements of itself are shown there all the same: Ray never asks for a token on these.
    """
    listening = {inode: address for inode, address in _listening() if not address[0].is_loopback}
    found = {}
    for pid in _processes():
        for inode in _sockets(pid):
            if inode in listening and (owner := _owner(pid)):
                program, is_guarded = owner
                host, port = listening[inode]
                figures = program == "Ray" and is_guarded and _shows_figures(host, port)
                found[program, port] = {
                    "program": program,
                    "port": port,
                    "guarded": is_guarded,
                    "figures": figures,
                }
    return sorted(found.values(), key=lambda each: (each["program"], each["port"]))


def _shows_figures(host: IPv4Address | IPv6Address, port: int) -> bool:
    """Return whether Prometheus gets figures here without a token."""
    if host.is_unspecified:  # all interfaces
        host = ip_address("127.0.0.1" if host.version == 4 else "::1")
    connection = HTTPConnection(str(host), port, timeout=_ANSWERS_WITHIN_S)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", "/metrics")
        return connection.getresponse().status == HTTPStatus.OK
    return False


def _listening() -> Iterator[tuple[str, tuple[IPv4Address | IPv6Address, int]]]:
    """Yield the inode, and host and port, of each socket that listens."""
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                host, port = fields[1].split(":")
                if fields[3] == _LISTENS:
                    yield fields[9], (address_of(host), int(port, 16))


def address_of(host: str) -> IPv4Address | IPv6Address:
    """Return an address that is given in the hexadecimal form of ``/proc/net``."""
    words = [bytes.fromhex(host[start : start + 8])[::-1] for start in range(0, len(host), 8)]
    packed = b"".join(words) if _IS_LITTLE_ENDIAN else bytes.fromhex(host)
    address: IPv4Address | IPv6Address = ip_address(packed)
    return getattr(address, "ipv4_mapped", None) or address


_IS_LITTLE_ENDIAN = socket.htons(1) != 1


def _processes() -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            yield int(path.name)


def _sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(link.readlink())
                if target.startswith("socket:["):
                    yield target[len("socket:[") : -1]


def _owner(pid: int) -> tuple[str, bool] | None:
    """Return Ray or MLflow as the program of a process, and whether it asks for a token; None for all others."""
    words = _words(pid)
    if not words:
        return None
    if Path(words[0]).name in _RAY_PROGRAMS or words[0].startswith("ray::"):
        return "Ray", _has_token(pid)
    if any(known in word for word in words for known in _RAY_WORDS):
        return "Ray", _has_token(pid)
    if _is_mlflow(words):
        lineage = [_words(each) for each in _lineage(pid)]
        return "MLflow", any(known in word for each in lineage for word in each for known in _MLFLOW_ACCESS)
    return None


def _is_mlflow(words: list[str]) -> bool:
    if any(word.startswith(_MLFLOW_APPS) for word in words):
        return True
    names = [Path(word).name for word in words]
    return "mlflow" in names and not {"server", "ui"}.isdisjoint(names)


def _has_token(pid: int) -> bool:
    """Return whether a process of Ray's asks for a token. Those that rename themselves lose their environment."""
    for each in _lineage(pid):
        with suppress(OSError):
            for entry in Path(f"/proc/{each}/environ").read_bytes().split(b"\0"):
                name, _, value = entry.partition(b"=")
                if name == b"RAY_AUTH_MODE":
                    return value.lower() == b"token"
    return False


def _lineage(pid: int) -> Iterator[int]:
    """Yield a process and those above it."""
    while pid > 1:
        yield pid
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        pid = int(stat.rpartition(")")[2].split()[1])


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    return []
