"""What a group of people has: MLflow's server over HTTP, on PostgreSQL, files through the server, passwords."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.builders import FakeSweep, label, split
from tests.tracking.ledger_stories import Story, created, finished, planned, reported, started, whole_sweep
from tests.tracking.mlflow_servers import Guarded, MlflowServer, Postgres
from tests.tracking.tracked_places import MemoryPlace, MlflowPlace, by_trial, fake_codec, finish, follow, show
from typer.testing import CliRunner

import ratefront as rf
from ratefront.cli import app
from ratefront.history.events import Reported
from ratefront.orchestrate.environment.describe_environment import write_environment
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking import open_tracking
from ratefront.tracking.delivery.follower import Follower, FollowerTiming
from ratefront.tracking.mlflow.mlflow_tracker import MlflowTracker
from ratefront.tracking.run_keys import MetricPoint
from ratefront.tracking.tracker_protocol import TrackedEnding, TrialUpdate

pytestmark = pytest.mark.slow

PATIENCE_S = 300.0  # of tests, on machines that have much else to do


def trials(numbers: range, epochs: int) -> Story:
    """Trials that ran side by side and finished, with two curves each."""
    story = Story().tell(created(), *(planned(number) for number in numbers))
    return tell_trials(story, numbers, epochs)


def tell_trials(story: Story, numbers: range, epochs: int) -> Story:
    story.tell(*(started(number) for number in numbers))
    for step in range(1, epochs + 1):
        story.tell(*(reported(number, step, loss=number + 1 / step, rate=float(step)) for number in numbers))
    return story.tell(*(finished(number) for number in numbers))


def rows(database: str, query: str, *values: str) -> list[tuple[object, ...]]:
    import psycopg2

    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def curves(database: str, experiment: str) -> Counter[tuple[str, MetricPoint]]:
    """How often each point of a curve stands in the database, over all runs that a person sees."""
    query = """
        SELECT tags.value, metrics.key, metrics.value, metrics.timestamp, metrics.step FROM metrics
        JOIN runs ON runs.run_uuid = metrics.run_uuid AND runs.lifecycle_stage = 'active'
        JOIN experiments ON experiments.experiment_id = runs.experiment_id AND experiments.name = %s
        JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = 'trial_id'
        WHERE metrics.key LIKE 'epoch/%%'
    """
    return Counter((str(trial), MetricPoint(*point)) for trial, *point in rows(database, query, experiment))


def expected_points(story: Story) -> Counter[tuple[str, MetricPoint]]:
    """Each point of a curve in the story."""
    return Counter(
        (entry.event.trial_id, MetricPoint(f"epoch/{key}", value, round(entry.time * 1000), entry.event.step))
        for entry in story.entries
        if isinstance(entry.event, Reported)
        for key, value in entry.event.metrics.items()
    )


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.03)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the client works in, where nothing may be left."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert list(folder.iterdir()) == []


def test_a_server_shows_a_sweep_as_memory_does_and_has_its_files(
    server: MlflowServer, tmp_path: Path, elsewhere: Path
) -> None:
    place = MlflowPlace(server.uri, "whole")
    report = tmp_path / "report.html"
    report.write_text("<p>a front, of the whole sweep</p>")
    assert show(whole_sweep(), place, artifacts=[report]) == show(
        whole_sweep(), MemoryPlace(), artifacts=[report]
    )
    (kept,) = (
        path for path in server.artifacts.rglob("report.html") if path.read_text() == report.read_text()
    )
    (parent,) = (run for run in place.stored() if "trial_id" not in run.data.tags)
    assert parent.info.run_id in kept.parts
    fetched = place.client.download_artifacts(parent.info.run_id, "report.html", str(tmp_path / "fetched"))
    assert Path(fetched).read_text() == report.read_text()


class Crowd(MlflowTracker):
    """Counts how many trials are shown at the same time."""

    def __init__(self, uri: str, experiment: str) -> None:
        super().__init__(uri, experiment)
        self.here, self.most, self._counting = 0, 0, threading.Lock()

    def show_trial(self, update: TrialUpdate) -> None:
        with self._counting:
            self.here += 1
            self.most = max(self.most, self.here)
        try:
            super().show_trial(update)
        finally:
            with self._counting:
                self.here -= 1


def test_sixty_trials_arrive_once_each_in_parallel_calls(server: MlflowServer) -> None:
    place, story = MlflowPlace(server.uri, "sixty"), trials(range(60), epochs=3)
    tracker = Crowd(place.uri, place.experiment)
    assert finish(follow(story, tracker), patience=PATIENCE_S) == 0
    assert 1 < tracker.most <= tracker.parallel_calls
    assert Counter(run.data.tags.get("trial_id") for run in place.stored()) == Counter(
        [None, *(f"t{number:04d}" for number in range(60))]
    )
    assert {run.info.status for run in place.stored()} == {"FINISHED"}
    assert curves(server.store_uri, place.experiment) == expected_points(story)


def test_killed_servers_lose_and_double_nothing(server: MlflowServer, postgres: Postgres) -> None:
    place, database, part = MlflowPlace(server.uri, "killed"), server.store_uri, 48
    story = Story().tell(created(), *(planned(number) for number in range(4 * part)))
    timing = FollowerTiming(poll=0.05, settle=0.0, retry=0.2, retry_max=0.5, retry_max_closing=0.5)
    follower = Follower(story.reader(), place.tracker(), timing).start()

    def points() -> int:
        return curves(database, place.experiment).total()

    for round_ in range(3):
        before = points()
        tell_trials(story, range(round_ * part, (round_ + 1) * part), epochs=10)
        follower.wake()
        wait_until(lambda: points() > before)  # noqa: B023
        if round_ == 1:
            postgres.crash()
            postgres.start()
            some = points()
            assert some < expected_points(story).total(), "in the middle"
            wait_until(lambda: points() > some)  # noqa: B023
        server.kill()
        assert points() < expected_points(story).total(), "in the middle"
        server.start_soon()
    tell_trials(story, range(3 * part, 4 * part), epochs=10)
    assert finish(follower, patience=PATIENCE_S) == 0
    assert curves(database, place.experiment) == expected_points(story)
    assert expected_points(story).total() == 4 * part * 10 * 2
    runs = Counter((run.data.tags.get("trial_id"), run.info.status) for run in place.stored())
    assert runs == Counter(
        [(None, "FINISHED"), *((f"t{number:04d}", "FINISHED") for number in range(4 * part))]
    )


def small_sweep(path: Path) -> SweepFolder:
    """Two trials that finished."""
    sweep = FakeSweep(path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.finish(split("stem", 0.5), 2.1, 0.9, 2_900)
    return sweep.end()


def log_in(guarded: Guarded, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", guarded.passwords[user])


@pytest.mark.parametrize("way", ["environment", "address"])
def test_a_password_works_and_is_stored_nowhere(
    way: str,
    guarded: Guarded,
    postgres: Postgres,
    tmp_path: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log_in(guarded, "sweeper" if way == "environment" else "reader", monkeypatch)  # the address goes first
    uri = guarded.server.uri if way == "environment" else guarded.address_of("sweeper")
    folder = small_sweep(tmp_path / "digits")
    monkeypatch.setattr(sys, "argv", ["ratefront", "sweep", "--tracking-uri", uri])
    write_environment(folder)
    codec = fake_codec(tmp_path, "t0000", f"weights, {way}".encode())
    follower = open_tracking(folder, uri, way, register=way)
    assert (
        follower.finish(
            TrackedEnding("finished", artifacts=(folder.environment,), codecs=(codec,)), PATIENCE_S
        )
        == 0
    )

    runs = by_trial(MlflowPlace(uri, way))
    assert {name: run.status for name, run in runs.items()} == dict.fromkeys(
        ("", "t0000", "t0001"), "FINISHED"
    )
    assert "environment.json" in runs[""].artifacts
    assert runs["t0000"].models == {"t0000"}
    kept = {path.read_bytes() for path in guarded.server.artifacts.rglob("codec.safetensors")}
    assert f"weights, {way}".encode() in kept

    files = [
        path for place in (tmp_path, guarded.server.folder) for path in place.rglob("*") if path.is_file()
    ]
    assert folder.environment in files
    texts = [postgres.dump(), caplog.text, *(path.read_text(errors="replace") for path in files)]
    password = guarded.passwords["sweeper"]
    assert not [text for text in texts if password in text or quote(password, safe="") in text]


def test_a_wrong_password_is_reported_soon_and_plainly(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    follower = follow(whole_sweep(), MlflowTracker(guarded.address_of("sweeper", "wrong-secret"), "wrong"))
    begin = time.monotonic()
    assert finish(follower, patience=PATIENCE_S) > 0
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert "does not know this user and password (401)" in caplog.text
    assert "wrong-secret" not in caplog.text


def test_a_user_who_may_only_read_sees_the_refusal(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    show(whole_sweep(), MlflowPlace(guarded.address_of("admin"), "the admin's"))
    follower = follow(whole_sweep(), MlflowTracker(guarded.address_of("reader"), "the admin's"))
    assert finish(follower, patience=PATIENCE_S) > 0
    assert "the tracking server forbids it (403): Permission denied" in caplog.text


def command_lines() -> str:
    """Of every process that may be looked at, as ``ps`` shows them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(lines)


