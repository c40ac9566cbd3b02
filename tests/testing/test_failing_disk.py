"""A driver that dies within a write leaves a ledger that can be read."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ratefront.simulate.run_simulation import run
from ratefront.simulate.simulation_input import make_scenario
from ratefront.simulate.virtual_time.in_memory_ledger import MemoryLedger
from ratefront.simulate.virtual_time.simulated_driver import DriverDied
from ratefront.testing.faults.failing_disk import FailingDisk


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_a_torn_line_is_cut_and_a_whole_one_is_kept(kept: float) -> None:
    random = SimpleNamespace(randint=lambda low, high: round(low + kept * (high - low)))
    disk = FailingDisk(random)  # type: ignore[arg-type]
    ledger = MemoryLedger(disk, lambda: 1.0)
    created, *more = run(make_scenario(None, None, trials=1, latency_s=0.0)).entries
    ledger.append(created.event)
    disk.appends_left = 0
    with pytest.raises(DriverDied):
        ledger.append(more[0].event)
    disk.appends_left = None
    entries = list(MemoryLedger(disk, lambda: 1.0).entries())
    assert len(entries) == (2 if kept == 1.0 else 1)
    assert disk.content.endswith(b"\n")
