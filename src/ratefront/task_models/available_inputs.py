"""Finds out whether a sweep's trials can run here: data, weights and code are found, and the task model is built.

Workers and ``ratefront doctor`` import it on each node. Nothing is trained, downloaded or written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from ratefront.catalogue import CATALOGUE
from ratefront.data.look_for_data import look_for_data
from ratefront.errors import InputError, RatefrontError
from ratefront.spec.import_paths.metric_functions import check_metrics
from ratefront.spec.known_facts import spec_facts
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.task_models.build_task_model import build_task_model


class Available(NamedTuple):
    """One thing that trials need, on this machine.

    Attributes:
        what: ``data``, ``task model`` or ``metrics``.
        is_usable: Whether it can be used.
        text: What was found, or what is wrong.
        content: What must be the same on all machines.
    """

    what: str
    is_usable: bool
    text: str
    content: str = ""


def available_inputs(spec_json: str) -> list[Available]:
    """Look for the data set, build the task model, and find the metrics.

    Args:
        spec_json: The sweep file as JSON, since a spec of another process may name what is not imported here yet.
    """
    spec = SweepSpec.model_validate_json(spec_json)
    looked = [
        _look("data", lambda: look_for_data(spec.dataset)),
        _look("task model", lambda: (_look_at_task_model(spec),)),
    ]
    if spec.metrics:
        looked.append(_look("metrics", lambda: (_look_at_metrics(spec),)))
    return looked


def _look(what: str, look: Callable[[], tuple[str, ...]]) -> Available:
    try:
        return Available(what, True, *look())
    except RatefrontError as error:
        return Available(what, False, str(error))
    except Exception as error:  # of the user's own code, or of a plugin
        return Available(what, False, f"{type(error).__name__}: {error}")


def _look_at_task_model(spec: SweepSpec) -> str:
    facts = spec_facts(CATALOGUE, spec)
    parameters = CATALOGUE.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    weights = parameters.weights
    if weights is not None and not Path(weights).is_file():
        raise InputError(f"task_model.weights: {weights}: there is no such file")
    if not facts.get("classes") or not facts.get("shape"):
        return f"{spec.task_model.name} can be built when the data set is loaded, not before"
    with torch.random.fork_rng(devices=[]):
        model = build_task_model(spec.task_model, facts["classes"], facts["shape"], spec.dataset.name)
    of_weights = f"its weights are {weights}" if weights else model.look_for_pretrained()
    count = sum(parameter.numel() for parameter in model.parameters())
    return "; ".join(filter(None, [f"{spec.task_model.name} of {count} weights is built", of_weights]))


def _look_at_metrics(spec: SweepSpec) -> str:
    check_metrics(spec, "the sweep")
    return ", ".join(metric.name for metric in spec.metrics)
