"""What every tracker shows of a sweep, and that delivering it again changes nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.tracking.ledger_stories import (
    ENDED,
    START,
    Story,
    created,
    extended,
    failed,
    finished,
    planned,
    reopened,
    reported,
    resumed,
    started,
    stopped,
    whole_sweep,
)
from tests.tracking.tracked_places import (
    MemoryPlace,
    MlflowPlace,
    Place,
    by_trial,
    fake_codec,
    finish,
    follow,
    show,
)

from ratefront.history.sweep_history import SweepHistory
from ratefront.store.task_model_info import DatasetInfo
from ratefront.tracking.delivery.deliver import Delivery
from ratefront.tracking.delivery.folder_content import NoFolder
from ratefront.tracking.in_memory_tracker import RunRecord
from ratefront.tracking.run_keys import MetricPoint
from ratefront.tracking.tracker_protocol import Provenance

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module", params=["memory", "mlflow"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    """The runs of ``whole_sweep``, for tests that only look."""
    if request.param == "memory":
        return show(whole_sweep(), MemoryPlace())
    empty_store: Path = request.getfixturevalue("empty_store")
    return show(whole_sweep(), MlflowPlace.copied(empty_store, tmp_path_factory.mktemp("shown")))


def curve(run: RunRecord, key: str) -> list[tuple[int, float, int]]:
    """(step, value, time in ms) of each point, in the order of the steps."""
    return sorted((point.step, point.value, point.time_ms) for point in run.points if point.key == key)


def last(run: RunRecord, key: str) -> float:
    return curve(run, key)[-1][1]


def test_one_run_for_the_sweep_and_one_for_each_trial(shown: dict[str, RunRecord]) -> None:
    assert set(shown) == {"", "t0000", "t0001", "t0002", "t0003"}


@pytest.mark.parametrize(
    ("trial_id", "status", "tag"),
    [
        ("t0000", "FINISHED", "finished"),
        ("t0001", "KILLED", "pruned"),
        ("t0002", "FAILED", "failed"),
        ("t0003", "FINISHED", "collapsed"),
        ("", "FINISHED", "finished"),
    ],
)
def test_each_ending_has_its_status(
    shown: dict[str, RunRecord], trial_id: str, status: str, tag: str
) -> None:
    run = shown[trial_id]
    assert (run.status, run.tags["status"]) == (status, tag)


def test_a_trial_that_a_person_stopped_says_so(place: Place) -> None:
    run = show(Story().tell(created(), planned(0), started(0), stopped(0)), place)["t0000"]
    assert (run.status, run.tags["status"], run.tags["status_reason"]) == (
        "KILLED",
        "stopped",
        "stopped by hand",
    )


def test_a_planned_trial_that_never_ran_has_no_run(place: Place) -> None:
    assert set(show(Story().tell(created(), planned(0)), place)) == {""}


def test_a_failed_trial_says_why(shown: dict[str, RunRecord]) -> None:
    run = shown["t0002"]
    assert run.tags["status_reason"] == "loss is NaN at epoch 2"
    assert "loss is NaN at epoch 2" in run.tags["mlflow.note.content"]


def test_a_long_reason_is_cut_and_delivered(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0), failed(0, "x" * 50_000))
    run = show(story, place)["t0000"]
    assert run.tags["status_reason"].startswith("x" * 100)
    assert run.status == "FAILED"


def test_a_finished_trial_is_named_by_what_it_measured_on_test(shown: dict[str, RunRecord]) -> None:
    assert shown["t0000"].name == "t0000 split conv2 8.1 bit 98.2 %"
    assert shown["t0001"].name == "t0001 split conv2"


def test_the_sweep_is_named_by_name_and_time(shown: dict[str, RunRecord]) -> None:
    assert shown[""].name.startswith("digits 2023-11-1")


def test_final_metrics_separate_validation_and_test(shown: dict[str, RunRecord]) -> None:
    run = shown["t0000"]
    values = {point.key: point.value for point in run.points}
    shown = {key: value for key, value in values.items() if not key.startswith(("epoch/", "seeds/"))}
    low, high = shown.pop("test/accuracy_low"), shown.pop("test/accuracy_high")
    assert 0.96 < low < 0.982 < high < 1.0
    assert shown == {
        "obj/rate_bits": 8.25,
        "obj/accuracy": 0.975,
        "test/rate_bits": 8.125,
        "test/accuracy": 0.982,
        "rate/estimated_bits": 8.025,
        "rate/alone_bits": 12.125,
        "rate/overhead_bits": 0.5,
        "rate/total_bits": 8.625,
        "cost/transmitter_bytes": 4096,
        "cost/transmitter_macs": 120_000,
        "cost/encode_ms": 0.75,
        "cost/train_seconds": 6.5,
    }


def test_fresh_seeds_of_the_same_configuration_are_shown(shown: dict[str, RunRecord]) -> None:
    """Another finished trial of the story has the same values and another seed; the first one selected them."""
    seeds = {
        point.key.removeprefix("seeds/"): point.value
        for point in shown["t0000"].points
        if point.key.startswith("seeds/")
    }
    assert seeds == {
        "count": 1,
        **dict.fromkeys(("rate_bits_mean", "rate_bits_min", "rate_bits_max"), 8.125),
        **dict.fromkeys(("accuracy_mean", "accuracy_min", "accuracy_max"), 0.982),
    }


def test_params_are_what_was_searched(shown: dict[str, RunRecord]) -> None:
    assert shown["t0000"].params == {
        "hp/family": "split",
        "hp/split": "conv2",
        "hp/entropy_model": "factorized",
        "hp/beta": "0.02",
        "seed": "100",
    }


def test_the_sweep_shows_its_settings_without_the_space(shown: dict[str, RunRecord]) -> None:
    assert shown[""].params == {
        "name": "digits",
        "trials": "4",
        "objectives": "rate_bits, accuracy",
        "sampler/name": "tpe",
        "sampler/seed": "3",
    }


def test_tags_group_trials(shown: dict[str, RunRecord]) -> None:
    tags = shown["t0000"].tags
    assert (tags["family"], tags["series"]) == ("split", "split (factorized)")


def test_a_trials_note_says_what_was_tried_and_measured(shown: dict[str, RunRecord]) -> None:
    note = shown["t0000"].tags["mlflow.note.content"]
    assert note.startswith("**t0000** finished: split (factorized), 8.1 bit at 98.2 % on test\n")
    assert "beta 0.02" in note
    assert "| accuracy | 97.50% | 98.20% |" in note


def test_points_and_runs_carry_the_time_of_their_events(place: Place) -> None:
    start, first, second, end = started(0), reported(0, 1), reported(0, 2), finished(0)
    story = Story().tell(created(), planned(0), start, first, second, end)
    run = show(story, place)["t0000"]
    time_ms = story.time_ms_of
    assert curve(run, "epoch/loss") == [(1, 1.0, time_ms(first)), (2, 0.5, time_ms(second))]
    assert curve(run, "obj/accuracy") == [(0, 0.975, time_ms(end))]
    assert (run.start_ms, run.end_ms) == (time_ms(start), time_ms(end))


def test_nan_and_infinities_are_never_shown(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0))
    story.tell(reported(0, 1, loss=math.nan, rate_bits=math.inf, accuracy=0.5), finished(0))
    runs = show(story, place, figures={"hypervolume": math.nan, "trials_finished": 1.0, "worst": -math.inf})
    assert {point.key for point in runs["t0000"].points if point.key.startswith("epoch/")} == {
        "epoch/accuracy"
    }
    assert {point.key for point in runs[""].points} == {"trials_finished"}
    assert all(math.isfinite(point.value) for run in runs.values() for point in run.points)


def test_a_bad_metric_name_is_shown_under_a_similar_one(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0), reported(0, 1, **{"loss/../β=1": 1.0}))
    run = show(story, place)["t0000"]
    assert [point.key for point in run.points] == ["epoch/loss/_/__1"]


def test_the_sweep_ends_with_figures_note_and_artifacts(place: Place, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("front.csv", "summary.json")]
    for file in files:
        file.write_text(file.name)
    missing = tmp_path / "never_made.png"
    run = show(whole_sweep(), place, figures={"hypervolume": 0.75}, artifacts=[*files, missing])[""]
    assert last(run, "hypervolume") == 0.75
    assert run.artifacts == {"front.csv", "summary.json"}
    assert run.tags["mlflow.note.content"] == "**digits** done"


def three_points() -> Story:
    """The second is dominated by the first, the third is better on accuracy."""
    story = Story().tell(created(), *(planned(number) for number in range(3)))
    for number, (rate_bits, accuracy) in enumerate([(4.0, 0.90), (5.0, 0.85), (6.0, 0.95)]):
        story.tell(started(number), finished(number, rate_bits=rate_bits, accuracy=accuracy))
    return story


def standings(runs: dict[str, RunRecord]) -> dict[str, tuple[str | None, str | None]]:
    return {name: (run.tags.get("pareto"), run.tags.get("pareto_rank")) for name, run in runs.items()}


def test_finished_trials_have_a_pareto_rank_after_the_end(place: Place) -> None:
    story = three_points()
    assert set(standings(show(story, place, outcome="interrupted", shows_pareto_rank=False)).values()) == {
        (None, None)
    }
    assert standings(show(story.tell(ENDED), place)) == {
        "": (None, None),
        "t0000": ("true", "1"),
        "t0001": ("false", "2"),
        "t0002": ("true", "1"),
    }


def test_a_trial_that_leaves_the_front_is_tagged(place: Place) -> None:
    story = three_points()
    show(story.tell(ENDED), place)
    story.tell(
        resumed(), extended(4), planned(3), started(3), finished(3, rate_bits=3.0, accuracy=0.93), ENDED
    )
    assert standings(show(story, place)) == {
        "": (None, None),
        "t0000": ("false", "2"),
        "t0001": ("false", "3"),
        "t0002": ("true", "1"),
        "t0003": ("true", "1"),
    }


def test_equal_trials_are_all_on_the_front_and_share_its_rank(place: Place) -> None:
    story = Story().tell(created(), planned(0), planned(1), started(0), started(1), finished(1), finished(0))
    runs = standings(show(story.tell(ENDED), place))
    assert (runs["t0000"], runs["t0001"]) == (("true", "1"), ("true", "1"))


def test_trials_without_a_result_have_no_pareto_rank(shown: dict[str, RunRecord]) -> None:
    assert {name: run.tags.get("pareto") for name, run in shown.items()} == {
        "": None,
        "t0000": "true",
        "t0001": None,
        "t0002": None,
        "t0003": None,
    }


def test_a_failed_sweep_says_why(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0))
    runs = show(story, place, outcome="failed", reason="the disk is full", note="")
    assert (runs[""].status, runs[""].tags["status_reason"]) == ("FAILED", "the disk is full")
    assert "the disk is full" in runs[""].tags["mlflow.note.content"]
    assert runs["t0000"].status == "KILLED", "its own doing it was not"


def test_process_metrics_have_a_page_of_their_own(place: Place) -> None:
    reading = {"loss": 1.0, "system/memory_megabytes": 512.0}
    story = Story().tell(created(), planned(0), started(0), reported(0, 1, **reading))
    run = show(story, place)["t0000"]
    assert {point.key for point in run.points} == {"epoch/loss", "system/memory_megabytes"}


def test_following_the_same_ledger_again_changes_nothing(place: Place) -> None:
    story = whole_sweep()
    first = show(story, place)
    assert show(story, place) == first


def test_a_retried_trial_has_one_run_and_one_curve(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0), reported(0, 1), reported(0, 2))
    story.tell(failed(0, "the node died", final=False), started(0, attempt=2))
    story.tell(*(reported(0, step, attempt=2) for step in (1, 2, 3)), finished(0, attempt=2))
    run = show(story, place)["t0000"]
    assert [step for step, _, _ in curve(run, "epoch/loss")] == [1, 2, 3]
    assert (run.status, run.tags["attempts"]) == ("FINISHED", "2")
    assert "status_reason" not in run.tags


def test_an_interrupted_sweep_leaves_nothing_running(place: Place) -> None:
    story = Story().tell(created(), planned(0), planned(1), started(0), started(1), finished(0))
    runs = show(story, place, outcome="interrupted")
    assert {name: (run.status, run.tags["status"]) for name, run in runs.items()} == {
        "": ("KILLED", "interrupted"),
        "t0000": ("FINISHED", "finished"),
        "t0001": ("KILLED", "interrupted"),
    }


def test_a_resumed_sweep_continues_the_same_runs(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0), reported(0, 1))
    show(story, place, outcome="interrupted")
    story.tell(resumed(), started(0, attempt=2), reported(0, 1, attempt=2), reported(0, 2, attempt=2))
    runs = show(story.tell(finished(0, attempt=2)), place)
    assert {name: (run.status, run.tags["status"]) for name, run in runs.items()} == {
        "": ("FINISHED", "finished"),
        "t0000": ("FINISHED", "finished"),
    }
    assert [step for step, _, _ in curve(runs["t0000"], "epoch/loss")] == [1, 2]


def test_a_resumed_sweep_is_running_until_it_ends(place: Place) -> None:
    story = Story().tell(created(), planned(0), started(0))
    show(story, place, outcome="interrupted")
    assert follow(story, place.tracker()).close(30) == 0
    assert {name: run.status for name, run in by_trial(place).items()} == {"": "RUNNING", "t0000": "RUNNING"}


def test_a_retried_trial_is_running_until_it_ends(place: Place) -> None:
    story = whole_sweep()
    failure = show(story, place)["t0002"]
    delivery = Delivery(story.reader(), place.tracker())
    delivery.deliver(is_last=False)
    story.tell(reopened(2))
    delivery.deliver(is_last=False)
    runs = by_trial(place)
    assert {name for name, run in runs.items() if run.status == "RUNNING"} == {"", "t0002"}
    assert "status_reason" not in runs["t0002"].tags, "it has not failed after all"
    assert "NaN" not in runs["t0002"].tags["mlflow.note.content"]
    story.tell(started(2, attempt=2), reported(2, 1, attempt=2), reported(2, 2, attempt=2))
    run = show(story.tell(finished(2, attempt=2)), place)["t0002"]
    assert (run.status, run.tags["status"], run.tags["attempts"]) == ("FINISHED", "finished", "2")
    assert [step for step, _, _ in curve(run, "epoch/loss")] == [1, 2]
    assert last(run, "obj/accuracy") == 0.975
    assert run.start_ms == failure.start_ms


@pytest.mark.parametrize("seen_between", [True, False])
def test_a_trial_that_fails_again_says_its_last_reason(place: Place, seen_between: bool) -> None:
    story = Story().tell(created(), planned(0), started(0), failed(0, "the disk was full"))
    show(story, place)
    story.tell(resumed(), reopened(0))
    if seen_between:
        assert follow(story, place.tracker()).close(30) == 0
    story.tell(started(0, attempt=2), reported(0, 1, attempt=2), last_try := failed(0, "no such file", 2))
    run = show(story, place)["t0000"]
    assert (run.status, run.tags["status_reason"]) == ("FAILED", "no such file")
    assert "no such file" in run.tags["mlflow.note.content"]
    assert run.end_ms == story.time_ms_of(last_try)
    assert [step for step, _, _ in curve(run, "epoch/loss")] == [1]


def test_an_extended_sweep_is_reopened_by_the_same_follower(place: Place) -> None:
    story = whole_sweep()
    show(story, place)
    delivery = Delivery(story.reader(), place.tracker())
    delivery.deliver(is_last=False)
    story.tell(resumed(), extended(5))
    delivery.deliver(is_last=False)
    assert {name for name, run in by_trial(place).items() if run.status == "RUNNING"} == {""}
    story.tell(planned(4), started(4), finished(4))
    runs = show(story, place)
    assert (runs[""].status, runs[""].tags["status"], runs["t0004"].status) == (
        "FINISHED",
        "finished",
        "FINISHED",
    )


def test_two_sweeps_of_one_name_are_two_sweeps(place: Place) -> None:
    first, second = whole_sweep(), whole_sweep()
    second.entries = [type(entry)(entry.seq, entry.time + 60, entry.event) for entry in second.entries]
    for story in (first, second):
        assert finish(follow(story, place.tracker())) == 0
    runs = place.runs()
    assert len(runs) == 2 * 5
    assert len({run.tags["sweep_id"] for run in runs}) == 2


def test_both_trackers_show_the_same(mlflow_place: MlflowPlace) -> None:
    assert show(whole_sweep(), mlflow_place) == show(whole_sweep(), MemoryPlace())


def test_the_sweeps_figures_carry_the_time_of_the_last_entry(place: Place) -> None:
    story = whole_sweep()
    run = show(story, place)[""]
    end_ms = round((START + len(story.entries) - 1) * 1000)
    assert run.points == {MetricPoint("hypervolume", 0.5, end_ms, 0)}
    assert run.end_ms == end_ms


class OnBirds(NoFolder):
    """A folder that names the sweep's data set: a user's file, after which the data set is named."""

    def provenance(self, history: SweepHistory) -> Provenance | None:
        birds = DatasetInfo("arrays", {"path": "/data/birds.npz", "split_seed": 0}, "ab12")
        return Provenance(Path("digits"), dataset=birds)


def test_sweep_and_kept_codecs_have_the_data_set_as_input(place: Place, tmp_path: Path) -> None:
    follower = follow(whole_sweep(), place.tracker(), OnBirds())
    assert finish(follower, codecs=(fake_codec(tmp_path, "t0000"),)) == 0
    runs = by_trial(place)
    assert {name: run.tags["dataset"] for name, run in runs.items()} == dict.fromkeys(runs, "birds")
    assert {name for name, run in runs.items() if run.datasets == {"birds"}} == {"", "t0000"}
