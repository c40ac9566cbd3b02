"""``make bench``: measures every figure that has a target, one line each; exit code 1 when one falls short.

    python tests/bench/run.py [bounds] [replay] [long] [trials] [slots] [tracking] [codecs] [demo] [search] [--table]

Named groups are measured alone; --table prints a Markdown table instead of lines. Each group yields (name, value);
its target and unit stand in ``targets.toml`` under the same name. A figure that cannot be measured here has the value
None: it is skipped, and a note says what is missing. Notes on how a figure was obtained go to standard
error.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bounds_cost
import codecs_speed
import demo
import engine_cost
import ledger_replay
import long_sweep
import search
import tracking_cost
from timing import Figures

GROUPS: dict[str, Callable[[], Figures]] = {
    "bounds": bounds_cost.measure,
    "replay": ledger_replay.measure,
    "long": long_sweep.measure,
    "trials": engine_cost.measure_trials,
    "slots": engine_cost.measure_slots,
    "tracking": tracking_cost.measure,
    "codecs": codecs_speed.measure,
    "demo": demo.measure,
    "search": search.measure,
}
Target = dict[str, Any]


def main() -> int:
    wanted = _arguments()
    show = _row if wanted.table else _line
    targets = tomllib.loads((Path(__file__).parent / "targets.toml").read_text(encoding="utf-8"))
    if wanted.table:
        print("| figure | measured | target |\n| --- | ---: | ---: |")
    measured: set[str] = set()
    short = False
    for group in wanted.groups or GROUPS:
        for name, value in GROUPS[group]():
            measured.add(name)
            short = short or not _good(targets[name], value)
            print(show(name, value, targets[name]), flush=True)
    unmeasured = set() if wanted.groups else targets.keys() - measured
    for name in sorted(unmeasured):
        print(f"bench {name} – {targets[name]['unit']} – short (nothing measures it)")
    return 1 if short or unmeasured else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure every figure that has a target.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--table", action="store_true", help="a Markdown table")
    wanted = parser.parse_args()
    if unknown := set(wanted.groups) - GROUPS.keys():
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return wanted


def _good(target: Target, value: float | None) -> bool:
    if value is None:
        return True
    return value <= target["at_most"] if "at_most" in target else value >= target["at_least"]


def _limit(target: Target) -> str:
    return f"≤{target['at_most']}" if "at_most" in target else f"≥{target['at_least']}"


def _line(name: str, value: float | None, target: Target) -> str:
    if value is None:
        return f"bench {name} – {target['unit']} {_limit(target)} skipped"
    verdict = "ok" if _good(target, value) else "short"
    return f"bench {name} {value:.4g} {target['unit']} {_limit(target)} {verdict}"


def _row(name: str, value: float | None, target: Target) -> str:
    if value is None:
        return f"| {target['what']} | skipped | {_limit(target)} {target['unit']} |"
    return f"| {target['what']} | {value:.3g} {target['unit']} | {_limit(target)} {target['unit']} |"


if __name__ == "__main__":
    sys.exit(main())
