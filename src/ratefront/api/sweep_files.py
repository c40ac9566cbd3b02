"""Sweep files: the plan of a sweep, a first file for a user's own data, and the JSON schema for editors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ratefront.argument_checks import checked_path
from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.registry import remember_descriptions
from ratefront.errors import InputError, UnknownNameError
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec
from ratefront.spec.space.dimensions import Branch
from ratefront.wording import Argument, Message

if TYPE_CHECKING:
    from ratefront.complexity.transmitter_sizes import TransmitterTable
    from ratefront.spec.views.first_sweep_text import FirstSweep
    from ratefront.spec.views.plan import Plan

_USE_TASK_MODEL = {"label", "sample", "split", "student"}
"""The families with parts of the task model at the transmitter, or with an encoder that replaces them."""


def plan(
    spec: Path | str | Mapping[str, Any] | LoadedSpec, overrides: Mapping[str, Any] | None = None
) -> Plan:
    """Return what a sweep would do; start nothing.

    Args:
        spec: As ``load_spec`` takes it.
        overrides: As ``load_spec`` takes them.

    Returns:
        The plan: ``plan.spec``, ``plan.families`` with each one's parameters, ``plan.split_points``,
        ``plan.warnings``, ``plan.known`` with what is tried first and learned from.
        ``plan.too_much_for(cpus, gpus)`` says what a machine lacks for it.

    Raises:
        SpecError: The sweep file has problems; each has a line with its path in the file.
        InputError: The sweep could not be tracked at its tracking address, or nothing can be taken from a sweep that
            ``start_with`` or ``learn_from`` names.
        LedgerDamagedError: The ledger of such a sweep cannot be read.

    Example:
        >>> import ratefront as rf
        >>> rf.plan("sweeps/digits.yaml").split_points
        ('conv1', 'conv2', 'conv3', 'hidden')
    """
    from ratefront.engine.find_known import find_known
    from ratefront.spec.views.plan import plan_of
    from ratefront.store.earlier_sweeps import read_earlier_sweeps
    from ratefront.tracking.tracking_uri import resolve_uri

    with remember_descriptions():
        loaded = load_spec(spec, overrides)
        found = find_known(loaded.spec, loaded.space, read_earlier_sweeps(loaded.spec))
        sweep_plan = plan_of(loaded, CATALOGUE, () if found is None else found.rows)
    if loaded.spec.tracking.uri is not None:
        resolve_uri(loaded.spec.tracking.uri, Path("runs") / loaded.spec.name)
    return sweep_plan


def transmitter_table(plan: Plan) -> TransmitterTable | None:
    """Return what the transmitters of a sweep would be made of, in bytes; train nothing.

    Args:
        plan: The plan of the sweep.

    Returns:
        ``table.rows``: for each split point of the space, and last for the whole task model, its bytes in ``fp32``,
        ``fp16`` and ``int8``, its ``macs`` for one sample, and in ``analysis`` the least and most bytes of g_a. None
        if no codec of the space uses the task model, or the shape of the samples is not known.

    Raises:
        InputError: The task model cannot be built.

    Example:
        >>> import ratefront as rf
        >>> from ratefront.api.sweep_files import transmitter_table
        >>> [(row.split, row.fp16) for row in transmitter_table(rf.plan("sweeps/digits.yaml")).rows]
        [('conv1', 320), ('conv2', 9600), ('conv3', 46592), ('', 80788)]
    """
    from ratefront.complexity.transmitter_sizes import remembered_table

    family, named = plan.space["family"], plan.spec.task_model
    options = family.options if isinstance(family, Branch) else {}
    if not _USE_TASK_MODEL & options.keys() or not {"classes", "shape"} <= plan.facts.keys():
        return None
    classes, shape = plan.facts["classes"], tuple(plan.facts["shape"])

    def compute() -> TransmitterTable:
        from ratefront.codecs.transmitter_table import transmitter_table  # torch

        return transmitter_table(named, options, classes, shape)

    registered = CATALOGUE.task_models[named.name]
    if registered.describe or not registered.target.startswith("ratefront."):
        return compute()  # the code may change
    return remembered_table(
        {"task_model": named.model_dump(), "of": repr((options, classes, shape))}, compute
    )


def first_sweep(
    data: Path | str,
    path: Path | str,
    *,
    kind: str | None = None,
    task_model: str | None = None,
    weights: Path | str | None = None,
) -> FirstSweep:
    """Write a first sweep file for your own data, with a task model that trains in under two minutes here.

    Args:
        data: An npz file, a folder of images with a folder for each class, or the name of a data set, as ``mnist``.
        path: The sweep file to write; it must not exist.
        kind: ``images`` or ``points``, if the arrays of an npz file leave it open.
        task_model: A name, as ``small_cnn``, or ``package.module:function`` for your own network.
        weights: A file of trained weights for the task model, which is then not trained.

    Returns:
        What the data hold and what the task model costs: ``first.shape``, ``first.classes``, ``first.samples``,
        ``first.cost``, ``first.warnings``.

    Raises:
        InputError: The data cannot be used, the task model does not take them, or ``path`` exists already.

    Example:
        >>> import ratefront as rf
        >>> rf.first_sweep("digits", folder / "mine.yaml", task_model="small_cnn").classes
        10
    """
    from ratefront.data.dataset_candidates import dataset_candidates
    from ratefront.data.load_dataset import load_dataset
    from ratefront.spec.check_spec import check_spec
    from ratefront.spec.load_spec import check_weights
    from ratefront.spec.yaml_text import read_yaml
    from ratefront.store.files.output_file import check_output
    from ratefront.task_models.first_sweep.draft_first_sweep import draft_first_sweep
    from ratefront.trial.threads import using_threads

    path = checked_path(path, "path")
    if os.path.lexists(path):  # a symbolic link to nothing, too
        raise InputError(
            Message(
                f"{path} is there already and stays as it is; choose another file with ", Argument("path")
            )
        )
    check_output(path)
    location = str(checked_path(data, "data"))
    named_task_model = _named_task_model(
        task_model, None if weights is None else checked_path(weights, "weights")
    )
    datasets = dataset_candidates(location, kind)
    load_dataset(datasets[0])  # with all cores, since every file of a folder is decoded once
    with using_threads(1):
        first = draft_first_sweep(datasets, named_task_model)
    text = first.text(path)
    check_weights(check_spec(read_yaml(text), str(path), CATALOGUE).spec, str(path), CATALOGUE)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return first


def _named_task_model(task_model: str | None, weights: Path | None) -> dict[str, Any] | None:
    if task_model is None:
        if weights is not None:
            raise InputError(
                Message(Argument("weights"), " is of a task model: say which with ", Argument("task_model"))
            )
        return None
    parameters = {"target": task_model} if ":" in task_model else {}
    name = "module" if parameters else task_model
    try:
        CATALOGUE.task_models[name].parameters.model_validate(parameters)
    except (UnknownNameError, ValidationError) as error:
        names = ", ".join(known for known in CATALOGUE.task_models if known != "module")
        raise InputError(
            Message(Argument("task_model", task_model), f": give package.module:function, or one of {names}")
        ) from error
    named = {"name": name, **parameters}
    return named if weights is None else {**named, "weights": str(weights.absolute())}


def write_schema(path: Path | str) -> None:
    """Write the JSON schema of sweep files, which lets editors complete them.

    Args:
        path: The file to write.

    Raises:
        InputError: The file cannot be written.

    Example:
        >>> import ratefront as rf
        >>> rf.write_schema(folder / "schema.json")
    """
    from ratefront.spec.views.json_schema import schema_text
    from ratefront.store.files.output_file import write_output

    write_output(checked_path(path, "path"), schema_text(CATALOGUE).encode())
