"""How many slots one driver keeps busy: every event priced with what engine and ledger take here and now.

The ledger's fsync is in it, what Ray Tune itself takes for a result is not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ratefront.simulate.built_in_sweep import built_in
from ratefront.simulate.memory_ledger import Disk
from ratefront.simulate.run_simulation import Run, run
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.simulated_problem import Synthetic
from ratefront.spec.schema import Sampler
from ratefront.store.ledger.ledger_file import Ledger

SamplerName: TypeAlias = Literal["tpe", "nsga2", "random"]


@dataclass(frozen=True)
class Capacity:
    """Shares of slot time spent in trials: ``busy_share`` up to the last start, while there is work for every slot;
    ``busy_share_whole`` up to the end, with the slots that find no trial any more. ``driver_share`` of the time the
    driver was at work, ``driver_s`` for each trial.
    """

    busy_share: float
    busy_share_whole: float
    driver_share: float
    driver_s: float
    virtual_s: float

    @classmethod
    def of(cls, done: Run) -> Capacity:
        slots, busy = sum(done.scenario.nodes), done.occupancy
        return cls(
            busy.slot_seconds_at_last_start / (slots * busy.last_start_s) if busy.last_start_s else 1.0,
            busy.slot_seconds / (slots * done.virtual_s),
            done.driver_busy_s / done.virtual_s,
            done.driver_busy_s / len(done.engine.history.trials),
            done.virtual_s,
        )


@contextmanager
def measured() -> Iterator[Parts]:
    """Parts whose ledger is a real file, for a scenario with ``latency_s=None``."""
    with tempfile.TemporaryDirectory(prefix="ratefront-simulate-") as folder, ExitStack() as stack:

        def opened(disk: Disk, time: Callable[[], float]) -> Ledger:
            return stack.enter_context(Ledger(Path(folder) / "ledger.jsonl", time))

        yield Parts(journal=opened)


def capacity(
    slots: int = 1000,
    trials: int = 10_000,
    trial_s: float = 600.0,
    *,
    spread: float = 0.05,
    reports: int = 20,
    sampler: SamplerName = "tpe",
) -> Capacity:
    """Simulate a sweep without faults whose driver takes the time that it takes here.

    A trial takes ``trial_s`` seconds give or take ``spread`` of it (uniform), and reports ``reports`` times.
    """
    loaded = built_in()
    changes = {"trials": trials, "sampler": Sampler(name=sampler)}
    spec = loaded.spec.model_copy(update=changes)
    problem = Synthetic(loaded.space, trial_s, spread, reports)
    scenario = Scenario(spec, loaded.space, problem, (slots,), latency_s=None, is_watched=False)
    with measured() as parts:
        return Capacity.of(run(scenario, parts))
