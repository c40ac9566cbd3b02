"""The parts of a running sweep that need no cluster."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ratefront.engine.messages import Broke, Fact, Progressed, Returned
from ratefront.errors import EngineError, InputError
from ratefront.orchestrate.environment import describe_environment
from ratefront.orchestrate.interrupts import Interrupted, interrupts
from ratefront.orchestrate.opening import check_folder
from ratefront.orchestrate.quiet import quiet
from ratefront.orchestrate.redraw import Redrawer
from ratefront.orchestrate.reference import LiveReference
from ratefront.orchestrate.wire import decode, encode
from ratefront.store.folder import SweepFolder


@pytest.mark.parametrize(
    "fact",
    [
        Progressed("t0001", 2, 3, {"loss": 0.1, "accuracy": 1.0}),
        Returned("t0001", 1, {"validation": {"rate_bits": 2.5}, "extra": {}}),
        Broke("t0001", 1, "ValueError", "why β", True),
    ],
)
def test_facts_survive_the_wire(fact: Fact) -> None:
    assert decode(encode(fact)) == fact


def test_the_wire_carries_numpy_and_nan_and_nothing_that_has_no_text() -> None:
    sent = Progressed("t", 1, 1, {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan")})
    metrics = decode(encode(sent)).metrics
    assert (metrics["a"], metrics["b"], type(metrics["b"])) == (0.5, 3, int)
    assert math.isnan(metrics["c"])
    with pytest.raises(TypeError, match="not object"):
        encode(Returned("t", 1, {"x": object()}))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_at_the_next_check_and_a_second_at_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interrupts() as caught:
        caught.check()
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        with pytest.raises(Interrupted, match=number.name):
            caught.check()
        with pytest.raises(Interrupted, match="again"):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_quiet_puts_the_environment_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "1")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    before = dict(os.environ)
    with quiet():
        assert os.environ["RAY_CHDIR_TO_TRIAL_DIR"] == "0"
    assert dict(os.environ) == before


def test_a_reference_is_shared_by_copies_and_lost_in_a_pickle() -> None:
    reference = LiveReference(SimpleNamespace())  # type: ignore[arg-type]
    assert copy.deepcopy({"x": reference})["x"].sweep is reference.sweep
    with pytest.raises(EngineError, match="resume"):
        _ = pickle.loads(pickle.dumps(reference)).sweep


def test_the_environment_says_versions_commit_and_machine() -> None:
    told = describe_environment()
    assert told["packages"]["ray"]
    assert told["cpus_usable"] >= 1
    assert set(told) >= {"git_commit", "git_diff", "python", "platform", "cpu_count", "command"}
    json.dumps(told)


class TestFolder:
    def test_a_new_sweep_takes_a_folder_that_is_not_there_or_empty(self, tmp_path: Path) -> None:
        check_folder(SweepFolder(tmp_path), resume=False)
        check_folder(SweepFolder(tmp_path / "new"), resume=False)

    @pytest.mark.parametrize(
        ("name", "resume", "rule"),
        [("notes.txt", False, "not empty"), ("ledger.jsonl", False, "--resume"), ("x", True, "no sweep to")],
    )
    def test_what_is_refused(self, tmp_path: Path, name: str, resume: bool, rule: str) -> None:
        (tmp_path / name).touch()
        with pytest.raises(InputError, match=rule):
            check_folder(SweepFolder(tmp_path), resume)

    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="not a folder"):
            check_folder(SweepFolder(tmp_path / "file"), resume=False)

    def test_a_tracking_address_of_no_kind_leaves_nothing_behind(
        self, fake: SimpleNamespace, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match="ftp"):
            fake.run(fake.loaded(2), tmp_path / "sweep", tracking_uri="ftp://somewhere")
        assert not (tmp_path / "sweep").exists()


def history(ended: int) -> Any:
    return SimpleNamespace(with_status=lambda *statuses: [None] * ended)


class TestRedraw:
    def redrawer(
        self, tmp_path: Path, draw: Callable[[SweepFolder], Any], interval_s: float = 0.0
    ) -> Redrawer:
        return Redrawer(draw, SweepFolder(tmp_path), interval_s)

    def test_draws_beside_the_sweep_and_one_at_a_time(self, tmp_path: Path) -> None:
        release, drawn = threading.Event(), []

        def draw(folder: SweepFolder) -> None:
            drawn.append(threading.current_thread())
            release.wait(5)

        redrawer = self.redrawer(tmp_path, draw)
        redrawer.maybe(history(1))
        redrawer.maybe(history(2))
        release.set()
        redrawer.wait()
        assert len(drawn) == 1
        assert drawn[0] is not threading.main_thread()

    def test_draws_only_what_is_new(self, tmp_path: Path) -> None:
        drawn: list[int] = []
        redrawer = self.redrawer(tmp_path, lambda folder: drawn.append(1))
        for ended in (0, 1, 1, 1):
            redrawer.maybe(history(ended))
            redrawer.wait()
            time.sleep(0.01)
        assert len(drawn) == 1

    def test_keeps_its_pace(self, tmp_path: Path) -> None:
        drawn: list[int] = []
        redrawer = self.redrawer(tmp_path, lambda folder: drawn.append(1), interval_s=60)
        for ended in range(1, 5):
            redrawer.maybe(history(ended))
        redrawer.wait()
        assert drawn == []

    def test_a_live_drawing_that_fails_is_no_matter_the_last_one_is(self, tmp_path: Path) -> None:
        def draw(folder: SweepFolder) -> None:
            raise ValueError("no points yet")

        redrawer = self.redrawer(tmp_path, draw)
        redrawer.maybe(history(1))
        redrawer.wait()
        with pytest.raises(ValueError, match="no points yet"):
            redrawer.last()


def test_importing_the_sweep_loads_neither_ray_nor_torch_nor_mlflow() -> None:
    script = (
        "import sys, ratefront.orchestrate.sweep;"
        "print([name for name in ('ray', 'torch', 'mlflow') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
