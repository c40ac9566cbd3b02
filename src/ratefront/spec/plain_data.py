"""Turns values of a script (NumPy's, paths, mappings) into the plain data of a sweep file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def as_plain_data(value: object) -> Any:
    """Return a copy as plain data. What no sweep file can hold stays as it is, and the check reports it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: as_plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain_data(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(
            map(as_plain_data, value), key=str
        )  # else the order would be another one in each process
    if hasattr(value, "tolist"):  # of numpy or torch, which a check must not import
        return value.tolist()
    return os.fspath(value) if isinstance(value, os.PathLike) else value
