"""The rules of ``invariants``: each is a generator that yields one sentence for each violation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

from ratefront.engine.messages import EngineMessage, TimePassed
from ratefront.history.events import (
    Ended,
    Entry,
    Event,
    Failed,
    Finished,
    Planned,
    Pruned,
    Reported,
    Started,
    Stopped,
)
from ratefront.history.sweep_history import TrialHistory
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.spec.space.configurations import configurations, uses_seed
from ratefront.store.views.front_trials import front_of
from ratefront.store.views.trials_csv import trial_rows
from ratefront.testing.faults.faulty_sweep import FaultySimulation
from ratefront.testing.faults.reference_model import ReferenceModel, all_finite
from ratefront.tracking import run_keys, run_tags
from ratefront.tracking.tracker_protocol import TrialUpdate
from ratefront.trial_records import ENDED, Scalar, TrialParams


def planned(simulation: FaultySimulation) -> list[Planned]:
    """Return the trials, as they were planned."""
    return [entry.event for entry in simulation.entries if isinstance(entry.event, Planned)]


def endings(simulation: FaultySimulation) -> list[tuple[str, str]]:
    """Return each trial's id and its status."""
    return [(name, trial.status) for name, trial in simulation.engine.history.trials.items()]


def front(simulation: FaultySimulation) -> list[str]:
    """Return the ids of the trials on the front."""
    return [trial.params.trial_id for trial in front_of(simulation.engine.history)]


def _ledger(simulation: FaultySimulation) -> Iterator[str]:
    """The order of events is possible; each message to the engine led to its events, and to no others."""
    spec, entries = simulation.scenario.spec, simulation.entries
    events = [entry.event for entry in entries]
    model = ReferenceModel(
        spec.trials, spec.retries, spec.resources.trials_per_gpu == "auto", most_trials(simulation)
    )
    messages = iter(simulation.ground_truth.judged)
    judged = next(messages, None)
    courses = _courses(simulation)
    for seq in range(len(events) + 1):
        while judged is not None and judged.before == seq:
            due = model.expected_events(judged.message, _is_valid(judged.message, courses))
            recorded = tuple(type(event) for event in events[judged.before : judged.after])
            if recorded != due:
                yield f"entry {seq}: {_brief(judged.message)} led to {_names(recorded)} instead of {_names(due)}"
            judged = next(messages, None)
        if seq < len(events):
            yield from model.follow(events[seq], entries[seq].time)
    if judged is not None:
        yield f"entry {judged.before} is missing: {_brief(judged.message)} was judged there"
    if not isinstance(model.last, Ended):
        yield f"the ledger ends with {model.last}"


def _brief(message: EngineMessage) -> str:
    """Describe a message without its metrics."""
    attributes = {
        name: getattr(message, name) for name in ("attempt", "step", "error") if hasattr(message, name)
    }
    named = "".join(f", {name} {value}" for name, value in attributes.items())
    subject = f"at {message.time}" if isinstance(message, TimePassed) else message.trial_id
    return f"{type(message).__name__} ({subject}{named})"


def _names(events: tuple[type[Event], ...]) -> str:
    return " and ".join(event.__name__ for event in events) or "nothing"


def _is_valid(message: EngineMessage, courses: Callable[[str], TrialCourse]) -> bool:
    match message:
        case Reported():
            return all_finite(message.metrics)
        case Finished():
            return message.result == courses(message.trial_id).result
        case _:
            return True


def _courses(simulation: FaultySimulation) -> Callable[[str], TrialCourse]:
    """Return a function that gives what each trial would do without a defect."""
    params = {
        event.trial_id: TrialParams(event.trial_id, event.seed, event.values) for event in planned(simulation)
    }
    return cache(lambda trial_id: simulation.scenario.problem.course(params[trial_id]))


def _ground_truth(simulation: FaultySimulation) -> Iterator[str]:
    """Each result in the ledger was measured by an attempt that computed to its end; each error really occurred."""
    courses, truth = _courses(simulation), simulation.ground_truth
    for entry in simulation.entries:
        match entry.event:
            case Finished(trial_id, attempt, result):
                if result != courses(trial_id).result:
                    yield f"entry {entry.seq}: the result of {trial_id} is not what it measured"
                if (trial_id, attempt) not in truth.completed:
                    yield f"entry {entry.seq}: attempt {attempt} of {trial_id} never came to its end"
            case Reported(trial_id, _, step, metrics):
                if metrics not in (
                    course_step.metrics for course_step in courses(trial_id).steps[step - 1 : step]
                ):
                    yield f"entry {entry.seq}: {trial_id} never reported {metrics} at step {step}"
            case Started(trial_id, attempt, worker, gpus):
                if worker and gpus != truth.gpus[trial_id, attempt]:
                    yield f"entry {entry.seq}: attempt {attempt} of {trial_id} has other GPUs than it says"
            case Failed(error="TrialTimedOutError"):
                pass  # see _time_limit
            case Failed(trial_id, attempt, error):
                is_from_result = error in {"InvalidResult", "DivergedError", "UnknownCostError"}
                was_measured = (trial_id, attempt) in truth.completed and is_from_result
                if not was_measured and (trial_id, attempt, error) not in truth.errors:
                    yield f"entry {entry.seq}: attempt {attempt} of {trial_id} never ran into {error}"
            case _:
                pass


