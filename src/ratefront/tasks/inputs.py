"""What a sweep would take from outside of its file if it began here and now."""

from __future__ import annotations

from functools import lru_cache

from ratefront.data.content import content_of
from ratefront.data.load import load_dataset
from ratefront.own_code import digests_of, own_modules
from ratefront.spec.schema import SweepSpec
from ratefront.spec.targets import modules_of_families
from ratefront.tasks.module_code import code_of_task_model


def code_of_families(spec: SweepSpec) -> dict[str, str]:
    """A digest of each module of the plugins that bring the sweep's codec families."""
    return digests_of(own_modules(modules_of_families(spec)))


def present_inputs(spec: SweepSpec) -> dict[str, str]:
    """As ``TaskModelReady.inputs``, of what is there now.

    Raises
    ------
    InputError
        The data set or the task model cannot be had.
    """
    from ratefront.tasks.prepare import inputs_of

    return {**inputs_of(spec, load_dataset(spec.dataset)), **code_of_families(spec)}


def inputs_of_trials(spec: SweepSpec) -> dict[str, str]:
    """What this process has loaded of what trials themselves use: the data set and the code, not the task model's
    weights, of which the sweep has its own.
    """
    return {"dataset": content_of(load_dataset(spec.dataset)), **_loaded_code(spec.model_dump_json())}


@lru_cache(maxsize=4)
def _loaded_code(plain: str) -> dict[str, str]:
    """Looked at once a process, which imports code only once."""
    spec = SweepSpec.model_validate_json(plain)
    return {**code_of_task_model(spec, load_dataset(spec.dataset)), **code_of_families(spec)}
