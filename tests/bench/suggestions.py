"""What a suggestion costs, and whether forgetting makes it worse, as two Markdown tables:

    python tests/bench/suggestions.py [--seeds N] [--trials N]

Cost: one suggestion for the space of sweeps/digits.yaml after so many ended trials, with so many running; ours against
Optuna's own TPE (``group=True``, three objectives) that keeps the whole history. Quality: the hypervolume that eight
slots have found after so many trials of the simulator's synthetic problem on that space, ours against the same search
with nothing forgotten, and against the other samplers. Half an hour on two cores.
"""

from __future__ import annotations

import argparse
import heapq
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import get_args

from ratefront.engine.search.first_trials import spread_trial
from ratefront.engine.search.next_suggestion import Suggester
from ratefront.engine.search.sampler_memory import BoundedMemory
from ratefront.engine.search.sampler_study import SamplerStudy
from ratefront.history.sweep_history import TrialHistory
from ratefront.pareto import hypervolume
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.spec.load_spec import load_spec
from ratefront.spec.sweep_spec import SamplerName
from ratefront.trial_records import TrialParams, TrialResult

DIGITS = load_spec(Path(__file__).parents[2] / "sweeps" / "digits.yaml")
PROBLEM = SyntheticProblem(DIGITS.space)
OBJECTIVES = DIGITS.spec.directions

SLOTS, MARKS = 8, (200, 500, 1000, 2000)
SIZES = ((100, 2), (1000, 2), (10_000, 2), (1000, 1000), (10_000, 1000))
QUESTIONS = 15
Ask = Callable[[int], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=1000)
    wanted = parser.parse_args()
    print("| ended | running | Optuna, all trials | ours |\n|--:|--:|--:|--:|")
    for ended, running in SIZES:
        _row(f"{ended} | {running}", *(f"{1000 * seconds:.3g} ms" for seconds in _costs(ended, running)))
    marks = [mark for mark in MARKS if mark <= wanted.trials]
    print(f"\n| seed | search | {' | '.join(f'{mark} trials' for mark in marks)} |")
    print(f"|--:|---|{'--:|' * len(marks)}")
    for seed in range(wanted.seeds):
        for name, make in SEARCHES.items():
            _row(
                f"{seed} | {name}",
                *(f"{found:.3f}" for found in _quality(make(seed), wanted.trials, seed, marks)),
            )


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


# Cost.


def _costs(ended: int, running: int) -> Iterator[float]:
    trials = [_trial(number, spread_trial(DIGITS.space, 7, number)) for number in range(ended + running)]
    yield _median_seconds(_optuna(trials, ended), len(trials))
    yield _median_seconds(_ours(trials, ended), len(trials))


def seconds_of_a_suggestion(ended: int, running: int = 2) -> float:
    """Return what one suggestion of the default search takes after so many ended trials."""
    return _median_seconds(*_asked(ended, running))


def _asked(ended: int, running: int) -> tuple[Ask, int]:
    trials = [_trial(number, spread_trial(DIGITS.space, 7, number)) for number in range(ended + running)]
    return _ours(trials, ended), len(trials)


def _trial(number: int, values: dict[str, object]) -> TrialHistory:
    return TrialHistory(number, TrialParams(f"t{number:05d}", number, values), 0.0)  # type: ignore[arg-type]


def _end(trial: TrialHistory) -> None:
    course = PROBLEM.course(trial.params)
    assert course.result is not None
    trial.status, trial.result = "finished", TrialResult.from_json(course.result)


def _ours(trials: list[TrialHistory], ended: int) -> Ask:
    suggester = Suggester.of(DIGITS.spec, DIGITS.space)
    for number, trial in enumerate(trials):
        suggester.planned(trial)
        if number < ended:
            _end(trial)
            suggester.ended(trial)
    return suggester.suggest


def _optuna(trials: list[TrialHistory], ended: int) -> Ask:
    """The same trials in the same study, none forgotten, and the sampler that Optuna offers for such a space."""
    import optuna

    for trial in trials[:ended]:
        _end(trial)
    study = SamplerStudy(DIGITS.space, OBJECTIVES)
    study.show({trial.params.trial_id: trial for trial in trials})

    def ask(number: int) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return study.ask(optuna.samplers.TPESampler(multivariate=True, group=True, seed=number))

    return ask


def _median_seconds(ask: Ask, first: int) -> float:
    ask(first)
    times = []
    for number in range(first, first + QUESTIONS):
        began = time.perf_counter()
        ask(number)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


# Quality.


def _search(name: str, seed: int, *, forgets: bool = True) -> Suggester:
    sampler = DIGITS.spec.sampler.model_copy(update={"seed": seed, "name": name})
    suggester = Suggester(sampler, DIGITS.space, OBJECTIVES)
    if not forgets:
        suggester._memory = BoundedMemory(OBJECTIVES, sys.maxsize, sys.maxsize)
    return suggester


SEARCHES: dict[str, Callable[[int], Suggester]] = {
    "ours": lambda seed: _search(DIGITS.spec.sampler.name, seed),
    "nothing forgotten": lambda seed: _search("tpe", seed, forgets=False),
    **{
        name: lambda seed, name=name: _search(name, seed)  # type: ignore[misc]
        for name in get_args(SamplerName)
        if name != DIGITS.spec.sampler.name
    },
}


def _quality(search: Suggester, trials: int, seed: int, marks: list[int]) -> Iterator[float]:
    """The hypervolume after so many trials have ended, in ``SLOTS`` slots whose trials take differently long."""
    random, running, points = Random(seed), list[tuple[float, int]](), list[list[float]]()
    known: list[TrialHistory] = []
    now = 0.0
    while len(points) < trials:
        while len(running) < SLOTS:
            known.append(_trial(len(known), search.suggest(len(known))))  # type: ignore[arg-type]
            search.planned(known[-1])
            heapq.heappush(running, (now + random.uniform(0.5, 1.5), known[-1].number))
        now, number = heapq.heappop(running)
        _end(known[number])
        search.ended(known[number])
        result = known[number].result
        assert result is not None
        points.append([result.objective(name) for name in OBJECTIVES])
        if len(points) in marks:
            yield hypervolume(points, OBJECTIVES, PROBLEM.reference)


if __name__ == "__main__":
    main()
