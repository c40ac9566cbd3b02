"""MLflow is imported once, whoever needs it first."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.medium

SIX_AT_ONCE = """
from threading import Barrier, Thread
from ratefront.tracking.mlflow.mlflow_logging import import_quiet_mlflow

def use(module):
    barrier.wait()
    import_quiet_mlflow()
    __import__(module)
    print("done ", end="")

barrier = Barrier(6)
modules = ["mlflow.client", "mlflow.entities", "mlflow.tracking"] * 2
threads = [Thread(target=use, args=[module]) for module in modules]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_may_need_it_at_the_same_time() -> None:
    """Left to themselves, they break it for the whole process."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SIX_AT_ONCE], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout.split(), done.stderr) == (["done"] * 6, "")
