"""Overrides of a sweep file before it is checked: a value for each dotted key, such as ``checkpoints.epochs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratefront.spec.plain_data import as_plain_data
from ratefront.spec.problem_wording import shown

#: Keys whose value may be a bare name; setting a parameter under it spells the mapping out.
NAMED = ("dataset", "task_model")


def apply_overrides(raw: dict[str, Any], overrides: Mapping[str, Any]) -> list[str]:
    """Set the value of each dotted key in ``raw``, in order.

    The check of the whole file decides whether a key exists.

    Returns:
        One line for each problem.
    """
    problems = []
    for key, value in overrides.items():
        try:
            _apply(raw, key, as_plain_data(value))
        except ValueError as error:
            problems.append(f"{key}: {error}")
    return problems


def _apply(raw: dict[str, Any], key: object, value: Any) -> None:
    parts = [part.strip() for part in key.split(".")] if isinstance(key, str) else []
    if not parts or not all(parts):
        raise ValueError("must be a dotted key, as training.epochs")
    target = raw
    for depth, part in enumerate(parts[:-1], start=1):
        target = _descend(target, part, ".".join(parts[:depth]), bare_name=depth == 1 and part in NAMED)
    target[parts[-1]] = value


def _descend(target: dict[str, Any], part: str, path: str, bare_name: bool) -> dict[str, Any]:
    inner = target.get(part)
    if bare_name and isinstance(inner, str):
        inner = {"name": inner}
    elif inner is None:
        inner = {}
    elif not isinstance(inner, dict):
        raise ValueError(f"{path} is {shown(inner)}, not a mapping")
    target[part] = inner
    return inner
