"""A sweep of fake trials on a real Ray cluster."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.history.sweep_history import SweepHistory
from ratefront.orchestrate import report_redraw
from ratefront.orchestrate.sweep_driver import WorkerFunctions, run_sweep
from ratefront.report.write_report import DrawnReport
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.space.dimensions import Branch, Choice, Space
from ratefront.spec.sweep_spec import Named, Resources, Sampler, SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.tracker_protocol import TrackedEnding

HERE = Path(__file__).parent
WORK = WorkerFunctions("fake_work:trial_steps", "fake_work:prepare", "fake_work:limit_memory")


class SilentFollower:
    """A follower that only remembers how it was left."""

    def __init__(self) -> None:
        self.finished: list[TrackedEnding] = []
        self.wakes = 0

    def wake(self) -> None:
        self.wakes += 1

    def finish(self, ending: TrackedEnding, patience: float, at_most: float = math.inf) -> int:
        self.finished.append(ending)
        return 0


def loaded(
    trials: int,
    options: tuple[int, ...] = (7, 8, 9),
    families: Mapping[str, tuple[int, ...]] | None = None,
    families_need: Mapping[str, Any] | None = None,
    **resources: Any,
) -> LoadedSpec:
    """Trials that draw ``merged`` from ``options``; ``families`` has other ones for each of several families."""
    drawn = dict(families or {"label": options})
    space: Space = {"family": Branch({name: {"merged": Choice(tuple(own))} for name, own in drawn.items()})}
    spec = SweepSpec(
        name="fake",
        dataset=Named(name="digits"),
        task_model=Named(name="small_cnn"),
        space={"family": {name: {"merged": list(own)} for name, own in drawn.items()}},
        trials=trials,
        sampler=Sampler(name="random", startup_trials=1000),
        repeats=Repeats.model_validate(1),
        resources=Resources.model_validate(resources | {"families": dict(families_need or {})}),
    )
    return LoadedSpec(spec, space)


def drawn(folder: SweepFolder, history: SweepHistory | None = None) -> DrawnReport:
    """A report that is drawn at once."""
    folder.report.write_text("drawn")
    return DrawnReport((folder.report,), {"hypervolume": 1.0}, (), "n")


def run(spec: LoadedSpec, folder: Path, report: Callable[..., DrawnReport] = drawn, **changes: Any) -> Any:
    settings: Mapping[str, Any] = {
        "resume": False,
        "tracking_uri": None,
        "on_update": None,
        "functions": WORK,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_redraw, "write_report", report)
        return run_sweep(spec, SweepFolder(folder), **(dict(settings) | changes))


@pytest.fixture(scope="session")
def fake() -> SimpleNamespace:
    return SimpleNamespace(loaded=loaded, run=run, drawn=drawn, HERE=HERE, WORK=WORK)


@contextmanager
def silent_follower() -> Iterator[SilentFollower]:
    follower = SilentFollower()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ratefront.orchestrate.sweep_followers.open_tracking", lambda *_, **__: follower)
        yield follower


@pytest.fixture
def follower() -> Iterator[SilentFollower]:
    with silent_follower() as follower:
        yield follower


@pytest.fixture(scope="module")
def module_follower() -> Iterator[SilentFollower]:
    with silent_follower() as follower:
        yield follower


@contextmanager
def cluster_of(**resources: float) -> Iterator[None]:
    """A cluster whose workers find ``fake_work``; its GPUs need not be there."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), before]))
    sys.path.insert(0, str(HERE))
    try:
        from ratefront.orchestrate.cluster.ray_logging import quiet_ray

        with quiet_ray():
            import ray

            from ratefront.orchestrate.cluster.ray_cluster import _silence_ray_prints

            _silence_ray_prints()
            ray.init("local", include_dashboard=False, log_to_driver=False, logging_level=50, **resources)
            yield
            ray.shutdown()
    finally:
        sys.path.remove(str(HERE))
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One cluster for a module."""
    with cluster_of(num_cpus=2):
        yield


@pytest.fixture(scope="module")
def gpu_cluster() -> Iterator[None]:
    with cluster_of(num_cpus=4, num_gpus=1):
        yield
