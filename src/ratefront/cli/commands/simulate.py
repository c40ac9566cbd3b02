"""``ratefront simulate``: a sweep in virtual time, before the real one is paid for, and faults from seeds."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ratefront.cli.isolation import prints_aside
from ratefront.cli.next_command import ratefront
from ratefront.cli.shared_arguments import Overrides, overrides_of
from ratefront.errors import EngineError, InputError, RatefrontError

if TYPE_CHECKING:
    from ratefront.history.sweep_history import SweepHistory
    from ratefront.simulate.outcome import Outcome


class SamplerChoice(StrEnum):
    """As ``sampler.name`` of a sweep file."""

    TPE = "tpe"
    NSGA2 = "nsga2"
    RANDOM = "random"


def simulate(
    spec: Annotated[
        Path | None,
        typer.Argument(
            metavar="SPEC", help="The sweep file (YAML).  [default: a built-in one]", show_default=False
        ),
    ] = None,
    set_: Overrides = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="Trials answer as those of a recorded sweep did: a name of the package's, a file, or a sweep's "
            "folder.  [default: synthetic trials]",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Instead of the sweep's own number.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Trials that run at the same time.")] = None,
    sampler: Annotated[SamplerChoice | None, typer.Option(help="Instead of the sweep's own.")] = None,
    trial_s: Annotated[
        float | None,
        typer.Option(
            min=0.001, metavar="SECONDS", help="How long a synthetic trial takes.  [default: ten minutes]"
        ),
    ] = None,
    latency_ms: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="MS",
            help="What each thing takes that the driver does.  [default: as it takes here]",
        ),
    ] = None,
    faults: Annotated[
        int | None, typer.Option(min=0, metavar="SEED", help="Draw what goes wrong from this seed; check.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help="Each seed from A up to B, of faults or, without SPEC and --table, of whole sweeps.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Only record the sweep in DIR as a table.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The table to write (.json.gz).")] = None,
) -> None:
    """Run a sweep in virtual time: compare slots and samplers before paying for them, and try faults."""
    from ratefront.api.simulate_sweep import simulate_seed, simulate_sweep
    from ratefront.api.sweeps import open as open_sweep
    from ratefront.spec.load_spec import load_spec

    if (record is None) != (out is None):
        raise InputError("--record DIR and --out FILE.json.gz belong together")
    if record is not None and out is not None:
        print(f"{open_sweep(record).record_table(out)} trials recorded", file=sys.stderr)
        print(out)
        return
    if seeds is not None and faults is not None:
        raise InputError("give either --faults SEED or --seeds A:B")
    if not math.isfinite(trial_s or 0.0) or not math.isfinite(latency_ms or 0.0):
        raise InputError("--trial-s and --latency-ms: a number of seconds, of milliseconds")
    if set_ and spec is None:
        raise InputError("--set changes a sweep file: give SPEC")
    with prints_aside():
        loaded = None if spec is None else load_spec(spec, overrides_of(set_))
    simulated = partial(
        simulate_sweep,
        loaded,
        table=table,
        trials=trials,
        slots=slots,
        sampler=None if sampler is None else sampler.value,
        latency_s=None if latency_ms is None else latency_ms / 1000,
    )
    if trial_s is not None:
        simulated = partial(simulated, trial_s=trial_s)
    if seeds is None:
        with _counting() as on_update:
            outcome = simulated(faults=faults, on_update=on_update)
        _print(outcome, as_json)
    elif spec is None and table is None:
        if any(option is not None for option in (trials, slots, sampler, trial_s, latency_ms)):
            raise InputError("without SPEC and --table each seed draws its own sweep: give --seeds alone")
        _try(
            seeds,
            simulate_seed,
            as_json,
            lambda seed: ["--seeds", f"{seed}:{seed + 1}"],
        )
    else:
        given = _without_seeds(sys.argv[1:])
        _try(
            seeds, lambda seed: simulated(faults=seed), as_json, lambda seed: [*given, "--faults", str(seed)]
        )


@contextmanager
def _counting() -> Iterator[Callable[[SweepHistory], None] | None]:
    """How many trials have ended, on a terminal; large sweeps take minutes, virtual time or not."""
    from time import monotonic

    next_s = 0.0

    def show(history: SweepHistory) -> None:
        nonlocal next_s
        if monotonic() >= next_s:
            next_s = monotonic() + 0.5
            print(f"\r{history.trials_ended} of {history.trials_requested} trials ", end="", file=sys.stderr)

    if not sys.stderr.isatty():
        yield None
        return
    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr)


def _without_seeds(words: list[str]) -> list[str]:
    """The command line as it was given, less ``simulate`` and ``--seeds A:B``."""
    kept = [word for word in words if word != "simulate" and not word.startswith("--seeds=")]
    if "--seeds" in kept:
        place = kept.index("--seeds")
        del kept[place : place + 2]
    return kept


def _range(seeds: str) -> range:
    first, colon, last = seeds.partition(":")
    if not colon or not (first.isdecimal() and last.isdecimal()) or int(first) >= int(last):
        raise InputError(f"--seeds A:B takes two numbers, 0 ≤ A < B, got {seeds!r}")
    return range(int(first), int(last))


def _try(
    seeds: str,
    simulated: Callable[[int], Outcome],
    as_json: bool,
    replaying: Callable[[int], list[str]],
) -> None:
    """Simulate every seed; say which failed, and how to see it again."""
    import json

    tried, failed, fault_counts = _range(seeds), {}, Counter[str]()
    for seed in tried:
        try:
            fault_counts.update(simulated(seed).faults)
        except InputError:
            raise
        except RatefrontError as error:
            failed[seed] = str(error)
            print(f"{error}\n  again: {ratefront('simulate', *replaying(seed))}", file=sys.stderr)
    if as_json:
        print(json.dumps({"seeds": len(tried), "failed": failed, "faults": dict(fault_counts)}, indent=2))
    else:
        print(f"{len(tried)} seeds, {len(failed)} failed; {_numbers(fault_counts)}")
    if failed:
        raise EngineError(f"{len(failed)} of {len(tried)} seeds failed: {', '.join(map(str, failed))}")


def _numbers(fault_counts: Mapping[str, int]) -> str:
    from ratefront.terminal.phrases import numbers

    return numbers((count, name.replace("_", " ")) for name, count in sorted(fault_counts.items()))


def _print(outcome: Outcome, as_json: bool) -> None:
    import json

    from ratefront.records import ENDED
    from ratefront.terminal.phrases import duration, numbers

    if as_json:
        print(json.dumps(outcome.to_json(), indent=2))
        return
    counts = numbers((getattr(outcome, f"trials_{status}"), status) for status in ENDED)
    volumes = " · ".join(f"{part} %: {value:.4g}" for part, value in outcome.hypervolume.items())
    lines = {
        "sweep": f"{outcome.sweep}, {outcome.sampler}, {outcome.slots} slots",
        "virtual time": duration(outcome.virtual_seconds),
        "slots busy": f"{_percent(outcome.slots_busy)} "
        f"({_percent(outcome.slots_busy_until_last_start)} until the last trial started)",
        "driver busy": f"{_percent(outcome.driver_busy)} "
        f"({1000 * outcome.driver_seconds_per_trial:.3g} ms a trial)",
        "trials": counts,
        "hypervolume": f"{volumes} of the trials, over {', '.join(outcome.objectives)}",
    }
    if outcome.faults_seed is not None:
        lines["faults"] = f"{_numbers(outcome.faults)}; all that must hold held"
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:{width}}  {value}")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
