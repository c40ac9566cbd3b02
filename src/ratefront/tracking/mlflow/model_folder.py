"""Writes a codec as the folder of an MLflow model: two files, the code that reads them, and MLflow's description.

It holds no pickle. Writing it runs no code of the codec and does not import torch.

MLflow writes paths of this machine into the folder. ``remove_local_paths`` takes them out: they help no reader of the
model, and they are private. MLflow does not document which files these are, nor where ``MLmodel`` holds the
addresses. If a later MLflow puts them elsewhere, the model still loads, but it shows paths of this machine. Tried with
MLflow 3.17.
"""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ratefront
from ratefront.bounded_files import read_json_file
from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.plugins import GROUP
from ratefront.tracking.tracker_protocol import FrontCodec

if TYPE_CHECKING:
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from numpy.typing import NDArray

_CODE = "ratefront.pyfunc"

#: Packages that decide a codec's bits, besides ratefront itself.
_PACKAGES = (
    "mlflow",
    "numpy",
    "torch",
    "torchvision",
    "compressai",
    "constriction",
    "pillow",
    "safetensors",
)

#: MLflow copies these files from the folder that the driver was started in.
_FILES_OF_START_FOLDER = ("uv.lock", "pyproject.toml", ".python-version")

_STEPS = 8  # of the example's brightness: eighths are short and exact in JSON


def write_model(folder: Path, model: Model, codec: FrontCodec, metadata: dict[str, Any]) -> None:
    """Write the model into ``folder``, which must not exist. ``model`` holds its id and run in the store."""
    from mlflow import pyfunc

    described = read_json_file(codec.config)
    shape = tuple(described["shape"])
    pyfunc.save_model(
        str(folder),
        python_model=_code(),
        # As addresses: in a path, MLflow would take %20 for a space.
        artifacts={"config": codec.config.absolute().as_uri(), "weights": codec.weights.absolute().as_uri()},
        signature=_signature(shape, codec.block_size),
        input_example=_example(shape),
        pip_requirements=_requirements(described),
        model_config={"own_module": False},
        mlflow_model=model,
        metadata={**metadata, "input_example": "a ramp of brightness, no sample of the data set"},
    )
    remove_local_paths(folder, model)


def _code() -> str:
    """Return the file of the model's code. It is found without importing it."""
    code = find_spec(_CODE)
    if code is None or code.origin is None:
        raise ModuleNotFoundError(_CODE)
    return code.origin


def _signature(shape: tuple[int, ...], block_size: int) -> ModelSignature:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    samples = TensorSpec(np.dtype(np.float32), (-1, *shape))
    columns = {"class": "long", "bytes": "double", "payload_bytes": "double"}
    return ModelSignature(
        inputs=Schema([samples]),
        outputs=Schema([ColSpec(kind, name) for name, kind in columns.items()]),
        params=ParamSchema([ParamSpec("block_size", "long", block_size)]),
    )


def _example(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return one made-up sample of shape (1, …) in [0, 1]: the data set is not available here."""
    import numpy as np

    steps = np.arange(math.prod(shape)) % (_STEPS + 1)
    return (steps / _STEPS).astype(np.float32).reshape(1, *shape)


def _requirements(described: dict[str, Any]) -> list[str]:
    """Return the packages that are needed to load the codec, in the versions that are installed here."""
    packages = [*_PACKAGES, *_plugins(described)]
    return [f"ratefront=={ratefront.__version__}", *(f"{name}=={_version(name)}" for name in packages)]


def _plugins(described: dict[str, Any]) -> list[str]:
    """Return the plug-in packages that the codec's family or task model comes from."""
    entries = (
        CATALOGUE.families[described["family"]],
        CATALOGUE.task_models[described["task_model"]["name"]],
    )
    roots = {entry.target.partition(".")[0].partition(":")[0] for entry in entries}
    points = entry_points(group=GROUP)
    names = {p.dist.name for p in points if p.dist is not None and p.module.partition(".")[0] in roots}
    return sorted(names)


def _version(distribution: str) -> str:
    """Return the version without its local part: no package index has ``2.15.0+cpu``."""
    try:
        return version(distribution).partition("+")[0]
    except PackageNotFoundError as error:
        raise ModuleNotFoundError(f"{distribution} is not installed") from error


def remove_local_paths(folder: Path, model: Model) -> None:
    """Remove what MLflow notes of this machine from the saved ``model`` in ``folder``."""
    for name in _FILES_OF_START_FOLDER:
        (folder / name).unlink(missing_ok=True)
    flavor = model.flavors.get("python_function", {})
    if "model_code_path" in flavor:
        flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor.get("artifacts", {}).values():
        if {"uri", "path"} <= artifact.keys():
            artifact["uri"] = artifact["path"]
    model.save(str(folder / "MLmodel"))