#: How much longer than its limit an attempt may run, in seconds: the driver does one thing after another.
LIMIT_SLACK_S = 5.0


def _time_limit(simulation: FaultySimulation) -> Iterator[str]:
    """An attempt fails for its time once that is up, not before, and nothing is recorded of it later."""
    hours = simulation.scenario.spec.trial_hours
    limit_s = math.inf if hours is None else 3600.0 * hours
    started: dict[str, float] = {}
    for entry in simulation.entries:
        match entry.event:
            case Started(trial_id):
                started[trial_id] = entry.time
            case Reported(trial_id) | Finished(trial_id) | Failed(trial_id) as event:
                took_s = entry.time - started[trial_id]
                is_overdue = isinstance(event, Failed) and event.error == "TrialTimedOutError"
                if took_s > limit_s + LIMIT_SLACK_S or (is_overdue and took_s < limit_s):
                    yield f"entry {entry.seq}: {trial_id} has run for {took_s:g} s of {limit_s:g} s"
            case _:
                pass


def _batches(simulation: FaultySimulation) -> Iterator[str]:
    """Each attempt cuts its batches into twice as many parts as the one before that ran out of memory."""
    due: Counter[str] = Counter()
    for entry in simulation.entries:
        match entry.event:
            case Failed(trial_id, _, "OutOfMemoryError"):
                due[trial_id] += 1
            case Started(trial_id, attempt):
                divisor = simulation.ground_truth.divisors.get((trial_id, attempt))
                if divisor != 2 ** due[trial_id]:
                    yield f"attempt {attempt} of {trial_id} cuts its batches into {divisor} parts"
            case _:
                pass


def most_trials(simulation: FaultySimulation) -> float:
    """Return how many trials the sweep can have: its space's configurations, unless a seed enters results."""
    space, events = simulation.scenario.space, planned(simulation)
    if any(uses_seed(event.values) for event in events) or not events:
        return math.inf
    tried = {frozenset(event.values.items()) for event in events}
    every = configurations(space, Random(0))  # noqa: S311
    is_left = any(frozenset(values.items()) not in tried for values in every)
    return math.inf if is_left else len(events)


def _no_repeated_configuration(simulation: FaultySimulation) -> Iterator[str]:
    """A configuration that gives the same result for every seed is tried once."""
    tried: set[frozenset[tuple[str, Scalar]]] = set()
    for event in planned(simulation):
        values = frozenset(event.values.items())
        if values in tried and not uses_seed(event.values):
            yield f"{event.trial_id} repeats {dict(event.values)}, into whose result no seed enters"
        tried.add(values)


def _neighbours(simulation: FaultySimulation) -> Iterator[str]:
    """A new configuration starts from the nearest in log β of the trials finished by then that differ in β alone.

    Each of its attempts is told so. Everything else starts from scratch.
    """
    is_on = simulation.scenario.spec.training.start_from_neighbour
    plans: dict[str, Planned] = {}
    finished: list[Planned] = []
    for entry in simulation.entries:
        match entry.event:
            case Planned(trial_id) as event:
                is_new = all(event.values != earlier.values for earlier in plans.values())
                due = _nearest(event, finished) if is_on and is_new else ""
                if event.starts_from != due:
                    yield f"{trial_id} starts from {event.starts_from or 'scratch'} instead of {due or 'scratch'}"
                plans[trial_id] = event
            case Finished(trial_id, _, result) if result["status"] == "finished":
                finished.append(plans[trial_id])
            case _:
                pass
    for (trial_id, attempt), told in simulation.ground_truth.starts.items():
        if told != plans[trial_id].starts_from:
            yield f"attempt {attempt} of {trial_id} was told to start from {told or 'scratch'}"


def _nearest(event: Planned, finished: list[Planned]) -> str:
    alike = [
        (round(abs(math.log(float(other.values["beta"])) - math.log(float(event.values["beta"]))), 9), other)
        for other in finished
        if "beta" in event.values and {**other.values, "beta": event.values["beta"]} == event.values
    ]
    nearest = min(alike, key=lambda pair: (pair[0], pair[1].number), default=None)
    return "" if nearest is None else nearest[1].trial_id


