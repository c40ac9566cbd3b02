"""A sweep over the digits as the Optuna Dashboard is shown it: real parameters, every ending, a ledger that grows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tests.builders import FakeSweep

from ratefront.cli.shared_arguments import overrides_of
from ratefront.engine.search.first_trials import spread_trial
from ratefront.history.events import Planned
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec, to_plain
from ratefront.trial_records import Scalar

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@cache
def digits(*overrides: str) -> LoadedSpec:
    return load_spec(DIGITS, overrides_of(overrides))


def values(number: int) -> dict[str, Scalar]:
    """What a sweep over the digits tries as its trial ``number``."""
    return spread_trial(digits().space, 0, number)


def begin(path: Path) -> FakeSweep:
    return FakeSweep(path, spec=plain(), task_model=False)


def plain(*overrides: str) -> dict[str, Any]:
    return to_plain(digits(*overrides).spec)


def every_ending(path: Path) -> FakeSweep:
    """Six finished trials on a front, then one each: collapsed, pruned, failed, running, stopped, planned."""
    sweep = begin(path)
    for number in range(6):
        sweep.finish(values(number), 2.0 + number, 0.6 + 0.05 * number, 2_000 + 3_000 * number)
    sweep.finish(values(6), 0.0, 0.11, 900, status="collapsed", reason="no better than the majority class")
    sweep.prune(values(7))
    sweep.fail(values(8))
    sweep.plan(values(9))
    sweep.stop(values(10))
    sweep.append(Planned("t0011", 11, 18, values(11)))
    return sweep
