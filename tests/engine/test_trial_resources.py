"""What a trial is given to run on, and which trial is measured alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.engine.engine_by_hand import Hand, finish

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Wait
from ratefront.engine.trial_resources import Needs, needs_of
from ratefront.history.events import (
    Created,
    Failed,
)
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.trial_records import TrialParams


def trial_of(family: str, **known: int) -> TrialHistory:
    return TrialHistory(0, TrialParams("t0000", 0, {"family": family}), 0.0, **known)


class TestPlacement:
    def spec(self, virtual: SimpleNamespace, **resources: object) -> SweepSpec:
        plain = virtual.spec(trials=4).model_dump() | {"resources": {"cpus": 2, **resources}}
        return SweepSpec.model_validate(plain)

    def hand(self, virtual: SimpleNamespace, **resources: object) -> Hand:
        hand = Hand(virtual, trials=4)
        hand.engine = Engine(self.spec(virtual, **resources), virtual.SPACE)
        hand.ledger.clear()
        hand.add(Created("by hand", {}, "0"))
        return hand

    def test_a_family_may_have_its_own_resources(self, virtual: SimpleNamespace) -> None:
        resources = self.spec(virtual, gpus=0.5, families={"label": {"gpus": 0, "cpus": 1}}).resources
        assert needs_of(resources, SweepHistory(), trial_of("label")) == Needs(1, 0)
        assert needs_of(resources, SweepHistory(), trial_of("split")) == Needs(2, 0.5)

    def test_a_family_with_its_own_gpus_is_not_measured(self, virtual: SimpleNamespace) -> None:
        families = {"label": {"gpus": 0.5}, "image": {"gpus": 1}}
        resources = self.spec(virtual, trials_per_gpu="auto", families=families).resources
        history = SweepHistory(gpu_memory_share=0.15)
        gpus = [needs_of(resources, history, trial_of(family)).gpus for family in ("label", "image", "split")]
        assert gpus == [0.5, 1, 0.2]

    def test_the_share_doubles_where_memory_was_too_small(self, virtual: SimpleNamespace) -> None:
        resources = self.spec(virtual, trials_per_gpu="auto").resources
        history = SweepHistory(gpu_memory_share=0.15)
        gpus = [needs_of(resources, history, trial_of("split", memory_failures=n)).gpus for n in range(4)]
        assert gpus == [0.2, 0.4, 0.8, 1.0]

    def test_trials_that_need_no_measured_share_do_not_wait(self, virtual: SimpleNamespace) -> None:
        hand = self.hand(
            virtual, trials_per_gpu="auto", families={"split": {"gpus": 0}, "label": {"gpus": 1}}
        )
        assert {hand.begin().needs.gpus for _ in range(4)} <= {0, 1}

    def test_one_trial_is_measured_before_any_other_starts(self, virtual: SimpleNamespace) -> None:
        hand = self.hand(virtual, trials_per_gpu="auto")
        first = hand.begin()
        assert first.needs.gpus == 1
        assert hand.command() == Wait()
        finish(hand, first, extra={"gpu_memory_share": 0.15})
        assert {hand.begin().needs.gpus for _ in range(3)} == {0.2}, "0.15 with a margin is a fifth"

    def test_a_first_trial_that_fails_is_followed_by_another_alone(self, virtual: SimpleNamespace) -> None:
        hand = self.hand(virtual, trials_per_gpu="auto")
        hand.begin()
        hand.add(*hand.engine.judge(Failed("t0000", 1, "ValueError", "bad")))
        assert hand.begin().needs.gpus == 1
        assert hand.command() == Wait()

    def test_gpus_and_trials_per_gpu_exclude_each_other(self, virtual: SimpleNamespace) -> None:
        with pytest.raises(ValueError, match="either gpus or trials_per_gpu"):
            self.spec(virtual, gpus=0.5, trials_per_gpu=2)
