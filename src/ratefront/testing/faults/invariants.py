"""The check of a simulated sweep: what must hold whatever went wrong in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from types import UnionType

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, Record, SlotCommand, Start
from ratefront.history.events import Entry, Event, Extended, Reported, Resumed, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.run_simulation import InvariantBrokenError
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.spec.sweep_spec import Budget, SweepSpec
from ratefront.testing.faults.faulty_sweep import FaultySimulation, run_with_faults
from ratefront.testing.faults.invariant_rules import RULES, endings, front, most_trials, planned

#: How many broken rules one error names at most.
NAMED = 5


def check_invariants(simulation: FaultySimulation, parts: Parts | None = None) -> None:
    """Check all rules, and that a replay of the ledger gives the same engine.

    Raises:
        InvariantBrokenError: Names the seed and the first rules that are broken.
    """
    violations = [violation for rule in RULES for violation in rule(simulation)]
    violations += _replay(simulation, parts or Parts())
    _raise_any(simulation, violations)


def check_harmless(simulation: FaultySimulation, parts: Parts | None = None) -> None:
    """Check that nothing but time was lost: the same trials and the same front as without the faults and the budget.

    This holds if there is one slot and the plan was drawn as harmless.

    Raises:
        InvariantBrokenError: As ``check_invariants``.
    """
    scenario = simulation.scenario
    unlimited = replace(scenario, spec=scenario.spec.model_copy(update={"budget": Budget()}))
    undisturbed = run_with_faults(unlimited, simulation.plan.undisturbed(), parts)
    violations = [
        f"without the faults {kind} would be {expected} instead of {actual}"
        for kind, values_of in (("a trial", planned), ("an ending", endings), ("a point of the front", front))
        for actual, expected in zip_longest(values_of(simulation), values_of(undisturbed))
        if actual != expected
    ]
    _raise_any(simulation, violations)


def _raise_any(simulation: FaultySimulation, violations: list[str]) -> None:
    if violations:
        more = f"\n… and {len(violations) - NAMED} more" if len(violations) > NAMED else ""
        raise InvariantBrokenError(
            simulation.plan.seed, simulation.virtual_s, "\n".join(violations[:NAMED]) + more
        )


def _replay(simulation: FaultySimulation, parts: Parts) -> Iterator[str]:
    """An engine from the ledger is the engine that wrote it, and would go on as that one would."""
    scenario, engine = simulation.scenario, simulation.engine
    now = SweepSpec.model_validate(engine.history.spec)  # a person may have changed it
    spec = scenario.spec.model_copy(update={"budget": now.budget, "end_when": now.end_when})
    replayed = parts.engine(spec, scenario.space, simulation.entries)
    if replayed.history != engine.history:
        yield f"the history differs after a replay: {_difference(replayed.history, engine.history)}"
    may_plan = math.isinf(most_trials(simulation)) and not engine.why_over_budget
    has_trials_left = engine.history.ended_by_rule and not engine.why_over_budget
    length, requested = len(simulation.entries), engine.history.trials_requested
    commands = []
    for each in (engine, replayed):
        each.apply(Entry(length, 0.0, Resumed("the next driver")))
        each.apply(Entry(length + 1, 0.0, Extended(requested + 1)))
        commands.append(each.next_command())
    due: type[SlotCommand] | UnionType = Record if may_plan else Done
    if has_trials_left:
        due = Record | Start  # trials may have been planned that none has begun
    due_events = [
        _reports_of_the_next(each, scenario, command)
        for each, command in zip((engine, replayed), commands, strict=True)
    ]
    if due_events[0] != due_events[1]:
        yield f"the next reports lead to {due_events[1]} instead of {due_events[0]} after a replay"
    if commands[0] != commands[1] or not isinstance(commands[0], due):
        yield f"the next trial differs after a replay: {commands[1]} instead of {commands[0]}"


def _reports_of_the_next(engine: Engine, scenario: Scenario, command: SlotCommand) -> list[Event]:
    """Return what the engine makes of the reports of the trial that it plans next, up to its end."""
    recorded: list[Event] = []

    def record(events: Iterable[Event]) -> None:
        for event in events:
            engine.apply(Entry(0, engine.history.last_time, event))
            recorded.append(event)

    while isinstance(command, Record):
        record([command.event])
        command = engine.next_command()
    if isinstance(command, Start):
        name, attempt = command.params.trial_id, command.attempt
        record(engine.judge(Started(name, attempt, "")))
        for step, report in enumerate(scenario.problem.course(command.params).steps, 1):
            record(engine.judge(Reported(name, attempt, step, report.metrics)))
    return recorded


def _difference(replayed: SweepHistory, original: SweepHistory) -> str:
    counts = Counter(replayed.counts), Counter(original.counts)
    trials = [name for name, trial in replayed.trials.items() if original.trials.get(name) != trial]
    return f"counts {counts[0]} and {counts[1]}, trials {trials}"
