"""Where a sweep's pages are: found in the store, and shown by addresses that work."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tracking.ledger_stories import START, Story, created, planned, started
from tests.tracking.tracked_places import MlflowPlace, show

from ratefront.errors import InputError
from ratefront.history.events import Created
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.browsing.mlflow_pages import SweepLocation, find_sweep, page_addresses, sweep_of
from ratefront.tracking.mlflow.saved_views import sweeps_address, trials_address, view_tags
from ratefront.tracking.tracker_protocol import TrackedSweep

pytestmark = pytest.mark.medium

BASE = "http://127.0.0.1:5000"


def one_trial() -> Story:
    return Story().tell(created(), planned(0), started(0))


def tracked_sweep(story: Story) -> TrackedSweep:
    event = story.entries[0].event
    assert isinstance(event, Created)
    return TrackedSweep(event.sweep, story.entries[0].time, event.ratefront_version, event.spec)


@pytest.fixture(scope="module")
def store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    show(one_trial(), MlflowPlace.copied(empty_store, folder))
    return folder / "mlflow.db"


@pytest.fixture
def tracked(store: Path, tmp_path: Path) -> MlflowPlace:
    """A store of its own with the sweep in it."""
    return MlflowPlace.copied(store, tmp_path)


def test_the_sweeps_own_run_is_found(tracked: MlflowPlace) -> None:
    sweep = tracked_sweep(one_trial())
    location = find_sweep(tracked.uri, sweep)
    assert location is not None
    assert location.run_id in {
        run.info.run_id for run in tracked.stored() if run.data.tags.get("sweep") == "digits"
    }
    assert location.tags >= view_tags(sweep.objectives, sweep.identity).keys()


def test_a_missing_sweep_gives_the_newest_experiment(tracked: MlflowPlace) -> None:
    location = find_sweep(tracked.uri, TrackedSweep("other", START, "0.1.0"))
    assert location is not None
    assert location.run_id is None
    assert location == find_sweep(tracked.uri, None)
    assert location.experiment_id == tracked.client.get_experiment_by_name(tracked.experiment).experiment_id


def test_a_sweep_is_found_in_an_older_experiment_too(tracked: MlflowPlace) -> None:
    tracked.client.create_experiment("newer")
    location = find_sweep(tracked.uri, tracked_sweep(one_trial()))
    assert location is not None
    assert location.experiment_id == tracked.client.get_experiment_by_name(tracked.experiment).experiment_id


def test_a_deleted_run_is_not_found(tracked: MlflowPlace) -> None:
    sweep = tracked_sweep(one_trial())
    location = find_sweep(tracked.uri, sweep)
    assert location is not None
    tracked.client.delete_run(location.run_id)
    again = find_sweep(tracked.uri, sweep)
    assert again is not None
    assert again.run_id is None


def test_a_sweep_has_three_pages() -> None:
    sweep = tracked_sweep(one_trial())
    tags = frozenset(view_tags(sweep.objectives, sweep.identity))
    place = SweepLocation("7", tags, "ab12")
    assert page_addresses(BASE, place, sweep) == {
        "trials of digits": trials_address(BASE, "7", sweep.identity, sweep.objectives, tags),
        "the sweep itself": f"{BASE}/#/experiments/7/runs/ab12?workflowType=machine_learning",
        "all sweeps": sweeps_address(BASE, "7", tags),
    }


def test_addresses_leave_out_views_that_are_missing() -> None:
    pages = page_addresses(
        BASE, SweepLocation("7", frozenset({"mlflow.note.content"}), "ab12"), tracked_sweep(one_trial())
    )
    assert len(pages) == 3
    assert not any("viewStateShareKey" in address for address in pages.values())
    assert "searchFilter" in pages["trials of digits"]


def test_without_a_sweep_or_its_location_there_is_a_page() -> None:
    assert page_addresses(BASE, SweepLocation("7", frozenset()), None) == {
        "all sweeps": f"{BASE}/#/experiments/7/runs?workflowType=machine_learning"
    }
    assert page_addresses(BASE, None, tracked_sweep(one_trial())) == {
        "all experiments": f"{BASE}/#/experiments?workflowType=machine_learning"
    }


def test_a_folder_names_its_sweep(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    with Ledger(folder.ledger, lambda: START) as ledger:
        ledger.append(created())
    assert sweep_of(folder).identity == tracked_sweep(one_trial()).identity
    assert sweep_of(folder).objectives == {"rate_bits": "minimise", "accuracy": "maximise"}


def test_an_empty_ledger_is_no_sweep(tmp_path: Path) -> None:
    SweepFolder(tmp_path).ledger.touch()
    with pytest.raises(InputError, match="has not begun"):
        sweep_of(SweepFolder(tmp_path))
