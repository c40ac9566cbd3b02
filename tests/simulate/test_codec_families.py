"""The problem of codec families: repeatable, its front known, its trials like those of this field."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from statistics import fmean

import pytest

from ratefront.engine.search.first_trials import random_choice
from ratefront.errors import InputError
from ratefront.simulate.built_in_sweep import built_in_sweep, codec_families_sweep
from ratefront.simulate.front_gap import gap_of, volume_over
from ratefront.simulate.problems.codec_families import CodecFamilies
from ratefront.simulate.problems.simulated_problem import KnownResults, SimulatedProblem, TrialCourse
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.space.dimensions import assign
from ratefront.trial_records import TrialParams, TrialResult

SWEEP = codec_families_sweep()
PROBLEM = CodecFamilies()
SPLIT = {
    "family": "split",
    "split": "fc1",
    "entropy_model": "factorized",
    "width": 8,
    "beta": 40.0,
    "objective": "cross_entropy",
}


def course(problem: CodecFamilies = PROBLEM, seed: int = 1, **changes: object) -> TrialCourse:
    return problem.course(TrialParams("t0", seed, {**SPLIT, **changes}))  # type: ignore[dict-item]


def measured(**changes: object) -> TrialResult:
    return TrialResult.from_json(course(**changes).result or {})


def random_params(count: int) -> list[TrialParams]:
    random = Random(5)
    return [TrialParams(f"t{n}", n, assign(SWEEP.space, random_choice(random))) for n in range(count)]


def test_a_trial_is_a_function_of_problem_values_and_seed() -> None:
    assert course() == CodecFamilies().course(TrialParams("t0", 1, dict(reversed(SPLIT.items()))))  # type: ignore[arg-type]
    assert course() != course(seed=2)
    assert course() != course(CodecFamilies(seed=1))
    assert course() != course(beta=41.0)


def test_rate_and_accuracy_rise_with_beta_and_saturate() -> None:
    found = [measured(beta=5.0 * 2**step) for step in range(7)]
    rates = [one.validation.rate_bits for one in found]
    accuracies = [one.validation.accuracy for one in found]
    assert rates == sorted(rates)
    assert accuracies[3] - accuracies[0] > 10 * abs(accuracies[6] - accuracies[3])


def test_families_differ_in_cost_size_and_reports() -> None:
    by_family: dict[str, list[TrialCourse]] = defaultdict(list)
    for params in random_params(400):
        by_family[params.family].append(PROBLEM.course(params))
    seconds = {
        family: fmean(sum(step.seconds for step in one.steps) + one.closing_s for one in courses)
        for family, courses in by_family.items()
    }
    assert seconds["split"] > 2 * seconds["student"] > 2 * seconds["label"]
    assert fmean(seconds.values()) == pytest.approx(PROBLEM.trial_s, rel=0.3)
    reports = {family: {len(one.steps) for one in courses} for family, courses in by_family.items()}
    assert reports == {"label": {0}, "image": {0}, "split": {12}, "student": {12}}
    assert measured(split="conv1").transmitter_bytes < measured(split="fc1").transmitter_bytes / 4
    starved = {"split": "conv1", "entropy_model": "categorical", "width": 1, "alphabet": 8, "beta": 5.0}
    assert (measured().status, measured(**starved).status) == ("finished", "collapsed")


def test_reports_are_noisy_and_come_close_to_the_result() -> None:
    steps, result = course().steps, measured()
    accuracies = [step.metrics["accuracy"] for step in steps]
    assert accuracies != sorted(accuracies)
    assert accuracies[-1] == pytest.approx(result.validation.accuracy, abs=0.02)
    assert steps[-1].metrics["rate_bits_estimated"] == pytest.approx(result.validation.rate_bits, rel=0.05)
    assert accuracies[0] < accuracies[-1] - 0.1


@pytest.mark.parametrize("changes", [{"family": "neural"}, {"split": "conv9"}, {"width": None}])
def test_an_unknown_configuration_is_an_input_error(changes: dict[str, object]) -> None:
    values = {name: value for name, value in {**SPLIT, **changes}.items() if value is not None}
    with pytest.raises(InputError, match="codec_families knows the families label, image, split and student"):
        PROBLEM.course(TrialParams("t0", 1, values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("problem", "sweep"),
    [
        (PROBLEM, SWEEP),
        (SyntheticProblem(built_in_sweep().space), built_in_sweep()),
    ],
    ids=["codec_families", "dtlz2"],
)
def test_the_known_front_is_what_a_long_search_comes_close_to(
    problem: SimulatedProblem, sweep: LoadedSpec
) -> None:
    """3000 random trials stay below the known front, but for the luck of trials; 300 of them well below."""
    volume = volume_over(sweep.spec.directions, problem.reference)
    gap = gap_of(problem.known_results(sweep.space), volume)
    random = Random(9)
    results = [
        TrialResult.from_json(
            problem.course(TrialParams(f"t{n}", n, assign(sweep.space, random_choice(random)))).result or {}
        )
        for n in range(3000)
    ]
    early, late = (gap.closed(volume(results[:count])) or 0.0 for count in (300, 3000))
    assert 0.5 < early < 0.97
    assert early < late < 1.02


def test_known_results_are_drawn_from_the_sweeps_space() -> None:
    space = {"family": SWEEP.space["family"]}
    known = PROBLEM.known_results(space)
    assert isinstance(known, KnownResults)
    assert known == PROBLEM.known_results(space)
    assert len(known.best) > 2000
