"""A sweep file, or the plain data that a ledger keeps of one, read into a checked spec and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ratefront.catalogue import CATALOGUE, Catalogue
from ratefront.errors import InputError, SpecError
from ratefront.registry import load_target
from ratefront.spec.check import LoadedSpec, check
from ratefront.spec.difference import spec_difference
from ratefront.spec.facts import facts_of_dataset
from ratefront.spec.metric_functions import check_metrics
from ratefront.spec.overrides import apply_overrides
from ratefront.spec.schema import SweepSpec
from ratefront.spec.yaml_text import read_yaml, write_yaml

#: Of what needs torch only the name is known here.
_CHECK_WEIGHTS = "ratefront.tasks.given:check_weights"

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
    loaded = _checked(_read(Path(path)), [*overrides, *last], str(path), catalogue)
    check_weights(loaded.spec, str(path), catalogue)
    check_metrics(loaded.spec, str(path))
    return loaded


def check_weights(spec: SweepSpec, source: str, catalogue: Catalogue) -> None:
    """See that the task model's file of weights fits it, where there is one. Only a sweep that begins needs it.

    Raises
    ------
    SpecError
        It cannot be read or does not fit.
    """
    if spec.task_model.parameters.get("weights") is None:
        return
    of_data = facts_of_dataset(catalogue, spec.dataset.model_dump())
    try:
        load_target(_CHECK_WEIGHTS)(spec.task_model, of_data.get("classes"), of_data.get("shape"))
    except InputError as error:
        raise SpecError(source, [str(error)]) from error


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
        The data fit no sweep of this version of ratefront, or of this catalogue; or they have moved.
    """
    try:
        return _checked(deepcopy(dict(plain)), overrides, source, catalogue)
    except SpecError as error:
        raise SpecError(error.source, map(_with_way_out, error.problems)) from error


def _with_way_out(problem: str) -> str:
    """Files that have moved are no reason to give up a sweep."""
    of_data = problem.startswith("dataset: ")
    way = "; where the files have moved, go on with --set dataset.path=… (or root=…)" if of_data else ""
    return problem + way


def to_plain(spec: SweepSpec) -> dict[str, Any]:
    """The resolved spec, all defaults included, as data that JSON and YAML can hold."""
    return spec.model_dump(mode="json")


def dump_yaml(spec: SweepSpec) -> str:
    """The resolved spec as a sweep file that ``load_spec`` reads back."""
    return write_yaml(to_plain(spec))
