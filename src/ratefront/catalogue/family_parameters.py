"""The base class of every family's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class FamilyParameters(BaseModel):
    """A family's own parameters: the leaves that a sweep file may search under it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @property
    def uses_seed(self) -> bool:
        """Whether a trial's seed changes its result.

        False where nothing is learned or drawn: a second trial of these parameters would repeat the first.
        """
        return True

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        """Return why the parameters do not fit the task model and data set of these facts; None if they fit."""
        return None

    def _needs(self, name: str, when: str) -> None:
        if getattr(self, name) is None:
            raise ValueError(f"{name} is needed when {when}")

    def _needs_only(self, name: str, where: bool, when: str) -> None:
        """Require the parameter where it has a meaning, and refuse it elsewhere."""
        (self._needs if where else self._refuses)(name, when)

    def _refuses(self, name: str, when: str) -> None:
        if getattr(self, name) is not None:
            raise ValueError(f"{name} means nothing when {when}")
