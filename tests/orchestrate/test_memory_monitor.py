"""Ray's memory monitor ends a worker: the trial is tried again with smaller batches, and the sweep lives on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from tests.orchestrate.conftest import cluster_of

from ratefront.history.events import Failed
from ratefront.store.ledger.ledger_file import read_entries

pytestmark = pytest.mark.slow

FREE_BYTES = 2 * 2**30


@pytest.fixture
def small_memory() -> Iterator[None]:
    """A cluster on whose node little more memory may be used than is used now."""
    memory = psutil.virtual_memory()
    most = (memory.total - memory.available + FREE_BYTES) / memory.total
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_memory_usage_threshold", f"{most:.4f}")
        patch.setenv("RAY_memory_monitor_refresh_ms", "100")
        with cluster_of(num_cpus=2):
            yield


@pytest.mark.usefixtures("small_memory", "follower")
def test_a_worker_that_takes_too_much_memory_is_retried(fake: SimpleNamespace, tmp_path: Path) -> None:
    history = fake.run(fake.loaded(4, (16, 8, 9, 7), concurrent=1), tmp_path / "sweep")
    assert {trial.status for trial in history.trials.values()} == {"finished"}
    (greedy,) = [trial for trial in history.trials.values() if trial.params.values["merged"] == 16]
    assert (greedy.attempts, greedy.result.extra["batch_divisor"]) == (2, 2)
    events = [entry.event for entry in read_entries(tmp_path / "sweep" / "ledger.jsonl")]
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert (failed.error, failed.final) == ("OutOfMemoryError", False)
    assert "running low on memory" in failed.reason
