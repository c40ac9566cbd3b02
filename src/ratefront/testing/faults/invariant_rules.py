"""The rules of ``invariants``: each is a generator that yields one sentence for each violation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from ratefront.engine.messages import EngineMessage, TimePassed
from ratefront.engine.search.seeds import stable_seed
from ratefront.history.events import (
    Ended,
    Entry,
    Event,
    Failed,
    Finished,
    Known,
    Planned,
    Pruned,
    Reopened,
    Reported,
    Spared,
    Started,
    Stopped,
)
from ratefront.history.sweep_history import TrialHistory
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.spec.space.configurations import configurations, count, uses_seed
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.views.fresh_seeds import fresh_seeds_of
from ratefront.store.views.front_trials import front_of
from ratefront.store.views.trials_csv import trial_rows
from ratefront.testing.faults.faulty_sweep import FaultySimulation
from ratefront.testing.faults.models.end_rule_model import EndRuleModel
from ratefront.testing.faults.models.repeat_model import RepeatModel
from ratefront.testing.faults.reference_model import ReferenceModel, all_finite
from ratefront.tracking import run_keys, run_tags
from ratefront.tracking.tracker_protocol import ParetoRank, TrialUpdate
from ratefront.trial_records import ENDED, Scalar, TrialParams


def planned(simulation: FaultySimulation) -> list[Planned]:
    """Return the trials, as they were planned."""
    return [entry.event for entry in simulation.entries if isinstance(entry.event, Planned)]


def endings(simulation: FaultySimulation) -> list[tuple[str, str]]:
    """Return each trial's id and its status."""
    trials = simulation.engine.history.trials
    return [(event.trial_id, trials[event.trial_id].status) for event in planned(simulation)]


def front(simulation: FaultySimulation) -> list[str]:
    """Return the ids of the trials on the front."""
    return [trial.params.trial_id for trial in front_of(simulation.engine.history)]


def _ledger(simulation: FaultySimulation) -> Iterator[str]:
    """The order of events is possible; each message to the engine led to its events, and to no others."""
    spec, entries = simulation.scenario.spec, simulation.entries
    events = [entry.event for entry in entries]
    first_alone = spec.resources.trials_per_gpu == "auto"
    model = ReferenceModel(
        spec.trials,
        spec.retries,
        first_alone,
        most_trials(simulation),
        RepeatModel(spec.repeats, spec.directions),
        EndRuleModel(spec.directions),
        rungs(simulation),
    )
    messages = iter(simulation.ground_truth.judged)
    judged = next(messages, None)
    courses = _courses(simulation)
    for seq in range(len(events) + 1):
        while judged is not None and judged.before == seq:
            due = model.expected_events(judged.message, _is_valid(judged.message, courses))
            recorded = tuple(type(event) for event in events[judged.before : judged.after])
            if due == (Reported,) and recorded[1:] in ((Pruned,), (Spared,)):
                recorded = due  # whether it may be stopped is looked at by other rules
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
    """Return how many trials the sweep can have beside repeats: its configurations, unless a seed enters results."""
    space, events = simulation.scenario.space, planned(simulation)
    if any(uses_seed(event.values) for event in events) or not events:
        return math.inf
    tried = {frozenset(event.values.items()) for event in events}
    every = configurations(space, Random(0))  # noqa: S311
    is_left = any(frozenset(values.items()) not in tried for values in every)
    return math.inf if is_left else len(events)


def _no_repeated_configuration(simulation: FaultySimulation) -> Iterator[str]:
    """A configuration that gives the same result for every seed is tried once.

    Any other one is suggested once, as long as the space holds others.
    """
    tried: set[frozenset[tuple[str, Scalar]]] = set()
    size = count(simulation.scenario.space)
    for event in planned(simulation):
        values = frozenset(event.values.items())
        if values in tried and not uses_seed(event.values):
            yield f"{event.trial_id} repeats {dict(event.values)}, into whose result no seed enters"
        is_left = size is None or len(tried) < size
        if values in tried and not event.repeat_of and is_left:
            yield f"{event.trial_id} is suggested again although others are left: {dict(event.values)}"
        tried.add(values)


def _known_before(simulation: FaultySimulation) -> Iterator[str]:
    """What is known before the sweep is in the ledger once, before the first plan; its points are tried in order, once.

    A point is tried again only where the space has nothing new. Trials of an earlier sweep are not trials of this one.
    """
    known = simulation.scenario.known
    plans = [event.values for event in planned(simulation) if not event.repeat_of]
    kinds = [type(entry.event) for entry in simulation.entries]
    recorded = [entry.event for entry in simulation.entries if isinstance(entry.event, Known)]
    if recorded != ([] if known is None else [known]):
        yield f"the ledger says {len(recorded)} times what is known, or something else than that"
    if Known in kinds and Planned in kinds and kinds.index(Known) > kinds.index(Planned):
        yield "a trial is planned before the ledger says what is known"
    points = [] if known is None else list(known.start_with)
    if plans[: len(points)] != points[: len(plans)]:
        yield f"the first trials are {plans[: len(points)]} instead of {points}"
    is_repeated = any(plans.count(point) > 1 for point in points)
    if is_repeated and math.isinf(_configurations(simulation)):
        yield "a point to try first is tried twice"


