"""What a sweep takes from outside of its file, compared with what it began with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.whereabouts import whereabouts_of
from ratefront.errors import SweepMismatchError
from ratefront.registry import Registry
from ratefront.spec.schema import Named, SweepSpec

_SHOWN = 12


def check_inputs(before: Mapping[str, str], now: Mapping[str, str], spec: SweepSpec) -> None:
    """Compare the digests by which a sweep knows its data set, its code and its weights; ``before`` are those that
    it began with, empty where it did not say so.

    Raises
    ------
    SweepMismatchError
        One is another; each is named, with where it lies.
    """
    changes = list(_changes(before, now, spec)) if before else []
    if changes:
        lines = "\n".join(f"  {change}" for change in changes)
        raise SweepMismatchError(
            f"this is not what the sweep began with:\n{lines}\n"
            "Trials on both could not be compared: begin a new sweep in another folder, or put back what was there "
            "and go on with this one by --resume"
        )


def _changes(before: Mapping[str, str], now: Mapping[str, str], spec: SweepSpec) -> Iterator[str]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if old is None:
            yield f"{_called(name, spec)} was not used then"
        elif new is None:
            yield f"{_called(name, spec)} is not used any more"
        elif old != new:
            yield f"{_called(name, spec)} is another (digest {old[:_SHOWN]}… → {new[:_SHOWN]}…)"


def _called(name: str, spec: SweepSpec) -> str:
    kind, _, module = name.partition(" ")
    if kind == "code":
        return f"the code of the module {module}"
    if kind == "dataset":
        return f"the content of the data set {_with_place(spec.dataset, CATALOGUE.datasets)}"
    return f"what the task model {_with_place(spec.task_model, CATALOGUE.task_models)} is given as {name}"


def _with_place(named: Named, registry: Registry[Any]) -> str:
    """By name, and with the files that it says to be in."""
    places = sorted(whereabouts_of(registry[named.name].parameters) & named.parameters.keys())
    return " ".join([named.name, *(f"{place} {named.parameters[place]}" for place in places)])
