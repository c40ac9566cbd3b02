"""When a sweep ends before its last trial: no gain for a while, or a front close to a bound."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import numpy as np
import pytest

from ratefront.engine.end_rule import EndRule, is_close
from ratefront.history.events import (
    BoundsReady,
    Created,
    Entry,
    Event,
    Extended,
    Failed,
    Finished,
    Planned,
    Reopened,
    Started,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.settings.end_settings import EndWhen, WithinBound
from ratefront.testing.faults.models.end_rule_model import EndRuleModel
from ratefront.trial_records import OBJECTIVES, Measurement, TrialResult

AXES = {name: OBJECTIVES[name] for name in ("rate_bits", "accuracy")}
#: Convex, from 3 bit at a distortion of 0.1 to none at 0.9.
BOUND = ((0.1, 3.0), (0.2, 2.0), (0.5, 0.5), (0.9, 0.0))


class Story:
    """A history that a test writes trial by trial."""

    def __init__(self, rules: EndWhen, reference: dict[str, float] | None = None) -> None:
        self.rules, self.reference = rules, reference or {}
        self.history, self.model = SweepHistory(), EndRuleModel(AXES)
        plain = {"end_when": rules.model_dump(), "reference": self.reference}
        self.add(Created("s", plain, "0"), BoundsReady("validation", 10, {"task_model": BOUND}))

    def add(self, *events: Event) -> None:
        for event in events:
            self.history.apply(Entry(len(self.history.trials), 0.0, event))
            self.model._take(event)

    def begin(self) -> str:
        number = len(self.history.trials)
        self.add(Planned(f"t{number:04d}", number, 0, {"family": "f"}), Started(f"t{number:04d}", 1, "w"))
        return f"t{number:04d}"

    def finish(self, rate: float, accuracy: float, status: Any = "finished") -> None:
        trial_id = self.begin()
        measured = Measurement(10, rate, rate, rate, 0.0, rate, accuracy)
        result = TrialResult(trial_id, status, "", measured, measured, 1, 1, 0.0, 0.0)
        self.add(Finished(trial_id, 1, result.to_json()))

    def fail(self) -> str:
        trial_id = self.begin()
        self.add(Failed(trial_id, 1, "E", "", final=True))
        return trial_id

    @property
    def why(self) -> str:
        return EndRule(self.rules, AXES, self.reference).why(self.history)


def test_trials_without_a_gain_end_the_sweep() -> None:
    story = Story(EndWhen(no_gain_for=3, least_gain=0.01))
    for point in ((2.0, 0.8), (1.0, 0.6), (2.1, 0.7), (1.1, 0.5)):
        story.finish(*point)
        assert not story.why
    story.finish(2.0, 0.8)
    assert story.why == (
        "the last 3 trials have not enlarged the hypervolume by over 1 %; resumed with more trials or another "
        "end_when, the sweep goes on"
    )
    story.finish(1.0, 0.9)
    assert not story.why, "a trial that still ran has brought a gain"


def test_a_gain_under_the_least_one_is_none() -> None:
    for least, holds in ((0.0, False), (1e-9, False), (0.05, True)):
        story = Story(EndWhen(no_gain_for=1, least_gain=least), {"rate_bits": 4.0, "accuracy": 0.1})
        story.finish(2.0, 0.8)
        story.finish(2.0, 0.801)
        assert bool(story.why) == holds


def test_failed_and_stopped_trials_say_nothing() -> None:
    story = Story(EndWhen(no_gain_for=2))
    story.finish(2.0, 0.8)
    story.finish(3.0, 0.7, "collapsed")
    for _ in range(5):
        story.fail()
    assert not story.why
    story.finish(3.0, 0.7, "collapsed")
    assert story.why


def test_after_a_request_for_more_trials_the_count_begins_anew() -> None:
    story = Story(EndWhen(no_gain_for=2))
    failed = story.fail()
    for _ in range(3):
        story.finish(2.0, 0.8)
    assert story.why
    for request in (Extended(9), Reopened(failed)):
        story.add(request)
        assert not story.why
        story.finish(2.0, 0.8)
        assert not story.why
        story.finish(2.0, 0.8)
        assert story.why


def test_any_story_ends_where_a_model_ends_it() -> None:
    """The engine's rule, asked now and then, against the model that looks at all trials anew."""
    ends = 0
    for seed in range(150):
        random = Random(seed)
        within = WithinBound(percent=random.choice((0.0, 30.0, 300.0))) if seed % 2 else None
        rules = EndWhen(
            no_gain_for=None if seed % 4 == 1 else random.randint(1, 4),
            least_gain=random.choice((0.0, 0.02, 0.3)),
            within=within,
        )
        story = Story(rules, {"rate_bits": 4.0} if seed % 3 else None)
        rule = EndRule(rules, AXES, story.reference)
        for _ in range(14):
            rate = round(random.uniform(0.1, 3.5), 1)
            likely = 1.0 - np.interp(rate, [r for _, r in BOUND[::-1]], [d for d, _ in BOUND[::-1]])
            status = random.choice(("finished", "finished", "finished", "collapsed"))
            if random.random() < 0.1:
                story.fail()
            else:
                accuracy = round(float(likely) - random.choice((0.0, 0.02, 0.2)), 2)
                story.finish(rate, max(0.0, accuracy), status)
            if random.random() < 0.7:
                expected = story.model._holds(1e-6)
                assert bool(rule.why(story.history)) == expected == bool(story.why), seed
                ends += expected
    assert ends > 100


