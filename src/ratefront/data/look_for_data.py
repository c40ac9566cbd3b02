"""Finds out whether a data set is here or could be downloaded, without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.datasets import OfficialParameters
from ratefront.catalogue.file_locations import file_location_parameters
from ratefront.spec.sweep_spec import Named


class FoundData(NamedTuple):
    """Where a data set is and what it holds, in a line; and a text that differs where other data are found."""

    text: str
    content: str


def look_for_data(named: Named) -> FoundData:
    """Find the data set, or a host from which it can be downloaded.

    Its files are looked at as ``ratefront check`` does: headers, labels, names of files. Of a published data set, only
    whether they are there.

    Raises:
        InputError: A file is missing and may not or cannot be downloaded, or it cannot be used.
    """
    registered = CATALOGUE.datasets[named.name]
    parameters = registered.parameters(**named.parameters)
    registered.load()  # a package that a plugin's data set needs may be missing
    if isinstance(parameters, OfficialParameters):
        from ratefront.data.official.torchvision_datasets import look_for_official

        return FoundData(f"{named.name}: {look_for_official(named.name, parameters)}", named.name)
    facts = registered.facts_for(parameters)
    held = [f"{facts['classes']} classes"] if facts.get("classes") else []
    held += [f"{count} for {split}" for split, count in facts.get("samples", {}).items()]
    text = ": ".join(filter(None, [f"{named.name}{_places(parameters)}", ", ".join(held)]))
    return FoundData(text, f"{text} {facts.get('shape')}")


def _places(parameters: Any) -> str:
    """Name the files and folders that the parameters name, of files with their size."""
    places = []
    for name in sorted(file_location_parameters(type(parameters))):
        value = getattr(parameters, name)
        if isinstance(value, str):
            path = Path(value)
            places.append(f"{path} of {path.stat().st_size} bytes" if path.is_file() else str(path))
    return f" in {', '.join(places)}" if places else ""
