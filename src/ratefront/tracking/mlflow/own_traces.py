"""What MLflow notes of this machine in a model's folder: of no use to whoever loads it, and nobody's business.

Which files these are, and where in ``MLmodel`` the addresses stand, MLflow does not document. Where a later MLflow has
them elsewhere, a model is kept all the same, and tells paths of this machine. Tried with MLflow 3.17.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models import Model

#: MLflow adds these where it finds them in the folder that the driver was started in.
_OF_SOMEBODY_ELSE = ("uv.lock", "pyproject.toml", ".python-version")


def forget_this_machine(folder: Path, model: Model) -> None:
    """Take it out of the saved ``model`` in ``folder``."""
    for name in _OF_SOMEBODY_ELSE:
        (folder / name).unlink(missing_ok=True)
    flavor = model.flavors.get("python_function", {})
    if "model_code_path" in flavor:
        flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor.get("artifacts", {}).values():
        if {"uri", "path"} <= artifact.keys():
            artifact["uri"] = artifact["path"]
    model.save(str(folder / "MLmodel"))
