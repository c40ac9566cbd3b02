from __future__ import annotations

from pathlib import Path

import pytest
from tests.watched_files import WatchedFiles

from ratefront.store.ledger.stop_requests import StopRequest, leave_request, take_requests
from ratefront.store.sweep_folder import SweepFolder


def test_requests_are_taken_once_and_in_order(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    requests = [StopRequest(f"t{number:04d}", "by hand") for number in (3, 1, 2)] + [
        StopRequest(None, "enough, β")
    ]
    for request in requests:
        leave_request(folder, request)
    assert take_requests(folder) == requests
    assert take_requests(folder) == []
    assert list(folder.requests.iterdir()) == []


def test_a_request_can_be_withdrawn(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    leave_request(folder, StopRequest(None, "no")).unlink()
    assert take_requests(folder) == []


def test_without_a_request_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert take_requests(SweepFolder(tmp_path)) == []
    assert list(tmp_path.iterdir()) == [], "and nothing is made"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"trial_id": "t0001"',
        b"[]",
        b"3",
        b'{"trial_id": 3, "reason": "x"}',
        b'{"trial_id": "t0001"}',
        b'{"trial_id": "t0001", "reason": "x", "more": 1}',
        b"\xff\xfe",
        b'{"trial_id": "../t0001", "reason": "x"}',
        b'{"trial_id": "", "reason": "x"}',
    ],
)
def test_a_file_that_is_no_request_is_removed_and_ignored(tmp_path: Path, content: bytes) -> None:
    folder = SweepFolder(tmp_path)
    folder.requests.mkdir()
    (folder.requests / "0.json").write_bytes(content)
    leave_request(folder, StopRequest("t0001", "by hand"))
    assert take_requests(folder) == [StopRequest("t0001", "by hand")]
    assert list(folder.requests.iterdir()) == []


def test_a_request_that_is_being_written_is_left(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    folder.requests.mkdir()
    draft = folder.requests / ".1.json.abc.tmp"
    draft.write_text('{"trial')
    (folder.requests / "a-folder.json").mkdir()
    assert take_requests(folder) == []
    assert draft.exists()


def test_a_request_too_deep_to_read_is_removed(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    folder.requests.mkdir()
    (folder.requests / "0.json").write_text("[" * 100_000)
    assert take_requests(folder) == []
    assert list(folder.requests.iterdir()) == []


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    folder, outside = SweepFolder(tmp_path / "sweep"), tmp_path / "outside.json"
    folder.requests.mkdir(parents=True)
    outside.write_text('{"trial_id": null, "reason": "x"}')
    (folder.requests / "0.json").symlink_to(outside)
    with WatchedFiles(outside) as watched:
        assert take_requests(folder) == []
        assert watched.accesses() == []
    assert list(folder.requests.iterdir()) == []
