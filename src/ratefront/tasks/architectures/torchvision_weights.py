"""Files of weights that torchvision offers: there and whole, or fetched, or an error that says what belongs where."""

from __future__ import annotations

import hashlib
import os
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor

from ratefront.data.cache_folders import data_folder
from ratefront.errors import InputError


def load_torchvision_weights(url: str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, of a file named by the beginning of its own SHA-256, as ``resnet18-f37072fd.pth``.

    It is looked for in ``weights/`` of the data sets' folder, then in torch hub's cache, where it is fetched to.

    Raises:
        InputError: It is not there and cannot be fetched, or is not what its name says.
    """
    name = Path(urlparse(url).path).name
    places = [data_folder(None) / "weights" / name, Path(torch.hub.get_dir()) / "checkpoints" / name]
    found = next((place for place in places if place.is_file()), None) or _fetch(url, places)
    _check(found)
    # torchvision offers nothing but this format; the unpickler makes tensors and nothing else
    tensors: dict[str, Tensor] = torch.load(found, map_location="cpu", weights_only=True)
    return tensors


def _fetch(url: str, places: list[Path]) -> Path:
    target = places[-1]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, os.fspath(target), progress=False)
    except (OSError, HTTPException, RuntimeError) as error:
        expected = " or ".join(map(str, places))
        raise InputError(
            f"task_model.pretrained: the weights are not there, and fetching {url} failed ({error}); "
            f"put the file at {expected}"
        ) from error
    return target


def _check(path: Path) -> None:
    """
    Raises:
        InputError: The file is truncated or altered.
    """
    expected = path.stem.rpartition("-")[2]
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if not actual.startswith(expected):
        raise InputError(
            f"{path}: is truncated or altered: its SHA-256 begins with {actual[:8]}, not {expected}; delete it, "
            "to have it fetched again"
        )
