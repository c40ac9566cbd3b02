"""Reads a sweep file, or the plain data in a ledger, into a checked spec, and writes one back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratefront.argument_checks import checked_path
from ratefront.bounded_files import read_regular_file
from ratefront.catalogue import CATALOGUE, Catalogue
from ratefront.catalogue.registry import load_target, without_descriptions
from ratefront.errors import InputError, SpecError
from ratefront.known_code import NamedCode, check_may_run, remember
from ratefront.spec.check_spec import LoadedSpec, check_spec
from ratefront.spec.import_paths.metric_functions import check_metrics
from ratefront.spec.import_paths.target_modules import metric_code, own_task_model_code
from ratefront.spec.known_facts import dataset_facts_of
from ratefront.spec.overrides import apply_overrides
from ratefront.spec.plain_data import as_plain_data, unusable_values
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.spec.yaml_text import MOST_YAML_BYTES, read_yaml, write_yaml
from ratefront.wording import Argument, Message

#: Imported when needed, because it imports torch.
_CHECK_WEIGHTS = "ratefront.task_models.own_network.fill_and_check_weights:check_weights_fit"


def load_spec(
    source: Path | str | Mapping[str, Any] | LoadedSpec,
    overrides: Mapping[str, Any] | None = None,
    *,
    catalogue: Catalogue = CATALOGUE,
) -> LoadedSpec:
    """Read a sweep file, change it, check it, and resolve all its defaults.

    Python code that the file names is run, and known to this machine from then on: a sweep that names the same code is
    resumed without asking.

    Args:
        source: The file's path, its content as a mapping, or a spec that was loaded before.
        overrides: A value for each dotted key to change, as ``{"trials": 8, "training.epochs": 2}``.
        catalogue: The families, data sets and task models to choose from; by default ratefront's and those of
            installed plugins.

    Returns:
        The checked spec with its search space: ``loaded.spec.trials``, ``loaded.space``.

    Raises:
        InputError: The source is no path, mapping or spec; or ``overrides`` is no mapping.
        SpecError: The file cannot be read, is no YAML, or has problems: one line each, with its path in the file.

    Example:
        >>> import ratefront as rf
        >>> spec = rf.load_spec("sweeps/digits.yaml", overrides={"trials": 8, "training.epochs": 2})
        >>> spec.spec.trials
        8
    """
    if not isinstance(overrides, Mapping | None):
        raise InputError(
            f'overrides: pass a value for each dotted key, as {{"trials": 8}}, got {overrides!r}'
        )
    if isinstance(source, LoadedSpec) and not overrides:
        return source
    name = str(source) if isinstance(source, Path | str) else "the sweep"
    raw = _plain(source)
    loaded = _checked(raw, _problems_of_overrides(raw, overrides or {}), name, catalogue)
    check_weights(loaded.spec, name, catalogue)
    check_metrics(loaded.spec, name)
    remember(_code_of(loaded.spec))
    return loaded


def load_spec_without_data(
    source: Path | str | Mapping[str, Any] | LoadedSpec,
    overrides: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
) -> LoadedSpec:
    """Read a sweep file as ``load_spec``, for a sweep that is only simulated.

    The files of the data set, the task model's weights, and the code of task model and metrics need not exist, nor the
    packages that register data set and task model. ``name`` says in messages where the spec comes from.

    Raises:
        InputError: As ``load_spec``.
    """
    if isinstance(source, LoadedSpec) and not overrides:
        return source
    name = name or (str(source) if isinstance(source, Path | str) else "the sweep")
    raw = _plain(source)
    with without_descriptions():
        return _checked(raw, _problems_of_overrides(raw, overrides or {}), name, CATALOGUE)


def _code_of(spec: SweepSpec) -> list[NamedCode]:
    return [*own_task_model_code(spec.task_model.model_dump()), *metric_code(spec)]


def _plain(source: Path | str | Mapping[str, Any] | LoadedSpec) -> Any:
    """Return the content of ``source`` as a copy that may be changed."""
    if isinstance(source, LoadedSpec):
        return to_plain(source.spec)
    if isinstance(source, Path | str):
        return _read(checked_path(source, "spec"))
    if not isinstance(source, Mapping | SweepSpec):
        raise InputError(f"spec: pass a sweep file's path, a mapping or a loaded spec, got {source!r}")
    return as_plain_data(source)


def check_weights(spec: SweepSpec, source: str, catalogue: Catalogue) -> None:
    """Check that the task model's file of weights fits it; only a sweep that begins needs the file.

    Raises:
        SpecError: It cannot be read or does not fit.
    """
    if spec.task_model.parameters.get("weights") is None:
        return
    dataset_facts = dataset_facts_of(catalogue, spec.dataset.model_dump())
    try:
        load_target(_CHECK_WEIGHTS)(spec.task_model, dataset_facts.get("classes"), dataset_facts.get("shape"))
    except InputError as error:
        raise SpecError(source, [Message(error)]) from error


def _problems_of_overrides(raw: Any, overrides: Mapping[str, Any]) -> list[str]:
    """Apply the overrides to ``raw``, and return what is wrong with them."""
    return apply_overrides(raw, overrides) if isinstance(raw, dict) else []


def _checked(raw: Any, problems: list[str], source: str, catalogue: Catalogue) -> LoadedSpec:
    """Check the file's content; ``problems`` are those of its overrides."""
    if unusable := unusable_values(raw):
        raise SpecError(source, [*problems, *unusable])
    try:
        loaded = check_spec(raw, source, catalogue)
    except SpecError as error:
        raise SpecError(source, [*problems, *error.problems]) from error
    if problems:
        raise SpecError(source, problems)
    return loaded


