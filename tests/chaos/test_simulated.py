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


def tried(first: int) -> tuple[int, dict[str, Any], str]:
    """The command's own account of the next seeds, and what it said of those that failed."""
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


def test_what_must_hold_holds_under_ten_thousand_seeds_of_faults() -> None:
    troubles: Counter[str] = Counter()
    done, failed = 0, ""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for code, account, said in pool.map(tried, range(0, SEEDS, AT_ONCE)):
            done, failed = done + account["seeds"], failed + (said if code else "")
            troubles.update(account["faults"])
            if code or done % 1000 == 0:
                print(f"{done} seeds, {troubles.total()} troubles{': ' + said if code else ''}", flush=True)
    assert not failed, failed
    assert done == SEEDS
    print(dict(troubles))
