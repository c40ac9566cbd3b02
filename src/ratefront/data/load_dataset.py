"""Load the data set that a sweep names, once per process."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.data.dataset import Dataset
from ratefront.data.dataset_digest import dataset_digest
from ratefront.spec.sweep_spec import Named


def load_dataset(named: Named) -> Dataset:
    """Return the data set of this name and these parameters with its digest; the process keeps it between trials."""
    return _load(named.name, tuple(sorted(named.parameters.items())))


@lru_cache(maxsize=2)
def _load(name: str, parameters: tuple[tuple[str, Any], ...]) -> Dataset:
    registered = CATALOGUE.datasets[name]
    dataset: Dataset = registered.load()(registered.parameters(**dict(parameters)))
    return replace(dataset, digest=dataset_digest(dataset))
