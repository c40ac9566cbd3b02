"""A reference to the live sweep survives Tune's copies."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import pytest

from ratefront.errors import EngineError
from ratefront.orchestrate.tune.live_sweep_reference import LiveSweepReference


def test_copies_share_the_sweep_and_pickles_lose_it() -> None:
    reference = LiveSweepReference(SimpleNamespace())  # type: ignore[arg-type]
    assert copy.deepcopy({"x": reference})["x"].sweep is reference.sweep
    with pytest.raises(EngineError, match="resume"):
        _ = pickle.loads(pickle.dumps(reference)).sweep
