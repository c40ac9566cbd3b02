"""Python code that stored files name: it runs if the user says that it is theirs, or if it has run for them before.

Ledgers, recorded tables and codecs name functions, and may come from a stranger. What a user's own sweep file names is
remembered on this machine: the function, and path and digest of each of the user's modules behind it. So an author
resumes a sweep without being asked, and code that has changed is asked about again.

A memory is a file in a folder that only this user may read and write. The file's name is a digest of what is
remembered, so that writers need no lock; its content only serves messages.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from ratefront.cache_folders import cache_folder
from ratefront.errors import InputError
from ratefront.user_modules import module_digests, module_files, own_modules
from ratefront.wording import Argument, Message

_log = logging.getLogger(__name__)

#: The oldest memories beyond this number are forgotten.
MOST_REMEMBERED = 2000

#: Path and SHA-256 by module.
Sources: TypeAlias = Mapping[str, list[str]]


class NamedCode(NamedTuple):
    """A function that a file names.

    Attributes:
        role: What it is called as. A metric that is known is not thereby known as a task model.
        target: Its import path, ``package.module:function``.
    """

    role: Literal["task model", "metric"]
    target: str

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.target.partition(":")[0]

    @property
    def is_shipped(self) -> bool:
        """Whether it is a metric of ratefront's own."""
        return self.role == "metric" and self.module == "ratefront.metrics"


def check_may_run(codes: Iterable[NamedCode], source: str, *, own_module: bool) -> None:
    """Check that each function may be imported and called. Nothing is imported for that.

    Args:
        codes: What a stored file names.
        source: The file or sweep, for the message.
        own_module: The user says that this code is theirs.

    Raises:
        InputError: One is neither allowed nor known to this machine.
    """
    for code in codes:
        if own_module or code.is_shipped:
            continue
        sources = _sources_of(code)
        if not _is_remembered(code, sources):
            raise InputError(
                Message(
                    f"{source}: its {code.role} is Python code, {code.target!r}, which is run only where you say that "
                    "it is yours (",
                    Argument("own_module", True),
                    f"): {_why_unknown(code, sources)}",
                )
            )


def remember(codes: Iterable[NamedCode]) -> None:
    """Remember that the user runs these functions with the modules that they have now.

    Where the folder cannot be written, or others may write to it, nothing is remembered: the user is asked.
    """
    for code in codes:
        if code.is_shipped or not (sources := _sources_of(code)):
            continue
        folder = _folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(folder):
                _log.debug("%s is open to other users: %s is not remembered", folder, code.target)
                return
            _write(folder / _file_name(code, sources), sources)
            _forget_oldest(folder)
        except OSError as error:
            _log.debug("%s is not remembered: %s", code.target, error)


def _folder() -> Path:
    return cache_folder() / f"known_code-{os.getuid()}"


def _is_private(folder: Path) -> bool:
    """Return whether it is this user's own folder, and closed to all others."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _sources_of(code: NamedCode) -> Sources:
    """Find the user's modules behind a function; empty where they cannot be found or read.

    The path counts, because Python may run a compiled file that lies beside a module instead of its source.
    """
    is_metric = code.role == "metric"
    modules = own_modules((), [code.module]) if is_metric else own_modules([code.module])
    modules = modules or module_files([code.module])  # ratefront's, torch's
    try:
        digests = module_digests(modules, "")
        return {name: [str(file.resolve()), digests[f" {name}"]] for name, file in modules.items()}
    except OSError:
        return {}


def _is_remembered(code: NamedCode, sources: Sources) -> bool:
    folder = _folder()
    if not sources or not _is_private(folder):
        return False
    try:
        os.utime(folder / _file_name(code, sources))  # in use: it is not among the oldest
    except FileNotFoundError:
        return False
    except OSError:  # a folder that cannot be written
        return (folder / _file_name(code, sources)).is_file()
    return True


def _why_unknown(code: NamedCode, sources: Sources) -> str:
    if not sources:
        return (
            f"there is no module {code.module} on PYTHONPATH"
            if _is_missing(code)
            else "it is no code of your own"
        )
    files = ", ".join(path for path, _ in sources.values())
    earlier = _last_sources(code)
    changed = [name for name, source in sources.items() if earlier.get(name) != source]
    if earlier and changed:
        return f"this machine has run it for you before, but {', '.join(changed)} has changed since ({files})"
    return f"this machine has not run it for you before ({files})"


def _is_missing(code: NamedCode) -> bool:
    return not module_files([code.module])


def _file_name(code: NamedCode, sources: Sources) -> str:
    return f"{_digest(code)}-{_digest(sources)}.json"


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write(path: Path, sources: Sources) -> None:
    """Create the file. Its existence counts: a reader of half its content gets a shorter message, nothing else."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        os.utime(path)
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(sources, file)


def _last_sources(code: NamedCode) -> Sources:
    """Return the sources with which the function was last remembered; empty if it never was."""
    folder = _folder()
    if not _is_private(folder):
        return {}
    try:
        latest = max(folder.glob(f"{_digest(code)}-*.json"), key=lambda path: path.stat().st_mtime_ns)
        content: Sources = json.loads(latest.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none, or half of one
        return {}
    return content


def _forget_oldest(folder: Path) -> None:
    files = list(folder.glob("*.json"))
    if len(files) > MOST_REMEMBERED:
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MOST_REMEMBERED]:
            path.unlink(missing_ok=True)
