"""The report is redrawn beside the sweep: one drawing at a time, and no more often than it may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.orchestrate import report_redraw
from ratefront.orchestrate.report_redraw import Redrawer
from ratefront.store.sweep_folder import SweepFolder


def history(ended: int) -> Any:
    live = SimpleNamespace(ended_order=[""] * ended, trials={}, spec={})
    live.snapshot = lambda: SimpleNamespace(**{**vars(live), "of": live})
    return live


class TestRedraw:
    @pytest.fixture
    def redrawer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Redrawer]:
        """A redrawer whose report is drawn by the test's function."""

        def drawing(draw: Callable[..., Any], interval_s: float = 0.0) -> Redrawer:
            monkeypatch.setattr(report_redraw, "write_report", draw)
            return Redrawer(SweepFolder(tmp_path), interval_s)

        return drawing

    def test_draws_in_a_thread_one_at_a_time(self, redrawer: Callable[..., Redrawer]) -> None:
        release, drawn = threading.Event(), []

        def draw(folder: SweepFolder, shown: Any) -> None:
            drawn.append(threading.current_thread())
            release.wait(5)

        drawn_by = redrawer(draw)
        drawn_by.draw_if_due(history(1))
        drawn_by.draw_if_due(history(2))
        release.set()
        drawn_by.wait()
        assert len(drawn) == 1
        assert drawn[0] is not threading.main_thread()

    def test_draws_only_if_trials_have_ended(self, redrawer: Callable[..., Redrawer]) -> None:
        drawn: list[int] = []
        drawn_by = redrawer(lambda *_: drawn.append(1))
        for ended in (0, 1, 1, 1):
            drawn_by.draw_if_due(history(ended))
            drawn_by.wait()
            time.sleep(0.01)
        assert len(drawn) == 1

    def test_keeps_its_interval(self, redrawer: Callable[..., Redrawer]) -> None:
        drawn: list[int] = []
        drawn_by = redrawer(lambda *_: drawn.append(1), interval_s=60)
        for ended in range(1, 5):
            drawn_by.draw_if_due(history(ended))
        drawn_by.wait()
        assert drawn == []

    def test_only_an_error_of_the_last_drawing_is_raised(self, redrawer: Callable[..., Redrawer]) -> None:
        def draw(folder: SweepFolder, shown: Any) -> None:
            raise ValueError("no points yet")

        drawn_by = redrawer(draw)
        drawn_by.draw_if_due(history(1))
        drawn_by.wait()
        with pytest.raises(ValueError, match="no points yet"):
            drawn_by.draw_final(history(1))

    def test_files_are_deleted_after_the_drawing(
        self, redrawer: Callable[..., Redrawer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[Any] = []
        monkeypatch.setattr(report_redraw, "apply_retention", lambda folder, history: steps.append(history))
        drawn_by = redrawer(lambda *_: steps.append("drawn"))
        live = history(1)
        drawn_by.draw_if_due(live)
        drawn_by.wait()
        assert [steps[0], steps[1].of] == ["drawn", live], "a copy, since the sweep goes on"
        drawn_by.draw_final(live)
        assert steps[2:] == ["drawn", live]

    def test_no_file_is_deleted_if_the_drawing_fails(
        self, redrawer: Callable[..., Redrawer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def draw(folder: SweepFolder, shown: Any) -> None:
            raise ValueError("no points yet")

        monkeypatch.setattr(report_redraw, "apply_retention", lambda *values: pytest.fail("too early"))
        drawn_by = redrawer(draw)
        drawn_by.draw_if_due(history(1))
        drawn_by.wait()