def _configurations(simulation: FaultySimulation) -> float:
    size = count(simulation.scenario.space)
    return math.inf if size is None else size


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

    Requested (or what the space has) + repeats = finished + collapsed + pruned + stopped + failed, unless the budget is
    spent or ``end_when`` holds.
    """
    history = simulation.engine.history
    repeats = sum(bool(event.repeat_of) for event in planned(simulation))
    due = min(history.trials_requested, most_trials(simulation)) + repeats
    ids = [row["trial_id"] for row in trial_rows(history)]
    counted = sum(history.counts[status] for status in ENDED)
    if history.ended_by_rule and counted >= due:
        yield f"of {due} trials none is left, and end_when ended the sweep"
    elif history.ended_by_budget or history.ended_by_rule:
        if counted > due or history.counts["running"]:
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
            case Reopened(trial_id):
                del last[trial_id]
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
    fresh_seeds = fresh_seeds_of(history)
    for trial_id, run in record.trials.items():
        trial = history.trials[trial_id]
        points = {point for point in run.points if not point.key.startswith(("epoch/", "seeds/"))}
        curve = sorted((point.key, point.step) for point in run.points if point.key.startswith("epoch/"))
        shown = (run.status, run.tags.get("status"), run.end_ms, run.tags.get("pareto") == "true")
        if shown != (due := (*_status(trial, history.last_time), trial_id in on_front)):
            yield f"the tracker says of {trial_id} {shown} instead of {due}"
        if points != set(run_keys.final_points(TrialUpdate(trial), simulation.scenario.spec.objectives)):
            yield f"the tracker has other final values of {trial_id}"
        standing = ParetoRank(0, fresh_seeds.get(trial_id)) if trial.status == "finished" else None
        if not set(run_keys.seed_points(standing, history.last_time)) <= run.points:
            yield f"the tracker has other fresh seeds of {trial_id}"
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


def rungs(simulation: FaultySimulation) -> frozenset[int]:
    """Return the epochs after which the search may stop a trial."""
    stopping, last = simulation.scenario.spec.stopping, simulation.scenario.spec.training.epochs
    exact = [stopping.first_epoch * stopping.factor**power for power in range(100)]
    return frozenset(round(epoch) for epoch in exact if round(epoch) < last and stopping.rule != "none")


@dataclass
class _Seen:
    """What a trial has reported by step, and measured, up to an entry of the ledger."""

    planned: Planned
    reports: dict[int, Mapping[str, float]] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None

    @property
    def group(self) -> tuple[Scalar, bool]:
        """What like trials have in common: the family, and whether they start from a neighbour."""
        return self.planned.values["family"], bool(self.planned.starts_from)

    def is_beaten_by(self, other: _Seen, step: int) -> bool:
        """Whether the other one's measured rate and accuracy are as good as what this one reported at a step."""
        if step not in self.reports or other.result is None or other.result["status"] != "finished":
            return False
        measured, report = other.result["validation"], self.reports[step]
        return bool(
            measured["rate_bits"] <= report["rate_bits_estimated"]
            and measured["accuracy"] >= report["accuracy"]
        )


def _early_stopping(simulation: FaultySimulation) -> Iterator[str]:
    """The search stops nothing that is on the front, nothing without finished like trials, and no spared share."""
    spec = simulation.scenario.spec
    trials: dict[str, _Seen] = {}
    for entry in simulation.entries:
        match entry.event:
            case Planned(trial_id) as event:
                trials[trial_id] = _Seen(event)
            case Reported(trial_id, _, step, metrics):
                trials[trial_id].reports[step] = metrics
            case Finished(trial_id, _, result):
                trials[trial_id].result = result
            case Pruned(trial_id, _, _, rung) | Spared(trial_id, _, _, rung) as event:
                yield from _stop_objections(event, trials, rung, spec)
            case _:
                pass


def _stop_objections(
    event: Pruned | Spared, trials: Mapping[str, _Seen], rung: int, spec: SweepSpec
) -> Iterator[str]:
    stopped = trials[event.trial_id]
    like = [
        other
        for other in trials.values()
        if other.group == stopped.group and other.result is not None and rung in other.reports
    ]
    drawn = stable_seed("never stopped", spec.sampler.seed, stopped.planned.number)
    is_never_stopped = drawn / 2**31 < spec.stopping.never_stopped
    name = f"{type(event).__name__} of {event.trial_id} at {rung}"
    if stopped.planned.repeat_of:
        yield f"{name}: it repeats a configuration"
    if is_never_stopped != isinstance(event, Spared):
        yield f"{name}: whether it may be stopped was drawn otherwise"
    if len(like) < spec.stopping.like_trials:
        yield f"{name} comes after {len(like)} finished like trials"
    if not any(stopped.is_beaten_by(other, rung) for other in trials.values()):
        yield f"{name}: what it had reported was on the front"


#: All rules; each holds after every sweep that came to its end.
RULES: tuple[Callable[[FaultySimulation], Iterator[str]], ...] = (
    _ledger,
    _ground_truth,
    _time_limit,
    _batches,
    _no_repeated_configuration,
    _early_stopping,
    _known_before,
    _neighbours,
    _table,
    _tracking,
)
