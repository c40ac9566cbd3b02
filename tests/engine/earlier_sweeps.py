"""Sweeps that were simulated, in folders as real ones have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ratefront.simulate.built_in_sweep import BUILT_IN
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.run_simulation import run
from ratefront.simulate.scenario import Scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec_without_data


def load(**changes: Any) -> LoadedSpec:
    """The built-in sweep with other settings; no trial is stopped early, so that each has a result."""
    return load_spec_without_data({**BUILT_IN, "stopping": "none", **changes})


def recorded_sweep(folder: Path, trials: int = 20, **changes: Any) -> Path:
    """The folder of a sweep that was simulated with random trials."""
    loaded = load(trials=trials, sampler={"name": "random"}, **changes)
    problem = SyntheticProblem(loaded.space, 60.0, reports=2)
    done = run(Scenario(loaded.spec, loaded.space, problem, (3,), is_tracked=False))
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_bytes(done.ledger)
    return folder
