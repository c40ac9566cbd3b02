"""The simpler model that the engine is compared with."""

from __future__ import annotations

from ratefront.history.events import Ended, Planned, Pruned, Reported, Started, Stopped
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.testing.faults.models.repeat_model import RepeatModel
from ratefront.testing.faults.reference_model import ReferenceModel


def test_a_pruned_trial_has_ended() -> None:
    repeats = RepeatModel(Repeats(front=0), {})
    model = ReferenceModel(
        requested=1, retries=2, first_alone=False, most=1, repeats=repeats, rungs=frozenset({2})
    )
    first_events = [
        Planned("t0000", 0, 1, {"family": "label"}),
        Started("t0000", 1, "w"),
        Reported("t0000", 1, 2, {}),
    ]
    pruned, ended = Pruned("t0000", 1, "dominated", 2), Ended("done")
    assert [wrong for event in (*first_events, pruned, ended) for wrong in model.follow(event, 0.0)] == []
    assert "it has ended" in next(model.follow(Stopped("t0000", 1, "too late"), 0.0))
    assert any("it has ended" in wrong for wrong in model.follow(pruned, 0.0))