def costs(*points: tuple[float, float]) -> np.ndarray:
    """Rows of rate and minus accuracy, from pairs of distortion and rate."""
    return np.array([(rate, distortion - 1.0) for distortion, rate in points])


def test_a_front_on_the_bound_is_close_to_it() -> None:
    assert is_close(costs(*BOUND), BOUND, 0.0)
    raised = costs(*((d, 1.1 * r) for d, r in BOUND))
    assert is_close(raised, BOUND, 10.1)
    assert not is_close(raised, BOUND, 9.9)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ((), "no trial"),
        (((0.9, 0.0),), "a point at no rate"),
        (((0.1, 3.0),), "one point spans nothing"),
        (((0.2, 2.0), (0.5, 0.5), (0.9, 0.0)), "it does not reach the bound's accuracies"),
        (((0.1, 3.0), (0.11, 2.9)), "it spans too little"),
        (((0.1, 3.0), (0.9, 0.0)), "between its ends it is far away"),
    ],
)
def test_a_front_that_is_only_partly_there_is_not_close(points: Any, why: str) -> None:
    assert not is_close(costs(*points).reshape(-1, 2), BOUND, 5.0), why


def test_a_front_below_and_beyond_the_bound_is_close() -> None:
    """A back end that is trained again may beat the task model, in accuracy as well."""
    assert is_close(costs((0.05, 3.0), (0.2, 1.5), (0.5, 0.4)), BOUND, 0.0)
    assert not is_close(costs((0.1, 1.0), (0.5, 0.5)), ((0.0, 0.0),), 100.0), "a bound that says nothing"


def test_an_unknown_bound_ends_nothing() -> None:
    story = Story(EndWhen(within=WithinBound(bound="oracle", percent=1000.0)))
    for distortion, rate in BOUND:
        story.finish(rate, 1 - distortion)
    assert not story.why


def test_ten_thousand_trials_are_looked_at_quickly() -> None:
    random, story = Random(1), Story(EndWhen(no_gain_for=10_000, within=WithinBound(percent=0.0)))
    for _ in range(10_000):
        story.finish(random.uniform(0, 3), random.uniform(0.1, 0.9))
    rule, start = EndRule(story.rules, AXES, {}), time.process_time()
    rule.why(story.history)
    at_once_s, start = time.process_time() - start, time.process_time()
    for _ in range(200):
        story.finish(random.uniform(0, 3), random.uniform(0.1, 0.9))
        rule.why(story.history)
    assert at_once_s < 2.0
    assert time.process_time() - start < 1.0
