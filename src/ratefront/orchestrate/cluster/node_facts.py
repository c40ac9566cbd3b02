"""What one node of a cluster can say: which software it has, and whether it sees the sweep's folder.

The node may have another ratefront, or none. So it gets this module's source, which imports the standard library only.
"""

from __future__ import annotations

import hashlib
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

#: In the place of a version.
NOT_INSTALLED = "not installed"


def software_versions() -> dict[str, str]:
    """Return what has to be the same on the driver's side and on every node; no package is imported.

    Of ratefront, the digest of its code counts as well: two working copies may have the same version. Of torch, the
    builds for CPU and GPU count as the same.
    """
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "ratefront": _version_with_code("ratefront"),
        "torch": _version("torch").partition("+")[0],
    }


def folder_problem(question: str, answer: str) -> str:
    """Look for the file ``question``, and write the file ``answer``; return why that failed, or ""."""
    try:
        Path(question).stat()
        Path(answer).touch()
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"
    return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def _version_with_code(package: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return NOT_INSTALLED
    folder = Path(spec.origin).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        with suppress(OSError):
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return f"{_version(package)} (code {digest.hexdigest()[:8]})"
