"""The samplers that are neither random, TPE, NSGA-II nor the default: grid, and Gaussian processes branch by branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial

from ratefront.engine.search.next_suggestion import Suggester
from ratefront.engine.search.sampler_study import BranchwiseTpe
from ratefront.engine.search.samplers import sampler_of
from ratefront.errors import SpecError
from ratefront.history.sweep_history import TrialHistory
from ratefront.optuna_space import Distributions, to_optuna
from ratefront.simulate.built_in_sweep import SMALL_SPACE, built_in_sweep
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.space.configurations import count
from ratefront.spec.space.dimensions import Branch
from ratefront.spec.sweep_spec import Sampler
from ratefront.trial_records import Objectives, Scalar, TrialParams, TrialResult

GOALS: Objectives = {"rate_bits": "minimise", "accuracy": "maximise"}


def ended(
    number: int, values: Mapping[str, Scalar], virtual: SimpleNamespace, status: str = "finished"
) -> TrialHistory:
    trial = TrialHistory(number, TrialParams(f"t{number:04d}", number, values), 0.0)
    trial.result = TrialResult.from_json(virtual.result(trial.params.trial_id, values, status))
    trial.status = trial.result.status
    return trial


def test_grid_tries_each_configuration_once(virtual: SimpleNamespace) -> None:
    space = built_in_sweep(small_space=True).space
    size = count(space)
    assert size is not None
    orders = []
    for seed in (0, 1):
        suggester = Suggester(Sampler(name="grid", seed=seed), space, GOALS)
        tried: list[str] = []
        for number in range(size):
            values = suggester.suggest(number)
            suggester.planned(TrialHistory(number, TrialParams(f"t{number:04d}", number, values), 0.0))
            tried.append(str(sorted(values.items())))
        assert len(set(tried)) == size
        orders.append(tried)
    assert orders[0] != orders[1], "the seed decides the order"


def test_grid_goes_round_again_where_seeds_matter() -> None:
    space = built_in_sweep(small_space=True).space
    size = count(space)
    assert size is not None
    sampler = sampler_of(Sampler(name="grid"), space, GOALS)
    tried = Counter(str(sampler.suggest(number, 0, lambda values: True)) for number in range(2 * size))
    assert set(tried.values()) == {2}


def test_grid_needs_a_finite_space() -> None:
    plain = built_in_sweep().spec.model_dump() | {"sampler": {"name": "grid"}}
    with pytest.raises(SpecError, match=r"sampler.name: grid takes .* this one holds real intervals"):
        spec_from_plain(plain, source="test")
    spec_from_plain(plain | {"space": SMALL_SPACE}, source="test")


@pytest.mark.medium
def test_gp_suggests_by_branch_within_the_space(
    virtual: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials of other branches and collapsed ones take part without harm; small β is best for the accuracy."""
    by_tpe: list[str] = []

    def draw(
        self: BranchwiseTpe, study: Study, trial: FrozenTrial, together: Distributions
    ) -> dict[str, Any]:
        by_tpe.extend(together)
        return {}

    monkeypatch.setattr(BranchwiseTpe, "_draw", draw)
    goals: Objectives = {"accuracy": "maximise"}
    space = {"family": Branch({"split": virtual.SPACE["family"].options["split"]})}
    sampler = sampler_of(Sampler(name="gp", seed=1, startup_trials=8), space, goals)
    base = {"family": "split", "split": "conv1", "bits": 2, "epochs": 3}
    for number in range(12):
        refine = {"refine": "sga", "refine_steps": 20} if number % 3 == 0 else {"refine": "none"}
        values = base | refine | {"beta": 10 ** (-4 + number / 3), "width": 4 + 5 * number}
        trial = ended(number, values, virtual, "collapsed" if number == 3 else "finished")
        sampler.memory.opened(trial)
        sampler.memory.ended(trial)
    suggested = [sampler.suggest(number, 0, lambda values: True) for number in range(12, 18)]
    betas = []
    for values in suggested:
        assert values is not None
        to_optuna(space, values)
        betas.append(float(values["beta"]))
    assert max(betas) < 0.3, "the worst decade is not tried"
    assert sampler.suggest(12, 0, lambda values: True) == suggested[0]
    assert not [name for name in by_tpe if name.endswith("beta")]
