"""Small sweeps with faults, each drawn from its seed and different from the others."""

from __future__ import annotations

from random import Random
from typing import Any

from ratefront.simulate.built_in_sweep import BUILT_IN, built_in_sweep
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.sweep_spec import Budget, Resources, SweepSpec
from ratefront.testing.faults.fault_plan import FaultPlan
from ratefront.testing.faults.faulty_sweep import FaultySimulation, run_with_faults
from ratefront.testing.faults.invariants import check_harmless, check_invariants

#: Every fifth seed has one slot and only harmless timed faults: it is compared with the undisturbed sweep.
HARMLESS_EVERY = 5

#: Every twentieth seed has a sampler that learns (TPE and NSGA-II in turn), which takes longer than all else.
LEARNING_EVERY = 20

#: Every ninth seed has a space that may hold fewer configurations than there are trials.
SMALL_SPACE_EVERY = 9

#: From this seed on, trials may take so many hours only, except where nothing but the time may change.
LIMITED_FROM, TRIAL_HOURS = 100, 0.1

#: Every fourth seed has a budget, which is spent before all trials have ended.
BUDGET_EVERY = 4

#: Every sixth seed, from the third on, has trials that start from neighbours. Many trials differ in β alone there,
#: and the space may hold fewer configurations than there are trials: then some are tried again with another seed.
NEIGHBOURS_EVERY, NEIGHBOURS_FIRST = 6, 2

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
        "retries": 1000 if is_harmless(seed) else random.randint(0, 3),
        "resources": {"trials_per_gpu": "auto"} if random.random() < 0.1 else {},
    }
    is_limited = seed >= LIMITED_FROM and not is_harmless(seed)
    spec = type(loaded.spec).model_validate(plain | ({"trial_hours": TRIAL_HOURS} if is_limited else {}))
    problem = SyntheticProblem(loaded.space, TRIAL_S, spread=0.5, reports=random.randint(1, 4))
    nodes = (1,) if is_harmless(seed) else tuple(random.randint(1, 3) for _ in range(random.randint(1, 3)))
    horizon_s = 1.5 * TRIAL_S * spec.trials / sum(nodes)
    plan = FaultPlan.draw(seed, horizon_s, harmless=is_harmless(seed), may_hang=is_limited)
    if seed % BUDGET_EVERY == BUDGET_EVERY - 1:
        spec = _with_budget(seed, spec, sum(nodes))
        plan = plan.with_budget(60.0 * spec.budget.grace_minutes, harmless=is_harmless(seed))
    return Scenario(spec, loaded.space, problem, nodes), plan


def _loaded(seed: int) -> LoadedSpec:
    """Return the sweep file that a seed's sweep is drawn around."""
    if seed % NEIGHBOURS_EVERY == NEIGHBOURS_FIRST:
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
    return ("tpe", "nsga2")[cycle % 2] if remainder == LEARNING_EVERY // 2 else "random"


def try_seed(seed: int, parts: Parts | None = None) -> FaultySimulation:
    """Simulate a seed's sweep with its faults, and check it.

    Raises:
        InvariantBrokenError: Something does not hold; the same seed shows it again.
    """
    simulation = run_with_faults(*draw_sweep(seed), parts)
    check_invariants(simulation, parts)
    if is_harmless(seed):
        check_harmless(simulation, parts)
    return simulation
