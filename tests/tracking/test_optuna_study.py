"""The study says of every trial what the ledger says, at every moment of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial
from tests.builders import result
from tests.tracking.dashboard_sweep import digits, plain, values

from ratefront.errors import SpecError
from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.pareto import non_dominated
from ratefront.tracking.browsing.optuna_study import storage_of, study_in, study_of
from ratefront.trial_records import ENDED

#: What the dashboard shows for each state of ours.
SHOWN = {
    "planned": "WAITING",
    "running": "RUNNING",
    "finished": "COMPLETE",
    "collapsed": "PRUNED",
    "pruned": "PRUNED",
    "stopped": "PRUNED",
    "failed": "FAIL",
}
VERBS = (
    "plan",
    "start",
    "report",
    "finish",
    "collapse",
    "prune",
    "stop",
    "fail",
    "fail for good",
    "reopen",
    "resume",
)
NEED_A_START = ("start", "report", "finish", "collapse", "fail", "fail for good")
STORIES = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 9)), max_size=40).map(
    lambda story: [("plan", 0)] * 4 + story
)


class StoryWriter:
    """Writes entries of what can happen, by verbs; a verb that cannot apply is skipped."""

    def __init__(self, *overrides: str) -> None:
        self.history, self.entries, self._random = SweepHistory(), list[events.Entry](), Random(5)
        self.tell(events.Created("digits", plain(*overrides), "0.1.0"))

    def tell(self, *added: events.Event) -> StoryWriter:
        for event in added:
            entry = events.Entry(len(self.entries), 1_790_000_000.25 + 1.5 * len(self.entries), event)
            self.history.apply(entry)
            self.entries.append(entry)
        return self

    def apply(self, verb: str, who: int) -> None:
        if verb == "plan":
            number = len(self.history.trials)
            self.tell(events.Planned(f"t{number:04d}", number, 100 + number, values(number)))
        elif verb == "resume":
            self.tell(events.Resumed("driver-2"))
        elif self.history.trials:
            trials = list(self.history.trials.values())
            self._happen(verb, trials[who % len(trials)])

    def _happen(self, verb: str, trial: TrialHistory) -> None:
        name = trial.params.trial_id
        if verb in NEED_A_START and trial.status == "planned":
            self.tell(events.Started(name, trial.attempts + 1, "worker-0"))
        attempt = trial.attempts
        if verb == "report" and trial.status == "running":
            self.tell(self._report(name, attempt, trial.step + 1))
        elif verb in ("finish", "collapse") and trial.status == "running":
            self.tell(events.Finished(name, attempt, self._result(name, verb)))
        elif verb == "prune" and not trial.ended:
            self.tell(events.Pruned(name, attempt, "dominated at rung 5", 5))
        elif verb == "stop" and not trial.ended:
            self.tell(events.Stopped(name, attempt, "stopped by hand"))
        elif verb.startswith("fail") and trial.status == "running":
            self.tell(
                events.Failed(
                    name, attempt, "WorkerLostError", "the node died", final=verb == "fail for good"
                )
            )
        elif verb == "reopen" and trial.status == "failed":
            self.tell(events.Reopened(name))

    def _report(self, name: str, attempt: int, step: int) -> events.Reported:
        metrics = {"loss": 1.0 / step, "accuracy": 0.5 + step / 100, "rate_bits_estimated": 9.0 - step / 10}
        return events.Reported(name, attempt, step, metrics)

    def _result(self, name: str, verb: str) -> Mapping[str, Any]:
        rate, accuracy = self._random.uniform(1, 9), self._random.uniform(0.3, 0.99)
        size, seen = self._random.randrange(500, 50_000), (rate * 1.01, accuracy - 0.01)
        if verb == "collapse":
            return result(name, 0.0, 0.11, size, status="collapsed", reason="at the majority class").to_json()
        return result(name, rate, accuracy, size, validation=seen).to_json()


def written(story: list[tuple[str, int]], *overrides: str) -> StoryWriter:
    writer = StoryWriter(*overrides)
    for verb, who in story:
        writer.apply(verb, who)
    return writer


def shown(history: SweepHistory, *overrides: str) -> list[FrozenTrial]:
    return study_in(storage_of(history, digits(*overrides))).get_trials()


def one_trial(*added: events.Event, overrides: tuple[str, ...] = ()) -> FrozenTrial:
    (frozen,) = shown(StoryWriter(*overrides).tell(*added).history, *overrides)
    return frozen


PLANNED = events.Planned("t0000", 0, 7, values(1))
STARTED = events.Started("t0000", 1, "worker-0")


def test_the_study_has_the_sweeps_name_and_objectives() -> None:
    study = study_of(StoryWriter().history)
    assert study.study_name == "digits"
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["rate_bits", "accuracy", "transmitter_bytes"]
    assert study.user_attrs == {
        "dataset": "digits",
        "task_model": "small_cnn",
        "sampler": "auto",
        "trials_requested": 56,
    }


@settings(max_examples=40, deadline=None)
@given(STORIES)
def test_every_trial_is_what_the_ledger_says(story: list[tuple[str, int]]) -> None:
    history = written(story).history
    trials = shown(history)
    assert [frozen.number for frozen in trials] == [trial.number for trial in history.trials.values()]
    for frozen, trial in zip(trials, history.trials.values(), strict=True):
        agree(frozen, trial)


def agree(frozen: FrozenTrial, trial: TrialHistory) -> None:
    assert frozen.state.name == SHOWN[trial.status]
    assert {path.rpartition("/")[2]: value for path, value in frozen.params.items()} == trial.params.values
    assert frozen.params.keys() == frozen.distributions.keys()
    attributes = frozen.user_attrs
    assert attributes["trial_id"] == trial.params.trial_id
    assert (attributes["status"], attributes["seed"]) == (trial.status, trial.params.seed)
    assert attributes.get("status_reason", "") == trial.reason
    if trial.result is None:
        assert frozen.values is None
        assert "test/accuracy" not in attributes
    else:
        validation, test = trial.result.validation, trial.result.test
        assert frozen.values == [validation.rate_bits, validation.accuracy, trial.result.transmitter_bytes]
        assert attributes["test/rate_bits"] == test.rate_bits
        assert attributes["test/accuracy"] == test.accuracy
        assert attributes["cost/encode_ms"] == trial.result.encode_ms
    assert seconds(frozen.datetime_complete) == (trial.ended_time if trial.status in ENDED else None)
    if trial.status == "planned":
        assert frozen.datetime_start is None
    else:
        start_time = trial.planned_time if trial.started_time is None else trial.started_time
        assert seconds(frozen.datetime_start) == start_time


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


@settings(max_examples=5, deadline=None)
@given(STORIES)
def test_a_followed_sweep_shows_what_a_replay_shows(
    story: list[tuple[str, int]],
) -> None:
    writer, followed = StoryWriter(), list[tuple[int, list[FrozenTrial]]]()
    for verb, who in story:
        writer.apply(verb, who)
        followed.append((len(writer.entries), shown(writer.history)))
    for count, trials in followed:  # what was shown earlier has not changed since
        assert trials == shown(SweepHistory.of(writer.entries[:count]))


@settings(max_examples=30, deadline=None)
@given(STORIES)
def test_its_best_trials_are_the_front_on_validation(story: list[tuple[str, int]]) -> None:
    history = written(story).history
    study = study_in(storage_of(history, digits()))
    points = {
        trial.params.trial_id: [trial.result.objective(name) for name in digits().spec.objectives]
        for trial in history.with_status("finished")
        if trial.result is not None
    }
    best = {trial.user_attrs["trial_id"] for trial in study.best_trials}
    assert best == set(non_dominated(points, digits().spec.directions))


def test_distributions_are_those_of_the_sweep_file() -> None:
    frozen = one_trial(PLANNED)
    assert {name: repr(distribution) for name, distribution in frozen.distributions.items()} == {
        "family": "CategoricalDistribution(choices=('label', 'split'))",
        "split/split": "CategoricalDistribution(choices=('conv1', 'conv2', 'conv3'))",
        "split/entropy_model": "CategoricalDistribution(choices=('factorized', 'categorical'))",
        "split/entropy_model/factorized/width": "IntDistribution(high=12, log=True, low=2, step=1)",
        "split/entropy_model/factorized/refine": "CategoricalDistribution(choices=('none', 'sga'))",
        "split/beta": "FloatDistribution(high=300.0, log=True, low=8.0, step=None)",
        "split/objective": "CategoricalDistribution(choices=('cross_entropy', 'feature_distillation'))",
    }


def test_a_collapsed_trial_is_infeasible_and_keeps_what_it_measured() -> None:
    collapsed = result("t0000", 0.0, 0.11, 900, status="collapsed", reason="at the majority class").to_json()
    frozen = one_trial(PLANNED, STARTED, events.Finished("t0000", 1, collapsed))
    assert frozen.values == [0.0, 0.11, 900.0]
    assert [value > 0 for value in frozen.constraints.values()] == [True]
    assert frozen.user_attrs["status_reason"] == "at the majority class"


def test_a_trial_that_waits_shows_what_it_will_try() -> None:
    assert one_trial(PLANNED).system_attrs == {"fixed_params": one_trial(PLANNED, STARTED).params}


ACCURACY = ("objectives=[accuracy]",)
REPORTS = [
    events.Reported(
        "t0000", 1, step, {"loss": 2.0, "accuracy": 0.25 * step, "rate_bits_estimated": 9.0 / step}
    )
    for step in (1, 2)
]


def test_with_several_objectives_the_last_report_is_an_attribute() -> None:
    frozen = one_trial(PLANNED, STARTED, *REPORTS)
    assert frozen.intermediate_values == {}
    assert frozen.user_attrs["epochs"] == 2
    assert (frozen.user_attrs["epoch/loss"], frozen.user_attrs["epoch/accuracy"]) == (2.0, 0.5)


def test_reports_on_a_single_objective_are_intermediate_values() -> None:
    running = one_trial(PLANNED, STARTED, *REPORTS, overrides=ACCURACY)
    assert running.intermediate_values == {1: 0.25, 2: 0.5}
    assert running.values is None
    by_rate = one_trial(PLANNED, STARTED, *REPORTS, overrides=("objectives=[rate_bits]",))
    assert by_rate.intermediate_values == {1: 9.0, 2: 4.5}


@pytest.mark.parametrize(
    "end", [events.Pruned("t0000", 1, "below the median", 2), events.Stopped("t0000", 1, "by hand")]
)
def test_a_trial_cut_short_has_its_last_report_as_value(end: events.Event) -> None:
    assert one_trial(PLANNED, STARTED, *REPORTS, end, overrides=ACCURACY).value == 0.5
    assert one_trial(PLANNED, STARTED, end, overrides=ACCURACY).values is None


def test_an_objective_without_reports_has_no_curve() -> None:
    by_size = ("objectives=[transmitter_bytes]",)
    assert one_trial(PLANNED, STARTED, *REPORTS, overrides=by_size).intermediate_values == {}


def test_a_family_that_is_not_installed_is_named() -> None:
    history = StoryWriter().history
    history.spec["space"] = {"family": {"hologram": {}}}
    with pytest.raises(SpecError, match="hologram"):
        study_of(history)