def _table(simulation: FaultySimulation) -> Iterator[str]:
    """Each trial is once in ``trials.csv``, as its last event says.

    Requested (or what the space has) = finished + collapsed + pruned + stopped + failed, unless the budget is spent.
    """
    history = simulation.engine.history
    due = min(history.trials_requested, most_trials(simulation))
    ids = [row["trial_id"] for row in trial_rows(history)]
    counted = sum(history.counts[status] for status in ENDED)
    if history.ended_by_budget:
        if counted >= due or history.counts["running"]:
            yield f"of {due} trials some are left, the counts are {dict(history.counts)}"
    elif counted != due or history.counts["running"] or history.counts["planned"]:
        yield f"{due} trials were asked for, the counts are {dict(history.counts)}"
    ended_ids = [name for name, trial in history.trials.items() if trial.ended]
    if ids != ended_ids or [*history.trials] != [f"t{number:04d}" for number in range(len(history.trials))]:
        yield f"trials.csv has {ids} of {due} trials"
    last = _last_statuses(simulation)
    said = {trial_id: status for trial_id, status in endings(simulation) if status in ENDED}
    if last != said:
        yield f"the trials ended as {last}, the history says {said}"
    for trial_id in front(simulation):
        if last.get(trial_id) != "finished":
            yield f"{trial_id} is on the front, and it is {last.get(trial_id)}"


def _last_statuses(simulation: FaultySimulation) -> dict[str, str]:
    """Return how each trial ended, by its last event."""
    last: dict[str, str] = {}
    for entry in simulation.entries:
        match entry.event:
            case Finished(trial_id, _, result):
                last[trial_id] = str(result["status"])
            case Pruned(trial_id):
                last[trial_id] = "pruned"
            case Stopped(trial_id):
                last[trial_id] = "stopped"
            case Failed(trial_id, final=True):
                last[trial_id] = "failed"
            case _:
                pass
    return last


def _tracking(simulation: FaultySimulation) -> Iterator[str]:
    """The tracker has the sweep and each trial once, none running, and says of each what the ledger says."""
    sweeps, history = list(simulation.tracker.sweeps.values()), simulation.engine.history
    if len(sweeps) != 1:
        yield f"the tracker has {len(sweeps)} sweeps"
        return
    (record,) = sweeps
    if record.parent.status != "FINISHED":
        yield f"the sweep's run is {record.parent.status}"
    begun = {trial_id for trial_id, trial in history.trials.items() if trial.attempts or trial.ended}
    if record.trials.keys() != begun:
        yield f"the tracker has the trials {sorted(record.trials)} of {len(history.trials)}"
        return
    curves, on_front = _curves(simulation.entries), set(front(simulation))
    for trial_id, run in record.trials.items():
        trial = history.trials[trial_id]
        points = {point for point in run.points if not point.key.startswith("epoch/")}
        curve = sorted((point.key, point.step) for point in run.points - points)
        shown = (run.status, run.tags.get("status"), run.end_ms, run.tags.get("pareto") == "true")
        if shown != (due := (*_status(trial, history.last_time), trial_id in on_front)):
            yield f"the tracker says of {trial_id} {shown} instead of {due}"
        if points != set(run_keys.final_points(TrialUpdate(trial), simulation.scenario.spec.objectives)):
            yield f"the tracker has other final values of {trial_id}"
        if curve != sorted(curves.get(trial_id, ())):
            yield f"the tracker's curve of {trial_id} has {curve}"


def _status(trial: TrialHistory, last_time: float) -> tuple[str, str, int]:
    """Return what the tracker must show; an attempt that was lost when the budget was spent is closed at the end."""
    if not trial.ended:
        return "KILLED", "interrupted", run_keys.milliseconds(last_time)
    ended_time = trial.ended_time or 0.0
    return run_tags.RUN_STATUS[trial.status], trial.status, run_keys.milliseconds(ended_time)


def _curves(entries: list[Entry]) -> dict[str, set[tuple[str, int]]]:
    """Return the points that each trial's curves must have: one for each metric and step, however often reported."""
    curves: dict[str, set[tuple[str, int]]] = {}
    for entry in entries:
        if isinstance(entry.event, Reported):
            steps = {(run_keys.curve_key(name), entry.event.step) for name in entry.event.metrics}
            curves.setdefault(entry.event.trial_id, set()).update(steps)
    return curves


#: All rules; each holds after every sweep that came to its end.
RULES: tuple[Callable[[FaultySimulation], Iterator[str]], ...] = (
    _ledger,
    _ground_truth,
    _time_limit,
    _batches,
    _no_repeated_configuration,
    _neighbours,
    _table,
    _tracking,
)