def test_the_command_sends_a_sweep_only_once(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(guarded, "sweeper", monkeypatch)
    folder, place = small_sweep(tmp_path / "digits"), MlflowPlace(guarded.server.uri, "sent")
    arguments = ["track", str(folder.path), "--tracking-uri", place.uri, "--experiment", "sent"]
    with subprocess.Popen(
        [Path(sys.executable).with_name("ratefront"), *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        wait_until(lambda: len(place.stored()) > 1)
        assert guarded.passwords["sweeper"] not in command_lines()
        _, errors = command.communicate(timeout=PATIENCE_S)
    assert (command.returncode, errors) == (0, f"{folder.path} is at {place.uri}\n")
    runs = by_trial(place)
    assert len(runs) == 3
    assert runs[""].status == "FINISHED"
    assert "report.html" in runs[""].artifacts
    assert rf.open(folder.path).track(place.uri, experiment="sent") == place.uri
    assert by_trial(place) == runs


def test_the_command_ends_soon_if_it_is_refused(guarded: Guarded, tmp_path: Path) -> None:
    folder = small_sweep(tmp_path / "digits")
    uri = guarded.address_of("sweeper", "wrong-secret")
    done = CliRunner().invoke(app, ["track", str(folder.path), "--tracking-uri", uri])
    assert done.exit_code == 1
    assert "does not know this user and password (401)" in done.stderr
    assert "wrong-secret" not in done.output


def test_a_database_is_written_to_without_a_server(
    new_database: Callable[[], str], tmp_path: Path, elsewhere: Path
) -> None:
    uri = new_database()
    folder = small_sweep(tmp_path / "runs" / "digits")
    folder.report.write_text("<p>front</p>")
    assert (
        open_tracking(folder, uri, "direct").finish(
            TrackedEnding("finished", artifacts=(folder.report,)), PATIENCE_S
        )
        == 0
    )
    place = MlflowPlace(uri, "direct")
    assert len(place.stored()) == 3
    assert by_trial(place)[""].artifacts >= {"report.html"}
    (kept,) = (tmp_path / "runs" / "mlartifacts").rglob("report.html")
    assert kept.read_text() == "<p>front</p>"
