"""Small sweeps with faults, each drawn from its seed and different from the others."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from ratefront.engine.search.first_trials import random_choice
from ratefront.history.events import Known
from ratefront.history.known_trials import KnownTrial
from ratefront.simulate.built_in_sweep import BUILT_IN, built_in_sweep
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.settings.end_settings import EndWhen, WithinBound
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.space.dimensions import Space, assign
from ratefront.spec.sweep_spec import Budget, Resources, SweepSpec
from ratefront.testing.faults.fault_plan import FaultPlan
from ratefront.testing.faults.faulty_sweep import FaultySimulation, run_with_faults
from ratefront.testing.faults.invariants import check_harmless, check_invariants
from ratefront.trial_records import DEFAULT_OBJECTIVES, TrialParams, TrialResult

#: Every fifth seed has one slot and only harmless timed faults: it is compared with the undisturbed sweep.
HARMLESS_EVERY = 5

#: Every twentieth seed has a sampler that learns (TPE and NSGA-II in turn), which takes longer than all else. The seed
#: after it has ``auto``, which sees how long trials take: there, lost time is not harmless.
LEARNING_EVERY = 20

#: Every seventh seed has points to try first and trials of an earlier sweep to learn from; some of these seeds learn.
KNOWN_EVERY, KNOWN_REMAINDER = 7, 3

#: Every ninth seed has a space that may hold fewer configurations than there are trials.
SMALL_SPACE_EVERY = 9

#: In every third seed the search stops trials; it takes more trials until it does.
STOPPING_EVERY, MORE_TRIALS = 3, 12

#: From this seed on, trials may take so many hours only, except where nothing but the time may change.
LIMITED_FROM, TRIAL_HOURS = 100, 0.1

#: Every fourth seed has a budget, which is spent before all trials have ended.
BUDGET_EVERY = 4

#: Of every six seeds, three repeat the front as by default, one with so few trials that not all fit, one gives every
#: configuration three seeds, and one repeats nothing.
REPEATS = ({"front": 3}, {"front": 3}, {"front": 1}, {"front": 2, "most_trials": 3}, 3, 1)

#: How far the seed moves a rate, to both sides.
LUCK = 0.1

#: Two of seven seeds may end before their last trial.
END_RULE_EVERY, END_RULE_REMAINDERS = 7, (1, 4)

#: Two of nine seeds have trials that start from neighbours. Many trials differ in β alone there, and the space may hold
#: fewer configurations than there are trials: then some are tried again with another seed.
NEIGHBOURS_EVERY, NEIGHBOURS_REMAINDERS = 9, (4, 6)

NEIGHBOURS_SPACE: dict[str, Any] = {
    "family": {
        "label": {"method": {"lossless": {}, "merged": {"merged_classes": [2, 4]}}},
        "split": {
            "split": "conv1",
            "entropy_model": "factorized",
            "width": [4, 8],
            "beta": [8, 16, 64],
        },
    }
}

TRIAL_S = 100.0


def is_harmless(seed: int) -> bool:
    """Return whether a seed's timed faults must change nothing but the time."""
    return seed % HARMLESS_EVERY == 0


def draw_sweep(seed: int) -> tuple[Scenario, FaultPlan]:
    """Draw all that a seed determines: sweep, cluster and faults."""
    random, loaded = Random(f"scenario {seed}"), _loaded(seed)  # noqa: S311
    plain = loaded.spec.model_dump() | {
        "trials": random.randint(6, 16),
        "sampler": {
            "name": _sampler(seed),
            "seed": random.randrange(1000),
            "startup_trials": random.randint(2, 6),
        },
        "stopping": "none",
        "repeats": REPEATS[seed % len(REPEATS)],
        "retries": 1000 if is_harmless(seed) else random.randint(0, 3),
        "resources": {"trials_per_gpu": "auto"} if random.random() < 0.1 else {},
    }
    is_limited = seed >= LIMITED_FROM and not is_harmless(seed)
    spec = type(loaded.spec).model_validate(plain | ({"trial_hours": TRIAL_HOURS} if is_limited else {}))
    problem = SyntheticProblem(loaded.space, TRIAL_S, spread=0.5, reports=random.randint(1, 4), luck=LUCK)
    nodes = (1,) if is_harmless(seed) else tuple(random.randint(1, 3) for _ in range(random.randint(1, 3)))
    horizon_s = 1.5 * TRIAL_S * spec.trials / sum(nodes)
    plan = FaultPlan.draw(seed, horizon_s, harmless=is_harmless(seed), may_hang=is_limited)
    if seed % STOPPING_EVERY == 0:
        spec, problem = _with_stopping(seed, spec, problem)
        plan = plan.losing_no_report() if is_harmless(seed) else plan
    if seed % BUDGET_EVERY == BUDGET_EVERY - 1:
        spec = _with_budget(seed, spec, sum(nodes))
        plan = plan.with_budget(60.0 * spec.budget.grace_minutes, harmless=is_harmless(seed))
    if seed % END_RULE_EVERY in END_RULE_REMAINDERS:
        random = Random(f"rule of the end {seed}")  # noqa: S311
        spec = spec.model_copy(update={"end_when": _end_rule(random)})
        plan = replace(plan, drops_rule=random.random() < 0.5)
    known = _known(seed, loaded.space, problem) if seed % KNOWN_EVERY == KNOWN_REMAINDER else None
    return Scenario(spec, loaded.space, problem, nodes, known=known), plan


