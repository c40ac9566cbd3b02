"""What must hold after every simulated sweep, whatever went wrong in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

from ratefront.engine.messages import Done, Record
from ratefront.history.events import Entry, Extended
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.invariant_rules import RULES, endings, front, most_of, planned
from ratefront.simulate.run_simulation import InvariantBrokenError, Run, run
from ratefront.simulate.scenario import Parts

#: Broken rules that one error names at most.
NAMED = 5


def check(done: Run, parts: Parts | None = None) -> None:
    """
    Raises:
        InvariantBrokenError: Names the seed and the first rules that are broken.
    """
    faults = [fault for rule in RULES for fault in rule(done)]
    faults += _replay(done, parts or Parts())
    _raise(done, faults)


def check_harmless(done: Run, parts: Parts | None = None) -> None:
    """Nothing but time was lost: the same trials and the same front as without the faults.

    Holds where one slot works and the plan is drawn as harmless.

    Raises:
        InvariantBrokenError: As ``check``.
    """
    scenario = done.scenario
    calm = run(replace(scenario, plan=scenario.plan.undisturbed()), parts)
    faults = [
        f"without the faults {what} would be {its} instead of {mine}"
        for what, of in (("a trial", planned), ("an ending", endings), ("a point of the front", front))
        for mine, its in zip_longest(of(done), of(calm))
        if mine != its
    ]
    _raise(done, faults)


def _raise(done: Run, faults: list[str]) -> None:
    if faults:
        more = f"\n… and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        raise InvariantBrokenError(done.scenario.plan.seed, done.virtual_s, "\n".join(faults[:NAMED]) + more)


def _replay(done: Run, parts: Parts) -> Iterator[str]:
    """An engine from the ledger is the engine that wrote it, and would go on as that one would."""
    scenario, engine = done.scenario, done.engine
    replayed = parts.engine(scenario.spec, scenario.space, done.entries)
    if replayed.history != engine.history:
        yield f"the history differs after a replay: {_difference(replayed.history, engine.history)}"
    more = Entry(len(done.entries), 0.0, Extended(engine.history.trials_requested + 1))
    commands = []
    for each in (engine, replayed):
        each.apply(more)
        commands.append(each.next_command())
    due = Record if math.isinf(most_of(done)) else Done
    if commands[0] != commands[1] or not isinstance(commands[0], due):
        yield f"the next trial differs after a replay: {commands[1]} instead of {commands[0]}"


def _difference(mine: SweepHistory, its: SweepHistory) -> str:
    counts = Counter(mine.counts), Counter(its.counts)
    trials = [name for name, trial in mine.trials.items() if its.trials.get(name) != trial]
    return f"counts {counts[0]} and {counts[1]}, trials {trials}"
