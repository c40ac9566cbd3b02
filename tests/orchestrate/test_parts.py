"""The parts of a running sweep that need no cluster."""

from __future__ import annotations

import copy
import math
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ratefront.engine.messages import Fact
from ratefront.errors import EngineError, InputError
from ratefront.history.events import Failed, Finished, Reported
from ratefront.orchestrate import report_redraw
from ratefront.orchestrate.cluster.ray_cluster import connected
from ratefront.orchestrate.cluster.ray_logging import quiet_ray
from ratefront.orchestrate.interrupts import Interrupts
from ratefront.orchestrate.report_redraw import Redrawer
from ratefront.orchestrate.sweep_followers import SweepFollowers
from ratefront.orchestrate.tune.live_sweep_reference import LiveSweepReference
from ratefront.orchestrate.tune.worker_messages import decode_message, encode_message
from ratefront.store.sweep_folder import SweepFolder


@pytest.mark.parametrize(
    "fact",
    [
        Reported("t0001", 2, 3, {"loss": 0.1, "accuracy": 1.0}),
        Finished("t0001", 1, {"validation": {"rate_bits": 2.5}, "extra": {}}),
        Failed("t0001", 1, "ValueError", "why β", retryable=True),
    ],
)
def test_facts_survive_the_wire(fact: Fact) -> None:
    assert decode_message(encode_message(fact)) == fact


def test_the_wire_carries_numpy_and_nan_and_nothing_that_has_no_text() -> None:
    sent = Reported("t", 1, 1, {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan")})
    metrics = decode_message(encode_message(sent)).metrics
    assert (metrics["a"], metrics["b"], type(metrics["b"])) == (0.5, 3, int)
    assert math.isnan(metrics["c"])
    with pytest.raises(TypeError, match="not object"):
        encode_message(Finished("t", 1, {"x": object()}))


def test_quiet_puts_the_environment_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "1")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    before = dict(os.environ)
    with quiet_ray():
        assert os.environ["RAY_CHDIR_TO_TRIAL_DIR"] == "0"
    assert dict(os.environ) == before


def test_a_reference_is_shared_by_copies_and_lost_in_a_pickle() -> None:
    reference = LiveSweepReference(SimpleNamespace())  # type: ignore[arg-type]
    assert copy.deepcopy({"x": reference})["x"].sweep is reference.sweep
    with pytest.raises(EngineError, match="resume"):
        _ = pickle.loads(pickle.dumps(reference)).sweep


def test_a_display_that_breaks_is_dropped_and_the_sweep_goes_on(
    fake: SimpleNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[Any] = []

    def show(history: Any) -> None:
        shown.append(history)
        raise BrokenPipeError(32, "Broken pipe")

    folder = SweepFolder(tmp_path)
    following = SweepFollowers(folder, fake.loaded(1).spec, None, Redrawer(folder), show)
    following.changed(history(1))
    following.changed(history(2))
    assert len(shown) == 1
    assert "not shown any more" in caplog.text


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "no.such.host.invalid:6379", "127.0.0.1:99999", "garbage"]
)
def test_a_cluster_that_does_not_answer_is_bad_input(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InputError, match=f"RAY_ADDRESS: .*{address}"), connected(Interrupts()):
        pass


def history(ended: int) -> Any:
    return SimpleNamespace(trials_ended=ended, ended_order=[], trials={}, spec={})


class TestRedraw:
    @pytest.fixture
    def redrawer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Redrawer]:
        """One whose report is drawn by a function of one's own."""

        def drawing(draw: Callable[[SweepFolder], Any], interval_s: float = 0.0) -> Redrawer:
            monkeypatch.setattr(report_redraw, "write_report", draw)
            return Redrawer(SweepFolder(tmp_path), interval_s)

        return drawing

    def test_draws_beside_the_sweep_and_one_at_a_time(self, redrawer: Callable[..., Redrawer]) -> None:
        release, drawn = threading.Event(), []

        def draw(folder: SweepFolder) -> None:
            drawn.append(threading.current_thread())
            release.wait(5)

        drawn_by = redrawer(draw)
        drawn_by.draw_if_due(history(1))
        drawn_by.draw_if_due(history(2))
        release.set()
        drawn_by.wait()
        assert len(drawn) == 1
        assert drawn[0] is not threading.main_thread()

    def test_draws_only_what_is_new(self, redrawer: Callable[..., Redrawer]) -> None:
        drawn: list[int] = []
        drawn_by = redrawer(lambda folder: drawn.append(1))
        for ended in (0, 1, 1, 1):
            drawn_by.draw_if_due(history(ended))
            drawn_by.wait()
            time.sleep(0.01)
        assert len(drawn) == 1

    def test_keeps_its_pace(self, redrawer: Callable[..., Redrawer]) -> None:
        drawn: list[int] = []
        drawn_by = redrawer(lambda folder: drawn.append(1), interval_s=60)
        for ended in range(1, 5):
            drawn_by.draw_if_due(history(ended))
        drawn_by.wait()
        assert drawn == []

    def test_a_live_drawing_that_fails_is_no_matter_the_last_one_is(
        self, redrawer: Callable[..., Redrawer]
    ) -> None:
        def draw(folder: SweepFolder) -> None:
            raise ValueError("no points yet")

        drawn_by = redrawer(draw)
        drawn_by.draw_if_due(history(1))
        drawn_by.wait()
        with pytest.raises(ValueError, match="no points yet"):
            drawn_by.draw_final(history(1))

    def test_what_need_not_stay_goes_when_the_report_has_been_drawn(
        self, redrawer: Callable[..., Redrawer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[Any] = []
        monkeypatch.setattr(report_redraw, "apply_retention", lambda folder, history: done.append(history))
        drawn_by = redrawer(lambda folder: done.append("drawn"))
        live = history(1)
        drawn_by.draw_if_due(live)
        drawn_by.wait()
        assert done == ["drawn", live]
        drawn_by.draw_final(live)
        assert done == ["drawn", live] * 2

    def test_nothing_goes_that_has_not_been_drawn(
        self, redrawer: Callable[..., Redrawer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def draw(folder: SweepFolder) -> None:
            raise ValueError("no points yet")

        monkeypatch.setattr(report_redraw, "apply_retention", lambda *values: pytest.fail("too early"))
        drawn_by = redrawer(draw)
        drawn_by.draw_if_due(history(1))
        drawn_by.wait()
