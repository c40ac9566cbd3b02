"""What a node says of itself: cores, GPUs, free space, access to Ray, its clock.

The node may have another ratefront, or none. So it gets this module's source, which imports the standard library only.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

#: A driver of GPUs that hangs does not answer at all.
_GPUS_WITHIN_S = 10.0

_QUERY = ["nvidia-smi", "--query-gpu=name,memory.total,memory.used", "--format=csv,noheader,nounits"]


def node_state(folders: Mapping[str, str]) -> dict[str, Any]:
    """Return the state of this machine as plain data. ``folders`` names the folders whose free space matters."""
    places = {**folders, "cache": _cache_folder()}
    return {
        "cores": len(os.sched_getaffinity(0)),
        "gpus": _gpus(),
        "space": {name: _space(Path(place)) for name, place in places.items()},
        "open_secrets": _open_secrets(),
    }


def clock() -> float:
    """Return the time of this machine's clock, in seconds since the epoch."""
    return time.time()


def look_at_inputs(spec_json: str) -> list[tuple[str, bool, str, str]]:
    """Look for what a sweep's trials need (see ``available_inputs``): the node must have this process's ratefront."""
    from ratefront.task_models.available_inputs import available_inputs

    looked = available_inputs(spec_json)
    return [(each.what, each.is_usable, each.text, each.content) for each in looked]


def _gpus() -> list[dict[str, Any]] | None:
    """Return name, memory and memory in use (MiB) of each GPU; None if nvidia-smi cannot tell."""
    try:
        done = subprocess.run(
            _QUERY,
            capture_output=True,
            text=True,
            timeout=_GPUS_WITHIN_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return [_gpu(line) for line in done.stdout.splitlines() if line.count(",") >= 2]


def _gpu(line: str) -> dict[str, Any]:
    name, *numbers = (part.strip() for part in line.rsplit(",", 2))
    total, used = (float(number) if number.replace(".", "").isdecimal() else None for number in numbers)
    return {"name": name, "total_mib": total, "used_mib": used}


def _cache_folder() -> str:
    """Return ratefront's cache on this machine, as ``ratefront.cache_folders`` does."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ratefront"
    return os.environ.get("RATEFRONT_CACHE") or str(default)


def _space(place: Path) -> dict[str, Any]:
    """Return the free and the whole space (bytes) where a folder is, or would be; and whether one may write there."""
    with suppress(OSError):
        there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
        usage = shutil.disk_usage(there)
        return {
            "place": str(place),
            "free": usage.free,
            "total": usage.total,
            "writable": there.is_dir() and os.access(there, os.W_OK | os.X_OK),
        }
    return {"place": str(place), "free": 0, "total": 0, "writable": False}


def _open_secrets() -> list[str]:
    """Return the files with a token of Ray's that other users may read."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    files = [Path.home() / ".ray" / "auth_token", *([Path(named)] if named else [])]
    found = []
    for file in files:
        with suppress(OSError):
            if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH) and _is_reached(file):
                found.append(str(file))
    return found


def _is_reached(file: Path) -> bool:
    """Return whether other users come as far as the file: all folders above let them through."""
    return all(folder.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH) for folder in file.absolute().parents)
