"""A sweep file, or the plain data that a ledger keeps of one, read into a checked spec and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ratefront.catalogue import CATALOGUE, Catalogue
from ratefront.errors import SpecError
from ratefront.spec.check import LoadedSpec, check
from ratefront.spec.difference import spec_difference
from ratefront.spec.overrides import apply_overrides
from ratefront.spec.schema import SweepSpec
from ratefront.spec.yaml_text import read_yaml, write_yaml

__all__ = ["LoadedSpec", "dump_yaml", "load_spec", "spec_difference", "spec_from_plain", "to_plain"]


def load_spec(
    path: Path | str,
    overrides: Sequence[str] = (),
    trials: int | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> LoadedSpec:
    """Read a sweep file, change it as the command line says (``--set``, ``--trials``), check it, resolve it.

    Raises
    ------
    SpecError
        The file cannot be read, is no YAML, or has problems: one line each, with its path in the file.
    """
    last = [] if trials is None else [f"trials={trials}"]
    return _checked(_read(Path(path)), [*overrides, *last], str(path), catalogue)


def _checked(raw: Any, overrides: Sequence[str], source: str, catalogue: Catalogue) -> LoadedSpec:
    problems = apply_overrides(raw, overrides) if isinstance(raw, dict) else []
    try:
        loaded = check(raw, source, catalogue)
    except SpecError as error:
        raise SpecError(source, [*problems, *error.problems]) from error
    if problems:
        raise SpecError(source, problems)
    return loaded


def _read(path: Path) -> Any:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise SpecError(str(path), [f"is no UTF-8 text: {error.reason} at byte {error.start}"]) from error
    except ValueError as error:
        raise SpecError(str(path), [str(error)]) from error


def spec_from_plain(
    plain: Mapping[str, Any],
    catalogue: Catalogue = CATALOGUE,
    source: str = "the ledger's spec",
    overrides: Sequence[str] = (),
) -> LoadedSpec:
    """The spec that ``to_plain`` was given, changed as ``--set`` says, checked anew.

    Raises
    ------
    SpecError
        The data fit no sweep of this version of ratefront, or of this catalogue.
    """
    return _checked(deepcopy(dict(plain)), overrides, source, catalogue)


def to_plain(spec: SweepSpec) -> dict[str, Any]:
    """The resolved spec, all defaults included, as data that JSON and YAML can hold."""
    return spec.model_dump(mode="json")


def dump_yaml(spec: SweepSpec) -> str:
    """The resolved spec as a sweep file that ``load_spec`` reads back."""
    return write_yaml(to_plain(spec))