def _known(seed: int, space: Space, problem: SyntheticProblem) -> Known:
    """Draw what is known before the first trial: points to try first, and what an earlier sweep measured."""
    random = Random(f"known {seed}")  # noqa: S311
    first = {
        frozenset(values.items()): values
        for values in (assign(space, random_choice(random)) for _ in range(random.randint(0, 4)))
    }
    trials = []
    for number in range(random.randint(0 if first else 1, 8)):
        params = TrialParams(f"t{number:04d}", number, assign(space, random_choice(random)))
        if (plain := problem.course(params).result) is not None:
            result = TrialResult.from_json(plain)
            trials.append(KnownTrial.of("earlier", result, params.values, DEFAULT_OBJECTIVES).to_json())
    return Known(list(first.values()), trials)


def _with_stopping(
    seed: int, spec: SweepSpec, problem: SyntheticProblem
) -> tuple[SweepSpec, SyntheticProblem]:
    """Return the sweep with stopping that strikes early and often, and with trials that report often enough."""
    random = Random(f"stopping {seed}")  # noqa: S311
    stopping = Stopping(
        first_epoch=random.randint(1, 2),
        factor=random.choice((1.5, 2.0, 4.0)),
        like_trials=random.randint(1, 2),
        never_stopped=random.choice((0.0, 0.2, 0.4)),
        least_gain=random.choice((0.01, 0.1, 0.5)),
        margin=0.0,
    )
    epochs = random.randint(3, 8)
    training = spec.training.model_copy(update={"epochs": epochs})
    changes = {"stopping": stopping, "training": training, "trials": spec.trials + MORE_TRIALS}
    return spec.model_copy(update=changes), replace(problem, reports=epochs)


def _end_rule(random: Random) -> EndWhen:
    """Return a rule that holds after a few trials in many sweeps."""
    percent = random.choice((0.0, 20.0, 20.0, 200.0))
    within = WithinBound(bound="task_model", percent=percent) if random.random() < 0.5 else None
    counts = (
        (1, 2, 3) if within is None else (None, None, None, 2)
    )  # a front is close to the bound in few sweeps
    return EndWhen(
        no_gain_for=random.choice(counts), least_gain=random.choice((0.0, 0.05, 0.5)), within=within
    )


def _loaded(seed: int) -> LoadedSpec:
    """Return the sweep file that a seed's sweep is drawn around."""
    if seed % NEIGHBOURS_EVERY in NEIGHBOURS_REMAINDERS:
        warm = {"space": NEIGHBOURS_SPACE, "training": {"start_from_neighbour": True}}
        return spec_from_plain({**BUILT_IN, **warm}, source="the sweep with neighbours")
    return built_in_sweep(seed % SMALL_SPACE_EVERY == 1)


def _with_budget(seed: int, spec: SweepSpec, slots: int) -> SweepSpec:
    """Return the sweep file with a budget for a part of its trials: of time, of GPU time, or of both."""
    random = Random(f"budget {seed}")  # noqa: S311
    gpus = random.choice((0.25, 1.0))
    resources = spec.resources if spec.resources.trials_per_gpu else Resources(gpus=gpus)
    hours = TRIAL_S * spec.trials / 3600
    limits = {
        "hours": random.uniform(0.1, 0.9) * hours / slots,
        "gpu_hours": random.uniform(0.1, 0.9) * hours * gpus,
    }
    kinds = random.choice((("hours",), ("gpu_hours",), ("hours", "gpu_hours")))
    budget = Budget(grace_minutes=random.choice((0.0, 0.5, 1.5)), **{kind: limits[kind] for kind in kinds})
    return spec.model_copy(update={"budget": budget, "resources": resources})


def _sampler(seed: int) -> str:
    cycle, remainder = divmod(seed, LEARNING_EVERY)
    if remainder == LEARNING_EVERY // 2:
        return ("tpe", "nsga2")[cycle % 2]
    return "auto" if remainder == LEARNING_EVERY // 2 + 1 else "random"


def try_seed(seed: int, parts: Parts | None = None) -> FaultySimulation:
    """Simulate a seed's sweep with its faults, and check it.

    Raises:
        InvariantBrokenError: Something does not hold; the same seed shows it again.
    """
    simulation = run_with_faults(*draw_sweep(seed), parts)
    if is_harmless(seed):
        check_harmless(simulation, parts)
    check_invariants(simulation, parts)  # last: it lets the engine go on
    return simulation
