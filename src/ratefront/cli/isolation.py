"""Commands that work in this process alone: without what sweeps need, but with code of the user's own."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, redirect_stdout
from typing import TextIO


def forbid_sweep_imports() -> None:
    """Nothing that sweeps need is imported from now on."""
    from ratefront.trial.forbidden_imports import forbid_imports

    forbid_imports("ray", "mlflow", "optuna")


def prints_to_stderr() -> AbstractContextManager[TextIO]:
    """Inside, whatever is printed goes to stderr: what code of the user's own prints is no part of an answer."""
    return redirect_stdout(sys.stderr)