def _read(path: Path) -> Any:
    try:
        return read_yaml(read_regular_file(path, MOST_YAML_BYTES).decode("utf-8"))
    except OSError as error:
        raise SpecError(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise SpecError(str(path), [f"is no UTF-8 text: {error.reason} at byte {error.start}"]) from error
    except ValueError as error:
        raise SpecError(str(path), [str(error)]) from error


def spec_from_plain(
    data: Mapping[str, Any],
    catalogue: Catalogue = CATALOGUE,
    source: str = "the ledger's spec",
    overrides: Mapping[str, Any] | None = None,
    *,
    own_module: bool = False,
) -> LoadedSpec:
    """Build a spec from the plain data of ``to_plain``, apply overrides, and check it again.

    The data are those of a ledger or table, which may be a stranger's: the code that they name is not imported unless
    it is the user's own.

    Args:
        data: The sweep file's content.
        catalogue: As for ``load_spec``.
        source: Where the data come from.
        overrides: As for ``load_spec``.
        own_module: The user says that the Python code is theirs.

    Raises:
        InputError: The data name Python code that may not be run.
        SpecError: The data fit no sweep of this version of ratefront or of this catalogue, or the files of the
            data set have moved.
    """
    raw = as_plain_data(data)
    problems = _problems_of_overrides(raw, overrides or {})
    task_model = raw.get("task_model") if isinstance(raw, dict) else None
    check_may_run(own_task_model_code(task_model), source, own_module=own_module)
    try:
        loaded = _checked(raw, problems, source, catalogue)
    except SpecError as error:
        raise SpecError(error.source, map(_with_hint_for_moved_files, error.problems)) from error
    check_may_run(metric_code(loaded.spec), source, own_module=own_module)
    if own_module:
        remember(_code_of(loaded.spec))
    return loaded


def _with_hint_for_moved_files(problem: str) -> str:
    """Add how to go on where the files of a data set have moved."""
    if not problem.startswith("dataset: "):
        return problem
    elsewhere = Argument("overrides", {"dataset.path": ...})
    return Message(problem, "; where the files have moved, go on with ", elsewhere, " (or dataset.root)")


def to_plain(spec: SweepSpec) -> dict[str, Any]:
    """Return the resolved spec, all defaults included, as data that JSON and YAML can hold."""
    return spec.model_dump(mode="json")


def dump_yaml(spec: SweepSpec) -> str:
    """Return the resolved spec as a sweep file that ``load_spec`` reads back."""
    return write_yaml(to_plain(spec))
