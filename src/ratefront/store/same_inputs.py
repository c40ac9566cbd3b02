"""Whether a sweep can go on: what it takes from outside of its file is what it began with, and so is ratefront."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.file_locations import file_location_parameters
from ratefront.catalogue.registry import Registry
from ratefront.errors import SweepMismatchError
from ratefront.history.events import LEDGER_FORMAT
from ratefront.history.sweep_history import SweepHistory
from ratefront.own_code import module_digests, module_files
from ratefront.spec.schema import Named, SweepSpec

_SHOWN = 12


def check_inputs(before: Mapping[str, str], now: Mapping[str, str], spec: SweepSpec) -> None:
    """Compare the digests by which a sweep knows its data set, its code and its weights; ``before`` are those that
    it began with, empty where it did not say so.

    Raises:
        SweepMismatchError: One is another; each is named, with where it lies.
    """
    changes = list(_changes(before, now, spec)) if before else []
    if changes:
        lines = "\n".join(f"  {change}" for change in changes)
        raise SweepMismatchError(
            f"this is not what the sweep began with:\n{lines}\n"
            "Trials on both could not be compared: begin a new sweep in another folder, or put back what was there "
            "and go on with this one"
        )


def check_code(before: Mapping[str, str]) -> None:
    """Of what a sweep began with compare the code, by which its codecs are made.

    Raises:
        SweepMismatchError: A module of it is another, or gone; each is named.
    """
    modules = [name.removeprefix("code ") for name in before if name.startswith("code ")]
    now = module_digests(module_files(modules))
    if changed := [name for name in modules if before[f"code {name}"] != now.get(f"code {name}")]:
        raise SweepMismatchError(
            f"the code of {', '.join(changed)} is another than the codec was made by, or gone: it would code and "
            "decide otherwise; put back what was there"
        )


def check_format(history: SweepHistory) -> None:
    """
    Raises:
        SweepMismatchError: An older ratefront has begun the sweep, whose figures mean something else.
    """
    if history.ledger_format < LEDGER_FORMAT:
        raise SweepMismatchError(
            f"an older ratefront has begun this sweep (its ledger has format {history.ledger_format}, new ones have "
            f"{LEDGER_FORMAT}): it stored and counted otherwise, so that no trial of now could be compared with its "
            "own; begin a new sweep in another folder"
        )


def _changes(before: Mapping[str, str], now: Mapping[str, str], spec: SweepSpec) -> Iterator[str]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if old is None:
            yield f"{_called(name, spec)} was not used then"
        elif new is None and name == "weights":
            continue  # a sweep that has begun keeps what was made of them
        elif new is None:
            yield f"{_called(name, spec)} is not used any more"
        elif old != new:
            yield f"{_called(name, spec)} is another (digest {old[:_SHOWN]}… → {new[:_SHOWN]}…)"


def _called(name: str, spec: SweepSpec) -> str:
    kind, _, module = name.partition(" ")
    if kind == "code":
        return f"the code of the module {module}"
    if kind == "metric":
        return f"the code of the metrics' module {module}"
    if kind == "dataset":
        return f"the content of the data set {_with_place(spec.dataset, CATALOGUE.datasets)}"
    if kind == "loaded":
        return (
            f"what the code of the task model {spec.task_model.name} gives the network but by chance (a file that it "
            "reads, or numbers that another version of torch computes otherwise)"
        )
    return f"what the task model {_with_place(spec.task_model, CATALOGUE.task_models)} is given as {name}"


def _with_place(named: Named, registry: Registry[Any]) -> str:
    """By name, and with the files that it says to be in."""
    places = sorted(file_location_parameters(registry[named.name].parameters) & named.parameters.keys())
    return " ".join([named.name, *(f"{place} {named.parameters[place]}" for place in places)])
