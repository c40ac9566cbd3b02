"""Values as scripts hold them, made to what a sweep file holds: of numpy's, paths and mappings to plain data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def plain(value: object) -> Any:
    """A copy whose containers are our own. What no sweep file can hold stays as it is: the check says what is wrong."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=str)  # else the order would be another one in each process
    if hasattr(value, "tolist"):  # of numpy or torch, which a check must not import
        return value.tolist()
    return os.fspath(value) if isinstance(value, os.PathLike) else value
