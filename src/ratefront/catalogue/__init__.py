"""What exists, by name, with the parameters of each: importable, and checkable, without torch."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.catalogue.datasets import DATASETS, DatasetParameters
from ratefront.catalogue.families import FAMILIES
from ratefront.catalogue.parameters import FamilyParameters
from ratefront.catalogue.task_models import TASK_MODELS, TaskModelParameters
from ratefront.registry import Registry


@dataclass(frozen=True)
class Catalogue:
    """The registries that a sweep file is checked against."""

    families: Registry[FamilyParameters]
    datasets: Registry[DatasetParameters]
    task_models: Registry[TaskModelParameters]


CATALOGUE = Catalogue(FAMILIES, DATASETS, TASK_MODELS)
