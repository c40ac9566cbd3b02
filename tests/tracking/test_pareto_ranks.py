"""The trials that trackers tag as the front are those of the report's front."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import label, result, spec

from ratefront.history.events import Created, Entry, Event, Finished, Planned, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.views.front_trials import front_of
from ratefront.tracking.delivery.deliver import pareto_ranks
from ratefront.tracking.run_tags import pareto_tags

#: Rates, accuracies and bytes of few values, so that most trials are equal to others on every objective.
MEASURED = st.tuples(st.sampled_from((1.0, 2.0)), st.sampled_from((0.5, 0.9)), st.sampled_from((100, 200)))


def history_of(measured: list[tuple[float, float, int]]) -> SweepHistory:
    events: list[Event] = [Created("ties", spec(trials=len(measured)), "0")]
    for number, (rate_bits, accuracy, size) in enumerate(measured):
        trial_id = f"t{number:04d}"
        measurement = result(trial_id, rate_bits, accuracy, size).to_json()
        events += [
            Planned(trial_id, number, number, label()),
            Started(trial_id, 1, "w"),
            Finished(trial_id, 1, measurement),
        ]
    return SweepHistory.of(Entry(place, 0.0, event) for place, event in enumerate(events))


@given(measured=st.lists(MEASURED, min_size=1, max_size=12))
def test_pareto_tags_agree_with_the_front_of_the_report(
    measured: list[tuple[float, float, int]],
) -> None:
    history = history_of(measured)
    tags = {trial_id: pareto_tags(pareto_rank) for trial_id, pareto_rank in pareto_ranks(history).items()}
    assert tags.keys() == history.trials.keys()
    front = {trial.params.trial_id for trial in front_of(history)}
    assert {name for name, trial_tags in tags.items() if trial_tags["pareto"] == "true"} == front
    assert {name for name, trial_tags in tags.items() if trial_tags["pareto_rank"] == "1"} == front
    tags_of = {point: tags[name] for name, point in zip(history.trials, measured, strict=True)}
    assert [tags_of[point] for point in measured] == [tags[name] for name in history.trials], "equals alike"
