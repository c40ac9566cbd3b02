"""What isolates a command in its process: forbidden packages, a stdout that carries only its output, plain warnings.

A trial is a pure function of its parameters and context. A command that runs one without Ray, MLflow and Optuna proves
that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import TextIO

from ratefront.errors import InputError

#: What only sweeps need.
SWEEP_PACKAGES = ("ray", "mlflow", "optuna")


def forbid_sweep_imports() -> None:
    """Forbid the import of Ray, MLflow and Optuna in this process from now on.

    Raises:
        RuntimeError: One has been imported already, so that the process proves nothing.
    """
    loaded = [package for package in SWEEP_PACKAGES if package in sys.modules]
    if loaded:
        raise RuntimeError(f"already imported: {', '.join(loaded)}")
    sys.meta_path.insert(0, _ForbiddenPackages())


class _ForbiddenPackages(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname.partition(".")[0] in SWEEP_PACKAGES:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process: a trial knows nothing of it")


def check_current_folder() -> None:
    """Refuse a current folder whose ``matplotlibrc`` is a pipe or a device: Matplotlib would read it without end.

    Matplotlib reads the file when it is imported, which MLflow does as well, and there is no switch.
    """
    settings = Path("matplotlibrc")
    if settings.exists() and not (settings.is_file() or settings.is_dir()):
        raise InputError("matplotlibrc in the current folder is a pipe or device, but must be a regular file")


def prints_to_stderr() -> AbstractContextManager[TextIO]:
    """Send everything that is printed inside the block to stderr.

    What the user's own code prints is not part of the command's output.
    """
    return redirect_stdout(sys.stderr)


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Print each warning that the block gives once, as a single sentence."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for sentence in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {sentence}", file=sys.stderr)
