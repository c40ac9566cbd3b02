"""How many slots one driver keeps busy, if each event costs what engine and ledger take here and now.

The ledger's fsync is included; what Ray Tune itself takes for a result is not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.virtual_time.in_memory_ledger import MemoryDisk
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.sweep_spec import Sampler, SamplerName
from ratefront.store.ledger.ledger_file import Ledger


@dataclass(frozen=True)
class DriverCapacity:
    """How busy the slots and the driver of a simulated sweep were.

    Attributes:
        busy_share: Share of the slots' time spent in trials up to the last start, while there is work for every slot.
        busy_share_whole: The same up to the end, with the slots that find no trial any more.
        driver_share: Share of the time that the driver was at work.
        driver_s: Seconds of the driver's work for each trial.
        virtual_s: Virtual seconds that the sweep took.
    """

    busy_share: float
    busy_share_whole: float
    driver_share: float
    driver_s: float
    virtual_s: float

    @classmethod
    def of(cls, simulation: FinishedSimulation) -> DriverCapacity:
        """Measure a finished simulation."""
        slots, busy = sum(simulation.scenario.nodes), simulation.occupancy
        return cls(
            busy.slot_seconds_at_last_start / (slots * busy.last_start_s) if busy.last_start_s else 1.0,
            busy.slot_seconds / (slots * simulation.virtual_s),
            simulation.driver_busy_s / simulation.virtual_s,
            simulation.driver_busy_s / len(simulation.engine.history.trials),
            simulation.virtual_s,
        )


@contextmanager
def parts_with_real_ledger() -> Iterator[Parts]:
    """Give parts whose ledger is a real file, for a scenario with ``latency_s=None``."""
    with tempfile.TemporaryDirectory(prefix="ratefront-simulate-") as folder, ExitStack() as stack:

        def open_ledger(disk: MemoryDisk, time: Callable[[], float]) -> Ledger:
            return stack.enter_context(Ledger(Path(folder) / "ledger.jsonl", time))

        yield Parts(ledger=open_ledger)


def measure_capacity(
    slots: int = 1000,
    trials: int = 10_000,
    trial_s: float = 600.0,
    *,
    spread: float = 0.05,
    reports: int = 20,
    sampler: SamplerName = "tpe",
) -> DriverCapacity:
    """Simulate a sweep without faults whose driver takes the time that it takes here.

    Args:
        slots: Trials that run at the same time.
        trials: How many trials the sweep has.
        trial_s: The mean duration of a trial, in seconds.
        spread: The duration is uniform within this fraction of ``trial_s`` to both sides.
        reports: How often a trial reports.
        sampler: The sweep's sampler.
    """
    loaded = built_in_sweep()
    # A trial that is stopped would leave the driver a trial of another length.
    changes = {"trials": trials, "sampler": Sampler(name=sampler), "stopping": Stopping(rule="none")}
    spec = loaded.spec.model_copy(update=changes)
    problem = SyntheticProblem(loaded.space, trial_s, spread, reports)
    scenario = Scenario(spec, loaded.space, problem, (slots,), latency_s=None, is_tracked=False)
    with parts_with_real_ledger() as parts:
        return DriverCapacity.of(run(scenario, parts))
