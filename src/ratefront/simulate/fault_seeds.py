"""The sweeps that faults are tried on: each drawn from its seed, small, and different from the others."""

from __future__ import annotations

from random import Random

from ratefront.simulate.built_in_sweep import built_in
from ratefront.simulate.fault_plan import FaultPlan
from ratefront.simulate.invariants import check, check_harmless
from ratefront.simulate.run_simulation import Run, run
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.simulated_problem import Synthetic

#: Every so manieth seed: one slot and nothing but harmless faults, to be compared with the undisturbed sweep; and a
#: sampler that learns (TPE and NSGA-II in turn), which takes longer than all else. And a space that may hold fewer
#: configurations than there are trials.
HARMLESS_EVERY, LEARNING_EVERY, FEW_EVERY = 5, 20, 9
TRIAL_S = 100.0


def is_harmless(seed: int) -> bool:
    return seed % HARMLESS_EVERY == 0


def drawn(seed: int) -> Scenario:
    """The scenario of a seed, whole: sweep, cluster and faults."""
    random, loaded = Random(f"scenario {seed}"), built_in(few=seed % FEW_EVERY == 1)  # noqa: S311
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
    spec = type(loaded.spec).model_validate(plain)
    problem = Synthetic(loaded.space, TRIAL_S, spread=0.5, reports=random.randint(1, 4))
    nodes = (1,) if is_harmless(seed) else tuple(random.randint(1, 3) for _ in range(random.randint(1, 3)))
    horizon_s = 1.5 * TRIAL_S * spec.trials / sum(nodes)
    plan = FaultPlan.draw(seed, horizon_s, harmless=is_harmless(seed))
    return Scenario(spec, loaded.space, problem, nodes, plan=plan)


def _sampler(seed: int) -> str:
    cycle, place = divmod(seed, LEARNING_EVERY)
    return ("tpe", "nsga2")[cycle % 2] if place == LEARNING_EVERY // 2 else "random"


def try_seed(seed: int, parts: Parts | None = None) -> Run:
    """Simulate a seed's scenario and check it.

    Raises:
        InvariantBrokenError: Something does not hold; the same seed shows it again.
    """
    done = run(drawn(seed), parts)
    check(done, parts)
    if is_harmless(seed):
        check_harmless(done, parts)
    return done
