"""Codec families, task models and data sets by name, each with its parameters.

The sweep file is checked against this room, so it imports no torch: an entry names its code as ``module:attribute``,
which is imported when a trial needs it. Other rooms import ``CATALOGUE``, the registries' parameter models and
``split_points``. Nothing here may import ``spec`` or any room that computes tensors.
"""

from __future__ import annotations

from ratefront.catalogue.datasets import DATASETS, DatasetParameters
from ratefront.catalogue.families import FAMILIES
from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.catalogue.plugins import Plugins
from ratefront.catalogue.registry import Registry
from ratefront.catalogue.task_models import TASK_MODELS, TaskModelParameters


class Catalogue:
    """The registries that a sweep file is checked against.

    Each property first lets ``plugins`` register what they add. It raises ``InputError`` if a plugin cannot be used.
    """

    def __init__(
        self,
        families: Registry[FamilyParameters],
        datasets: Registry[DatasetParameters],
        task_models: Registry[TaskModelParameters],
        plugins: Plugins | None = None,
    ) -> None:
        self._families, self._datasets, self._task_models = families, datasets, task_models
        self._plugins = plugins

    @property
    def families(self) -> Registry[FamilyParameters]:
        """The codec families."""
        self._load_plugins()
        return self._families

    @property
    def datasets(self) -> Registry[DatasetParameters]:
        """The data sets."""
        self._load_plugins()
        return self._datasets

    @property
    def task_models(self) -> Registry[TaskModelParameters]:
        """The task models."""
        self._load_plugins()
        return self._task_models

    def _load_plugins(self) -> None:
        if self._plugins is not None:
            self._plugins.load(Catalogue(self._families, self._datasets, self._task_models))


CATALOGUE = Catalogue(FAMILIES, DATASETS, TASK_MODELS, Plugins())
