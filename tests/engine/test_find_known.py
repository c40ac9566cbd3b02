"""What a sweep knows before its first trial: points to try first, and trials of earlier sweeps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import FakeSweep, label
from tests.engine.earlier_sweeps import load, recorded_sweep

from ratefront.engine import find_known as find_known_module
from ratefront.engine.engine import Engine
from ratefront.engine.find_known import FoundBefore, find_known, lacks_known
from ratefront.engine.messages import Start
from ratefront.errors import InputError, LedgerDamagedError
from ratefront.history.events import Created, Entry, Event, Known, Planned, Resumed
from ratefront.history.known_trials import KnownTrial
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.run_simulation import run
from ratefront.simulate.scenario import Scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import to_plain
from ratefront.spec.space.dimensions import Branch, Space
from ratefront.store.earlier_sweeps import read_earlier_sweeps
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of

pytestmark = pytest.mark.medium

#: A part of the built-in sweep's space.
NARROW = {
    "family": {
        "split": {
            "split": ["conv1", "conv2"],
            "entropy_model": {"factorized": {"width": {"int": [2, 12]}}},
            "beta": {"float": [8, 300], "log": True},
        }
    }
}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_sweep(tmp_path_factory.mktemp("earlier") / "a", trials=30)


def find(loaded: LoadedSpec) -> FoundBefore:
    found = find_known(loaded.spec, loaded.space, read_earlier_sweeps(loaded.spec))
    assert found is not None
    return found


def history_at(folder: Path) -> SweepHistory:
    return read_history(SweepFolder(folder))


def test_points_are_completed_once_and_keep_their_order(earlier: Path) -> None:
    label_lossless = {"family": "label", "method": "lossless"}
    points = [{"family": "split", "beta": 80}, label_lossless, str(earlier), label_lossless]
    event = find(load(start_with=points)).event
    front = [dict(trial.params.values) for trial in front_of(history_at(earlier))]
    assert event.start_with[0].items() >= {"family": "split", "beta": 80.0}.items()
    assert list(event.start_with[1:]) == [
        label_lossless,
        *(values for values in front if values != label_lossless),
    ]
    assert event.trials == ()


def test_nothing_named_is_nothing_known() -> None:
    loaded = load()
    assert find_known(loaded.spec, loaded.space, {}) is None
    assert not lacks_known(loaded.spec, SweepHistory())


def test_what_does_not_fit_is_counted_by_reason(earlier: Path) -> None:
    found = find(load(space=NARROW, learn_from=[str(earlier)], start_with=[str(earlier)]))
    fitting = [
        trial
        for trial in history_at(earlier).trials.values()
        if trial.params.values.get("entropy_model") == "factorized"
        and trial.params.values["split"] != "conv3"
    ]
    assert [trial["trial_id"] for trial in found.event.trials] == [one.params.trial_id for one in fitting]
    assert found.sources == {str(earlier): len(fitting)}
    assert all(one["values"] in [trial.params.values for trial in fitting] for one in found.event.trials)
    first, second = found.left_out
    assert first.startswith(f"start_with: {earlier}, of the front: ")
    assert second.startswith(f"learn_from: {earlier}: {30 - len(fitting)} outside of this space (the first: ")


def test_trials_without_a_result_are_left_out(tmp_path: Path) -> None:
    loaded = load(learn_from=[str(tmp_path)])
    sweep = FakeSweep(tmp_path, to_plain(load().spec))
    sweep.finish(label(), 3.0, 0.9, 100)
    sweep.finish(label("merged", merged_classes=2), 2.0, 0.1, 100, status="collapsed", reason="as guessing")
    sweep.fail(label())
    sweep.fail(label())
    sweep.stop(label())
    sweep.prune(label())
    sweep.plan(label())
    found = find(loaded)
    assert [(one["trial_id"], one["status"]) for one in found.event.trials] == [
        ("t0000", "finished"),
        ("t0001", "collapsed"),
    ]
    assert found.left_out == (f"learn_from: {tmp_path}: 2 failed, 1 stopped, 1 pruned, 1 not ended",)
    assert found.event.task_models[0]["identity"] == "small_cnn-1234"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"dataset": {"name": "digits", "split_seed": 3}}, r"another data set .*dataset\.split_seed: 0 → 3$"),
        ({"task_model": {"name": "small_cnn", "epochs": 2}}, r"another task model .*epochs: 30 → 2$"),
        (
            {"space": {"family": {"image": {"codec": "png"}}}},
            r"nothing can be learned from .*: 30 outside of",
        ),
        (
            {
                "metrics": ["balanced_accuracy"],
                "objectives": ["balanced_accuracy"],
                "reference": {"balanced_accuracy": 0},
            },
            "has not measured balanced_accuracy",
        ),
    ],
)
def test_a_sweep_of_which_nothing_fits_is_refused(earlier: Path, changes: Any, problem: str) -> None:
    with pytest.raises(InputError, match=f"^learn_from: .*{problem}"):
        find(load(learn_from=[str(earlier)], **changes))


def test_a_front_of_which_nothing_fits_is_refused(earlier: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^start_with: nothing on the front of .* lies in this space: "):
        find(load(start_with=[str(earlier)], space={"family": {"image": {"codec": "png"}}}))
    FakeSweep(tmp_path, to_plain(load().spec)).fail(label())
    with pytest.raises(InputError, match=r"^start_with: .* has no finished trial"):
        find(load(start_with=[str(tmp_path)]))
    with pytest.raises(InputError, match=r"^learn_from: nothing can be learned from .*: 1 failed$"):
        find(load(learn_from=[str(tmp_path)]))


def test_other_settings_of_the_training_are_a_remark(earlier: Path) -> None:
    found = find(load(learn_from=[str(earlier)], training={"epochs": 3}, start_with=[{}, {}][:0]))
    assert found.sources == {str(earlier): 30}
    assert found.remarks == (
        f"{earlier} was measured with other settings (there → here): training.epochs: 20 → 3",
    )


def test_of_too_many_trials_the_best_and_a_sample_stay(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_known_module, "MOST_LEARNED", 12)
    found = find(load(learn_from=[str(earlier)]))
    kept = [one["trial_id"] for one in found.event.trials]
    assert len(kept) == 12
    assert kept == sorted(kept)
    assert found.left_out == (
        "learn_from: 18 trials, beyond the best and a sample of the others (12 in all)",
    )


def test_points_beyond_the_number_of_trials_are_a_remark(earlier: Path) -> None:
    found = find(load(trials=2, start_with=[{"family": "split"}, {"family": "label"}, {"family": "split"}]))
    assert found.remarks == ("start_with: 1 points wait until the sweep is extended",)


def test_the_plan_names_what_is_known(earlier: Path) -> None:
    points = [{"family": "label", "method": "merged", "merged_classes": place} for place in range(1, 7)]
    rows = find(
        load(
            space=NARROW | {"family": {**NARROW["family"], "label": load_label()}},
            start_with=points,
            learn_from=[str(earlier)],
        )
    ).rows
    assert rows[0] == ("tried first", "family label, method merged, merged_classes 1")
    assert rows[5] == ("", "and 1 more")
    assert rows[6][0] == "learns from"
    assert [name for name, _ in rows[7:]] == ["left out"]


def load_label() -> dict[str, Any]:
    return {"method": {"lossless": {}, "merged": {"merged_classes": {"int": [1, 6]}}}}


# The engine with what is known.


def known_trial(values: dict[str, Any], name: str = "t0000", **measured: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"rate_bits": 1.0, "accuracy": 0.9, "transmitter_bytes": 100}
    costs = {"transmitter_macs": 10, "encode_ms": 0.1}
    return KnownTrial("a", name, values, "finished", **(plain | costs | measured)).to_json()


def scenario(known: Known | None, sampler: str = "tpe", trials: int = 16, startup: int = 6) -> Scenario:
    loaded = load(trials=trials, sampler={"name": sampler, "startup_trials": startup})
    problem = SyntheticProblem(loaded.space, 60.0, reports=2)
    return Scenario(loaded.spec, loaded.space, problem, (2,), is_tracked=False, known=known)


def planned(entries: list[Entry]) -> list[dict[str, Any]]:
    return [dict(entry.event.values) for entry in entries if isinstance(entry.event, Planned)]


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random"])
def test_a_replay_knows_the_same_and_goes_on_the_same(earlier: Path, sampler: str) -> None:
    """From every prefix of the ledger; the folders are not needed any more."""
    found = find(load(start_with=[{"family": "label"}, {"family": "split"}], learn_from=[str(earlier)]))
    done = run(scenario(found.event, sampler))
    values = planned(done.entries)
    assert values[:2] == [dict(one) for one in found.event.start_with]
    for entry in done.entries:
        if isinstance(entry.event, Planned):
            replayed = Engine(done.scenario.spec, done.scenario.space, done.entries[: entry.seq])
            assert replayed._suggester.suggest(entry.event.number) == values[entry.event.number]


def test_known_trials_stand_in_for_startup_trials() -> None:
    first = {"family": "label", "method": "lossless"}
    trials = [known_trial(first, f"t{place:04d}") for place in range(4)]
    plain, learning = planned(run(scenario(None)).entries), planned(run(scenario(Known((), trials))).entries)
    assert learning[:2] == plain[:2], "6 startup trials, less the 4 that are known"
    assert learning[2] != plain[2]
    assert first in planned(run(scenario(Known((), trials), trials=60)).entries), "it may be tried here, too"


def test_a_sampler_learns_from_known_trials(virtual: SimpleNamespace) -> None:
    """Where all good trials of the earlier sweep have a small β, the first suggestions have."""
    shares = {}
    for best in (1e-3, 0.7):
        trials = [
            known_trial(
                {
                    "family": "split",
                    "split": "conv1",
                    "beta": beta,
                    "width": 8,
                    "bits": 2,
                    "refine": "none",
                    "epochs": 3,
                },
                f"t{place:04d}",
                accuracy=0.9 - abs(beta - best) / 2,
            )
            for place, beta in enumerate(
                [best * (1 + 0.01 * step) for step in range(12)] + [1e-4, 0.03, 0.05, 0.1] * 9
            )
        ]
        spec = virtual.spec(20, "tpe", 0, 8).model_copy(update={"objectives": ("accuracy",)})
        space: Space = {"family": Branch({"split": virtual.SPACE["family"].options["split"]})}
        engine = Engine(spec, space, begin(virtual, Known((), trials)))
        drawn = [engine._suggester.suggest(number) for number in range(20)]
        shares[best] = sum(float(values["beta"]) > 0.3 for values in drawn) / len(drawn)
    assert shares[0.7] > 0.5 > 0.2 > shares[1e-3]


def begin(virtual: SimpleNamespace, *events: Event) -> list[Entry]:
    first = Created("virtual", {"trials": 8}, "0")
    return [Entry(seq, float(seq), event) for seq, event in enumerate((first, *events))]


POINT = {"family": "label", "merged": 4}


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (
            Known([{**POINT, "merged": 99}]),
            r"does not hold .*merged: must be a whole number from 2 to 10, got 99",
        ),
        (Known([{"family": "label"}]), "does not hold .*merged: is missing"),
        (Known([{"merged": 4}]), "start_with: the family is missing"),
        (Known([POINT, POINT]), "start_with: something is listed twice"),
        (Known((), [known_trial(POINT), known_trial(POINT)]), "trials: something is listed twice"),
        (Known((), [{**known_trial(POINT), "accuracy": 1.5}]), "accuracy ≤ 1"),
        (
            Known((), [{**known_trial(POINT), "rate_bits": float("nan")}]),
            "rate_bits: Input should be a finite",
        ),
        (Known((), [{**known_trial(POINT), "test": {}}]), "test: Extra inputs are not permitted"),
        (Known((), [known_trial({**POINT, "beta": 1.0})]), "beta: is a parameter only where family is split"),
        (Known((), (), [{"source": "a", "identity": 3}]), "identity: Input should be a valid string"),
    ],
)
def test_a_forged_event_is_refused(virtual: SimpleNamespace, event: Known, problem: str) -> None:
    with pytest.raises(LedgerDamagedError, match=f"entry 1 of the ledger, known: .*{problem}"):
        Engine(virtual.spec(), virtual.SPACE, begin(virtual, event))


def test_it_comes_once_and_before_the_first_plan(virtual: SimpleNamespace) -> None:
    plan = Planned("t0000", 0, 1, POINT)
    for events in ((Known([POINT]), Known([POINT])), (plan, Known([POINT]))):
        with pytest.raises(LedgerDamagedError, match="it comes twice, or after the first trial was planned"):
            Engine(virtual.spec(), virtual.SPACE, begin(virtual, *events))
    with pytest.raises(ValueError, match="start_with has at most 1000 items, got 1001"):
        Known([POINT] * 1001)


def test_a_point_whose_trial_was_lost_is_not_planned_again(virtual: SimpleNamespace) -> None:
    points = [POINT, {**POINT, "merged": 5}]
    entries = begin(virtual, Known(points), Planned("t0000", 0, 1, POINT), Resumed("again"))
    engine = Engine(virtual.spec(), virtual.SPACE, entries)
    assert engine._suggester.suggest(1) == points[1]
    assert isinstance(engine.next_command(), Start), "it is started again"


# None of it is a trial of this sweep.


def test_a_perfect_known_trial_is_nowhere_in_the_results(virtual: SimpleNamespace, tmp_path: Path) -> None:
    from ratefront.report.write_report import write_report

    poison = known_trial(POINT, "t0000", rate_bits=0.0, accuracy=1.0, transmitter_bytes=0)
    sweep = FakeSweep(tmp_path, to_plain(load().spec))
    sweep.append(Known([label()], [{**poison, "values": label()}]))
    sweep.finish(label("merged", merged_classes=2), 2.0, 0.8, 1000)
    folder = sweep.end()
    history = read_history(folder)
    assert history.known is not None
    assert [trial.params.trial_id for trial in front_of(history)] == ["t0000"]
    assert (len(history.trials), history.trials_ended, sum(history.counts.values())) == (1, 1, 1)
    write_report(folder)
    for path in (folder.trials_csv, folder.front_csv):
        (row,) = path.read_text().splitlines()[1:]
        assert "merged" in row
    summary = folder.summary.read_text()
    assert '"trials_finished": 1' in summary
    assert "1.0," not in [line.strip() for line in summary.splitlines() if "accuracy" in line]
