"""Load torchvision's files of weights: find and check them, download them, or say which file belongs where."""

from __future__ import annotations

import hashlib
import os
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor

from ratefront.cache_folders import data_folder
from ratefront.data.download_reach import why_not_reached
from ratefront.errors import InputError


def load_torchvision_weights(url: str) -> dict[str, Tensor]:
    """Load tensors by name, on the CPU, from the file that ``url`` names.

    The name ends in the first digits of the file's SHA-256, as in ``resnet18-f37072fd.pth``. The file is looked for in
    ``weights/`` of the data folder, then in torch hub's cache, into which it is downloaded.

    Raises:
        InputError: The file is missing and cannot be downloaded, or its SHA-256 differs from its name.
    """
    places = _places(url)
    path = next((place for place in places if place.is_file()), None) or _download(url, places)
    _check(path)
    # torchvision offers no other format; with weights_only the unpickler makes tensors only
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def look_for_weights(url: str) -> str:
    """Say where the file of weights is, or that it can be downloaded; nothing is downloaded or read.

    Raises:
        InputError: It is missing and its host is not reached.
    """
    places = _places(url)
    if there := next((place for place in places if place.is_file()), None):
        return f"its weights are {there}"
    if problem := why_not_reached(url):
        raise InputError(_missing(url, problem, places))
    return f"its weights are downloaded from {urlparse(url).netloc} into {places[-1].parent}"


def _places(url: str) -> list[Path]:
    name = Path(urlparse(url).path).name
    return [data_folder(None) / "weights" / name, Path(torch.hub.get_dir()) / "checkpoints" / name]


def _missing(url: str, reason: object, places: list[Path]) -> str:
    expected = " or ".join(map(str, places))
    return (
        f"task_model.pretrained: the weights are not there, and fetching {url} failed ({reason}); "
        f"put the file at {expected}"
    )


def _download(url: str, places: list[Path]) -> Path:
    target = places[-1]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, os.fspath(target), progress=False)
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(_missing(url, error, places)) from error
    return target


def _check(path: Path) -> None:
    """Check the SHA-256 of the file.

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
