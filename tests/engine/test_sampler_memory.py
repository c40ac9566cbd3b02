"""What a sampler learns from is bounded, follows from the order of events, and has the right state in the study."""

from __future__ import annotations

from collections import Counter
from random import Random
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.engine.search.first_trials import spread_trial
from ratefront.engine.search.sampler_memory import BoundedMemory, GenerationMemory, SamplerMemory
from ratefront.engine.search.sampler_ranking import best_trials
from ratefront.engine.search.sampler_study import SamplerStudy, branches_of
from ratefront.history.sweep_history import TrialHistory
from ratefront.optuna_space import to_optuna
from ratefront.pareto import non_dominated
from ratefront.spec.space.dimensions import Branch, Constant, Float, Int
from ratefront.trial_records import TrialParams, TrialResult, objectives_of

USUAL = objectives_of({})

CHANGES = ("open", "finished", "collapsed", "pruned", "stopped", "failed", "reopen")
STORIES = st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 99)), max_size=120)


class Stage:
    """Tells memories a story. A change concerns one of the trials that it can happen to, chosen by a number."""

    def __init__(self, virtual: SimpleNamespace, *memories: SamplerMemory) -> None:
        self._virtual, self._memories = virtual, memories
        self.trials: list[TrialHistory] = []

    def tell(self, change: str, which: int) -> None:
        if change == "open":
            values = spread_trial(self._virtual.SPACE, 3, len(self.trials))
            name = f"t{len(self.trials):04d}"
            self.trials.append(TrialHistory(len(self.trials), TrialParams(name, 0, values), 0.0))
            self._opened(self.trials[-1])
            return
        status = "failed" if change == "reopen" else "planned"
        able = [trial for trial in self.trials if trial.status == status]
        if not able:
            return
        trial = able[which % len(able)]
        if change == "reopen":
            trial.status = "planned"
            self._opened(trial)
        else:
            self._end(trial, change)

    def _opened(self, trial: TrialHistory) -> None:
        for memory in self._memories:
            memory.opened(trial)

    def _end(self, trial: TrialHistory, status: Any) -> None:
        trial.status = status
        if status in ("finished", "collapsed"):
            result = self._virtual.result(trial.params.trial_id, trial.params.values, status)
            trial.result = TrialResult.from_json(result)
        for memory in self._memories:
            memory.ended(trial)


def visible_trials(study: SamplerStudy) -> list[tuple[Any, ...]]:
    """What a sampler sees of the study, in its order."""
    trials = [trial for trial in study.study.get_trials(deepcopy=False) if trial.state.name != "FAIL"]
    return [(trial.state.name, trial.params, trial.values, trial.constraints) for trial in trials]


@settings(max_examples=60, deadline=None)
@given(story=STORIES, pauses=st.sets(st.integers(0, 119)), generations=st.booleans())
def test_a_study_is_the_same_however_often_it_was_shown(
    virtual: SimpleNamespace, story: list[tuple[str, int]], pauses: set[int], generations: bool
) -> None:
    memory = GenerationMemory(USUAL, 5) if generations else BoundedMemory(USUAL, 8, 3, 4)
    stage = Stage(virtual, memory)
    followed, late = (SamplerStudy(virtual.SPACE, USUAL) for _ in range(2))
    for place, (change, which) in enumerate(story):
        stage.tell(change, which)
        if place in pauses:
            followed.show(memory.shown)
            followed.ask(optuna.samplers.RandomSampler(seed=place))
    followed.show(memory.shown)
    late.show(memory.shown)
    assert visible_trials(followed) == visible_trials(late)


@settings(max_examples=60, deadline=None)
@given(story=STORIES)
def test_a_bounded_memory_stays_bounded(virtual: SimpleNamespace, story: list[tuple[str, int]]) -> None:
    memory = BoundedMemory(USUAL, 8, 3, 4)
    stage = Stage(virtual, memory)
    for change, which in story:
        stage.tell(change, which)
        status = Counter(trial.status for trial in memory.shown.values())
        unfinished = [trial for trial in stage.trials if trial.status == "planned"]
        assert "failed" not in status
        assert status["planned"] <= min(3, len(unfinished))
        assert sum(status.values()) - status["planned"] < 8 + 4
        ended = sum(trial.status in ("finished", "collapsed", "pruned", "stopped") for trial in stage.trials)
        assert sum(status.values()) - status["planned"] >= min(8, ended)


def test_a_bounded_memory_keeps_the_best_and_a_sample_of_the_rest(virtual: SimpleNamespace) -> None:
    memory = BoundedMemory(USUAL, 20, 3, 20)
    stage = Stage(virtual, memory)
    for _ in range(40):
        stage.tell("open", 0)
        stage.tell("finished", 0)
    kept = [trial.number for trial in memory.shown.values()]
    top = {trial.number for trial in best_trials(stage.trials, USUAL, 5)}
    others = [number for number in kept if number not in top]
    assert len(kept) == 20
    assert top <= set(kept)
    assert min(others) < 8
    assert max(others) >= 32
    assert kept == sorted(kept)


def test_a_reopened_trial_is_unfinished_and_then_counts(virtual: SimpleNamespace) -> None:
    memory = BoundedMemory(USUAL, 8, 3, 4)
    stage, study = Stage(virtual, memory), SamplerStudy(virtual.SPACE, USUAL)
    states = []
    for change in ("open", "failed", "reopen", "finished"):
        stage.tell(change, 0)
        study.show(memory.shown)
        states.append([state for state, *_ in visible_trials(study)])
    assert states == [["RUNNING"], [], ["RUNNING"], ["COMPLETE"]]


