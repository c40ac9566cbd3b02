"""A sweep of fake trials on a real Ray cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.orchestrate.sweep import Work, run_sweep
from ratefront.spec.check import LoadedSpec
from ratefront.spec.schema import Named, Resources, Sampler, SweepSpec, Tracking
from ratefront.spec.space import Branch, Choice, Space
from ratefront.store.folder import SweepFolder

HERE = Path(__file__).parent
WORK = Work("fake_work:trial_steps", "fake_work:prepare")


class SilentFollower:
    """A follower that only remembers how it was left."""

    def __init__(self) -> None:
        self.finished: list[dict[str, Any]] = []
        self.wakes = 0

    def wake(self) -> None:
        self.wakes += 1

    def finish(self, *values: Any) -> int:
        names = ("figures", "artifacts", "front", "note", "interrupted", "timeout")
        self.finished.append(dict(zip(names, values, strict=True)))
        return 0


def loaded(
    trials: int, options: tuple[int, ...] = (7, 8, 9), concurrent: int = 2, cpus: float = 1.0
) -> LoadedSpec:
    space: Space = {"family": Branch({"label": {"merged": Choice(options)}})}
    spec = SweepSpec(
        name="fake",
        dataset=Named(name="digits"),
        task_model=Named(name="small_cnn"),
        space={},
        trials=trials,
        sampler=Sampler(name="random", startup_trials=max(trials, len(options))),
        resources=Resources(cpus=cpus, concurrent=concurrent),
        tracking=Tracking(),
    )
    return LoadedSpec(spec, space)


def drawn(folder: SweepFolder) -> SimpleNamespace:
    folder.report.write_text("drawn")
    return SimpleNamespace(figures={"hypervolume": 1.0}, artifacts=[folder.report], front={"t0000"}, note="n")


def run(spec: LoadedSpec, folder: Path, **changes: Any) -> Any:
    settings: Mapping[str, Any] = {
        "resume": False, "tracking_uri": None, "on_update": None, "finish": drawn, "work": WORK,
    }  # fmt: skip
    return run_sweep(spec, SweepFolder(folder), **(dict(settings) | changes))


@pytest.fixture(scope="session")
def fake() -> SimpleNamespace:
    return SimpleNamespace(loaded=loaded, run=run, drawn=drawn, HERE=HERE)


@pytest.fixture
def follower(monkeypatch: pytest.MonkeyPatch) -> SilentFollower:
    found = SilentFollower()
    monkeypatch.setattr("ratefront.tracking.open_tracking", lambda read_new, uri, experiment: found)
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One cluster for a module; its workers find ``fake_work``."""
    from ratefront.orchestrate.quiet import quiet

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), before]))
    sys.path.insert(0, str(HERE))
    try:
        with quiet():
            import ray

            from ratefront.orchestrate.cluster import _start

            _start()
            yield
            ray.shutdown()
    finally:
        sys.path.remove(str(HERE))
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
