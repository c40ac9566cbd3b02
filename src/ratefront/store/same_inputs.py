"""Whether a sweep can go on: data, weights, code and ratefront's format must be those that it began with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.file_locations import file_location_parameters
from ratefront.catalogue.registry import Registry
from ratefront.errors import SweepMismatchError
from ratefront.history.events import LEDGER_FORMAT
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.sweep_spec import Named, SweepSpec
from ratefront.user_modules import module_digests, module_files

_SHOWN = 12


def check_inputs(before: Mapping[str, str], now: Mapping[str, str], spec: SweepSpec) -> None:
    """Compare the digests of a sweep's data set, code and weights with those that it began with.

    Args:
        before: The digests at the beginning, by name (see ``TaskModelReady.inputs``); empty where they are not known.
        now: The digests now.
        spec: The sweep file, to name what has changed.

    Raises:
        SweepMismatchError: A digest has changed. Each is named, with its location.
    """
    changes = list(_changes(before, now, spec)) if before else []
    if changes:
        lines = "\n".join(f"  {change}" for change in changes)
        raise SweepMismatchError(
            f"this is not what the sweep began with:\n{lines}\n"
            "Trials on both could not be compared: begin a new sweep in another folder, or restore what was there "
            "and go on with this one"
        )


def check_code(before: Mapping[str, str]) -> None:
    """Compare the code that makes a sweep's codecs with the code that it began with.

    Raises:
        SweepMismatchError: A module has changed or is missing. Each is named.
    """
    modules = [name.removeprefix("code ") for name in before if name.startswith("code ")]
    now = module_digests(module_files(modules))
    if changed := [name for name in modules if before[f"code {name}"] != now.get(f"code {name}")]:
        raise SweepMismatchError(
            f"the code of {', '.join(changed)} has changed since the codec was made, or is missing: the codec would "
            "code and decide differently; restore it"
        )


def check_known_sweeps(history: SweepHistory) -> None:
    """Compare the task model and the data of the sweeps that are learned from with those of this sweep, now ready.

    Raises:
        SweepMismatchError: They differ although the settings are the same: the files have changed, or the code has.
    """
    ready = history.task_model
    if ready is None or history.known is None:
        return
    digest = ready.inputs.get("dataset", "")
    for model in history.known.task_models:
        has_other_data = bool(digest and model.dataset) and digest != model.dataset
        if has_other_data or model.identity != ready.identity:
            what = "data set has other content" if has_other_data else "task model is another one"
            raise SweepMismatchError(
                f"learn_from: nothing can be learned from {model.source}: its {what} than this sweep's, although the "
                "settings are the same; take it out of learn_from and begin again"
            )


def check_format(history: SweepHistory) -> None:
    """Check that the sweep was begun with the ledger format of this ratefront.

    Raises:
        SweepMismatchError: An older ratefront began the sweep, and its numbers mean something else.
    """
    if history.ledger_format < LEDGER_FORMAT:
        raise SweepMismatchError(
            f"an older ratefront has begun this sweep (its ledger has format {history.ledger_format}, new ones have "
            f"{LEDGER_FORMAT}): it stored and counted differently, so that new trials could not be compared with old "
            "ones; begin a new sweep in another folder"
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
            yield f"{_called(name, spec)} has changed (digest {old[:_SHOWN]}… → {new[:_SHOWN]}…)"


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
            f"what the code of the task model {spec.task_model.name} loads into the network apart from random "
            "numbers (a file that it reads, or numbers that another version of torch computes differently)"
        )
    return f"what the task model {_with_place(spec.task_model, CATALOGUE.task_models)} is given as {name}"


def _with_place(named: Named, registry: Registry[Any]) -> str:
    """Its name, with the files that the sweep file gives for it."""
    places = sorted(file_location_parameters(registry[named.name].parameters) & named.parameters.keys())
    return " ".join([named.name, *(f"{place} {named.parameters[place]}" for place in places)])