def test_each_status_has_its_state_in_the_study(virtual: SimpleNamespace) -> None:
    memory = BoundedMemory(USUAL)
    stage, study = Stage(virtual, memory), SamplerStudy(virtual.SPACE, USUAL)
    for status in ("finished", "collapsed", "pruned", "stopped", "failed", "finished", "collapsed"):
        stage.tell("open", 0)
        study.show(memory.shown)
        stage.tell(status, 0)
    stage.tell("open", 0)
    study.show(memory.shown)
    visible = visible_trials(study)
    assert [state for state, *_ in visible] == [
        "COMPLETE",
        "COMPLETE",
        "PRUNED",
        "PRUNED",
        "COMPLETE",
        "COMPLETE",
        "RUNNING",
    ]
    assert [constraints for *_, constraints in visible if constraints] == [{"collapsed": 1.0}] * 2
    assert [to_optuna(virtual.SPACE, trial.params.values)[0] for trial in memory.shown.values()] == [
        params for _, params, *_ in visible
    ]
    best_values = {tuple(trial.values) for trial in study.study.best_trials}
    assert best_values <= {tuple(values) for _, _, values, wrong in visible if values and not wrong}


def test_a_study_with_too_many_discarded_trials_is_rebuilt(
    virtual: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratefront.engine.search.sampler_study.MAX_DISCARDED", 10)
    memory = BoundedMemory(USUAL)
    stage, study = Stage(virtual, memory), SamplerStudy(virtual.SPACE, USUAL)
    stage.tell("open", 0)
    for seed in range(50):
        study.show(memory.shown)
        study.ask(optuna.samplers.RandomSampler(seed=seed))
        assert len(study.study.get_trials(deepcopy=False)) <= 12
    assert len(visible_trials(study)) == 1


def test_a_generation_that_is_full_gives_its_best_as_parents(virtual: SimpleNamespace) -> None:
    memory = GenerationMemory(USUAL, 6)
    stage = Stage(virtual, memory)
    for _ in range(8):
        stage.tell("open", 0)
    for status in ("finished", "collapsed", "failed", "finished", "finished", "finished", "finished"):
        assert memory.current == 0
        stage.tell(status, 0)
    assert (memory.current, len(memory.parents)) == (1, 6)
    assert memory.parents == list(memory.shown)
    stage.tell("finished", 0)  # it was opened in the generation before
    assert len(memory.shown) == 6
    pool = list(memory.shown.values())
    for _ in range(6):
        stage.tell("open", 0)
        stage.tell("finished", 0)
    assert (memory.current, len(memory.parents)) == (2, 6)
    elite = best_trials([*pool, *stage.trials[-6:]], USUAL, 6)
    assert {trial.params.trial_id for trial in elite} == set(memory.parents)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 40), count=st.integers(0, 40))
def test_the_best_are_on_the_front_first_and_collapsed_ones_last(
    virtual: SimpleNamespace, seed: int, size: int, count: int
) -> None:
    random, memory = Random(seed), BoundedMemory(USUAL)
    stage = Stage(virtual, memory)
    for _ in range(size):
        stage.tell("open", 0)
        stage.tell(random.choice(("finished", "finished", "collapsed", "pruned", "stopped")), 0)
    chosen = best_trials(stage.trials, USUAL, count)
    assert len(chosen) == min(size, count)
    assert len({trial.number for trial in chosen}) == len(chosen)
    order = [("finished", "collapsed").index(trial.status) if trial.result else 2 for trial in chosen]
    assert order == sorted(order)
    points = {
        trial.params.trial_id: [trial.result.objective(name) for name in USUAL]
        for trial in stage.trials
        if trial.status == "finished" and trial.result
    }
    front = set(non_dominated(points, USUAL)) if points else set()
    values = {tuple(points[name]) for name in front}
    picked = {tuple(points[trial.params.trial_id]) for trial in chosen if trial.status == "finished"}
    assert picked <= values or values <= picked


def test_the_extremes_of_a_front_are_taken_first(virtual: SimpleNamespace) -> None:
    trials, objectives = [], objectives_of({"objectives": ["rate_bits", "accuracy"]})
    for place in range(9):
        trial = TrialHistory(place, TrialParams(f"t{place}", 0, {"family": "label"}), 0.0, "finished")
        measured = {"rate_bits": float(place), "accuracy": place / 10}
        result = virtual.result(trial.params.trial_id, {})
        result["validation"] |= measured
        trial.result = TrialResult.from_json(result)
        trials.append(trial)
    assert {trial.number for trial in best_trials(trials, objectives, 2)} == {0, 8}


def test_the_branches_hold_what_every_trial_asks_for(virtual: SimpleNamespace) -> None:
    branches = branches_of(virtual.SPACE)
    assert branches.keys() == {"", "label", "split", "split/refine/none", "split/refine/sga"}
    distributions: dict[str, Any] = {}
    for number in range(40):
        distributions |= to_optuna(virtual.SPACE, spread_trial(virtual.SPACE, 0, number))[1]
    assert {
        path: distribution for own in branches.values() for path, distribution in own.items()
    } == distributions
    assert all(path.rpartition("/")[0] == branch for branch, own in branches.items() for path in own)


def test_a_parameter_with_one_value_is_not_drawn() -> None:
    space = {"family": Branch({"one": {"x": Float(1.0, 1.0), "y": Int(1, 2), "z": Constant(4)}})}
    assert {branch: set(own) for branch, own in branches_of(space).items()} == {"": set(), "one": {"one/y"}}
