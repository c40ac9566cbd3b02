"""Spaces that hold few configurations: what no seed changes is tried once, and a sweep ends where nothing is left."""

from __future__ import annotations

from collections import Counter
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.engine.engine import SPACE_EXHAUSTED, Engine
from ratefront.engine.messages import Done, Record, Start, Wait
from ratefront.engine.opening_events import ResumeOptions
from ratefront.errors import InputError
from ratefront.history.events import Entry, Extended, Failed, Planned, Reopened
from ratefront.orchestrate.begin_and_resume_checks import check_extensible
from ratefront.spec.space.configurations import count, uses_seed
from ratefront.spec.space.dimensions import Branch, Choice, Float, Int, Space

LABEL: Space = {"method": Branch({"lossless": {}, "merged": {"merged_classes": Int(1, 4)}})}
FILES: Space = {"codec": Branch({"png": {}, "jpeg": {"quality": Choice((10, 50, 90))}})}
SPLIT: Space = {
    "split": Choice(("conv1", "conv2")),
    "entropy_model": Choice(("factorized",)),
    "width": Int(2, 3),
    "beta": Choice((0.01, 0.5)),
}
FEW: Space = {"family": Branch({"label": LABEL, "image": FILES})}  # 5 + 4
SOME_LEARN: Space = {"family": Branch({"label": LABEL, "split": SPLIT})}  # 5 + 8
ENDLESS: Space = {"family": Branch({"label": LABEL, "split": {**SPLIT, "beta": Float(0.01, 1.0)}})}

SAMPLERS = pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random"])


def planned(ledger: list[Entry]) -> list[frozenset[Any]]:
    events = (entry.event for entry in ledger if isinstance(entry.event, Planned))
    return [frozenset(event.values.items()) for event in events]


@SAMPLERS
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), slots=st.integers(1, 5), trials=st.integers(1, 14))
def test_every_configuration_runs_once_whatever_happens(
    virtual: SimpleNamespace, sampler: str, seed: int, slots: int, trials: int
) -> None:
    """Trials fail, are retried, collapse; messages come late: none of this brings a configuration back."""
    driver = virtual.Driver(virtual.spec(trials, sampler, startup=3), Random(seed), slots, space=FEW)
    history = driver.run().history
    tried = planned(driver.ledger)
    assert len(tried) == len(set(tried)) == min(trials, 9)
    assert history.ended
    assert history.trials_ended == len(tried)
    assert history.ended_early == (SPACE_EXHAUSTED if trials > 9 else "")


@SAMPLERS
def test_configurations_with_a_seed_are_tried_again_at_the_end(
    virtual: SimpleNamespace, sampler: str
) -> None:
    driver = virtual.Driver(virtual.spec(30, sampler), Random(5), 3, space=SOME_LEARN)
    history = driver.run().history
    tried = Counter(planned(driver.ledger))
    assert history.trials_ended == 30
    assert not history.ended_early
    assert len(set(planned(driver.ledger)[:13])) == count(SOME_LEARN) == 13
    for values, times in tried.items():
        assert times == 1 or uses_seed(dict(values))


@SAMPLERS
def test_an_infinite_space_is_never_exhausted(virtual: SimpleNamespace, sampler: str) -> None:
    driver = virtual.Driver(virtual.spec(40, sampler), Random(5), 3, space=ENDLESS)
    assert driver.run().history.trials_ended == 40
    assert len(set(planned(driver.ledger))) == 40


@SAMPLERS
def test_a_replay_suggests_what_was_planned(virtual: SimpleNamespace, sampler: str) -> None:
    for space, trials in ((FEW, 9), (SOME_LEARN, 20)):
        driver = virtual.Driver(virtual.spec(trials, sampler, 3), Random(2), 3, space=space)
        driver.run()
        for cut, entry in enumerate(driver.ledger):
            if isinstance(entry.event, Planned):
                replayed = Engine(driver.spec, space, driver.ledger[:cut])
                assert replayed._suggester.suggest(entry.event.number) == entry.event.values


def test_a_running_trial_counts_as_tried_and_the_sweep_waits_for_it(virtual: SimpleNamespace) -> None:
    tiny: Space = {"family": Branch({"label": {"method": Choice(("lossless",))}})}
    engine = Engine(virtual.spec(8), tiny)
    (first,) = events_of(engine)
    assert isinstance(engine.next_command(), Start)
    assert isinstance(engine.next_command(), Wait)
    assert not engine.done
    (started, failed) = engine.judge(Failed(first.trial_id, 1, "WorkerLostError", "gone", retryable=True))
    for number, event in enumerate((started, failed), 1):
        engine.apply(Entry(number, 0.0, event))
    again = engine.next_command()
    assert isinstance(again, Start)
    assert (again.params.trial_id, again.attempt) == (first.trial_id, 2), "the same trial, not a new one"


def events_of(engine: Engine) -> list[Planned]:
    command = engine.next_command()
    assert isinstance(command, Record)
    engine.apply(Entry(0, 0.0, command.event))
    return [command.event]


def test_an_exhausted_space_ends_at_once_but_retries_failed_trials(
    virtual: SimpleNamespace,
) -> None:
    first = virtual.Driver(virtual.spec(20), Random(6), 2, space=FEW)
    first.run()
    again = virtual.Driver(first.spec, Random(7), 2, ledger=list(first.ledger), space=FEW)
    again.record(Extended(40))
    assert again.engine.done
    assert isinstance(again.engine.next_command(), Done)
    failed = [trial.params.trial_id for trial in again.engine.history.with_status("failed")]
    assert failed
    again.record(Reopened(failed[0]))
    again.run()
    assert len(planned(again.ledger)) == 9
    assert again.engine.history.trials_ended == 9


def test_an_extension_finds_what_is_left_and_then_is_refused(virtual: SimpleNamespace) -> None:
    first = virtual.Driver(virtual.spec(6), Random(6), 2, space=FEW)
    check_extensible(first.run(), ResumeOptions(resume=True, extend=5))
    again = virtual.Driver(first.spec, Random(7), 2, ledger=list(first.ledger), space=FEW)
    again.record(Extended(11))
    engine = again.run()
    assert (engine.history.trials_ended, engine.history.trials_requested) == (9, 11)
    check_extensible(engine, ResumeOptions(resume=True, retry_failed=True))
    with pytest.raises(InputError, match=r"extend=1: the space holds no more .*all 9 have been tried"):
        check_extensible(engine, ResumeOptions(resume=True, extend=1))
