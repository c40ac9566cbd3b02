"""The folders outside of sweeps: the cache, and the files of data sets."""

from __future__ import annotations

import os
from pathlib import Path

#: The environment variable that names the folder of the data sets' files.
DATA_VARIABLE = "RATEFRONT_DATA"


def cache_folder() -> Path:
    """Return the folder for what is kept between sweeps, such as trained task models.

    It is ``$RATEFRONT_CACHE``, else the user's cache folder.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ratefront"
    return Path(os.environ.get("RATEFRONT_CACHE") or default)


def data_folder(root: str | None) -> Path:
    """Return the folder of data set files, laid out as torchvision does.

    It is ``root``, else ``$RATEFRONT_DATA``, else a folder in the cache.
    """
    return Path(root or os.environ.get(DATA_VARIABLE) or cache_folder() / "data").expanduser()
