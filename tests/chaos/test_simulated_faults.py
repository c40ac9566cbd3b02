"""Random faults from ten thousand seeds, in virtual time (``make chaos``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = pytest.mark.chaos

SEEDS, AT_ONCE = 10_000, 500


def try_seeds(first: int) -> tuple[int, dict[str, Any], str]:
    """Return exit code, JSON and errors of the command for the next seeds."""
    seeds = f"{first}:{first + AT_ONCE}"
    command = [
        sys.executable,
        "-c",
        "from ratefront.cli import main; main()",
        "simulate",
        "--seeds",
        seeds,
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def test_invariants_hold_for_ten_thousand_seeds() -> None:
    faults: Counter[str] = Counter()
    done, failed = 0, ""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for code, account, errors in pool.map(try_seeds, range(0, SEEDS, AT_ONCE)):
            done, failed = done + account["seeds"], failed + (errors if code else "")
            faults.update(account["faults"])
            if code or done % 1000 == 0:
                print(f"{done} seeds, {faults.total()} faults{': ' + errors if code else ''}", flush=True)
    assert not failed, failed
    assert done == SEEDS
    print(dict(faults))
