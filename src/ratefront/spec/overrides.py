"""``key=value``: changes of a sweep file, before it is checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ratefront.spec.problems import shown
from ratefront.spec.yaml_text import read_yaml
from ratefront.wording import Argument, Message

#: Keys whose value may be a bare name; setting a parameter under it spells the mapping out.
NAMED = ("dataset", "task_model")


def apply_overrides(raw: dict[str, Any], overrides: Iterable[str]) -> list[str]:
    """Set each ``dotted.key=value`` (the value is YAML) in ``raw``, in order; returns one line a problem.

    Whether a key exists is left to the check of the whole file, which knows what is valid where.
    """
    problems: list[str] = []
    for override in overrides:
        try:
            _apply(raw, override)
        except ValueError as error:
            problems.append(Message(Argument("overrides", override), ": ", error))
    return problems


def _apply(raw: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise ValueError("must be key=value, with a dotted key (training.epochs=5)")
    value = read_yaml(text)
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
