"""Whose training a trial's checkpoint holds, and how often it is written."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import torch

from ratefront.records import TrialParams
from ratefront.spec.changeable_settings import settings_that_decide
from ratefront.spec.load_spec import to_plain
from ratefront.spec.schema import SweepSpec

#: Raised when what a checkpoint holds changes its meaning: an older one is not gone on from.
CHECKPOINT_FORMAT = 2

#: What saving may take of the time that training takes: with the last save, which is always made, a few percent.
SHARE = 1 / 50


def identity_of(params: TrialParams, spec: SweepSpec) -> dict[str, Any]:
    """All that decides a training's course, as JSON gives it back."""
    whole = settings_that_decide(to_plain(spec))  # without where files lie: what was moved is still the same
    decisive = {
        "format": CHECKPOINT_FORMAT,
        "ratefront": version("ratefront"),
        "torch": torch.__version__,
        "trial_id": params.trial_id,
        "seed": params.seed,
        "values": dict(params.values),
        **{key: whole[key] for key in ("training", "dataset", "task_model")},
    }
    plain: dict[str, Any] = json.loads(json.dumps(decisive))
    return plain
