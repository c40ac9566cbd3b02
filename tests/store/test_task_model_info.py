"""What a sweep's folder says of its data set, to those who have neither it nor torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builders import FakeSweep
from tests.permission_checks import permissions_apply

import ratefront as rf
from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.task_model_info import DatasetInfo, read_dataset_info, read_task_model_info

FOUND = {
    "dataset_digest": "ab12",
    "samples": {"train": 1000, "validation": 200, "test": 300},
    "shape": [1, 8, 8],
    "classes": 10,
}
NAMED = DatasetInfo("digits", {"split_seed": 0})


def dataset_info_of(sweep: FakeSweep) -> DatasetInfo | None:
    return read_dataset_info(sweep.folder, read_history(sweep.folder))


def write_facts(sweep: FakeSweep, facts: Any) -> None:
    (sweep.folder.task_model / "facts.json").write_text(json.dumps(facts))


def test_a_data_set_has_what_was_found_of_it(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    write_facts(sweep, {"identity": "x", "raw_bits": 512, "task_model_bytes": 900, **FOUND})
    assert dataset_info_of(sweep) == DatasetInfo(
        "digits", {"split_seed": 0}, "ab12", {"train": 1000, "validation": 200, "test": 300}, (1, 8, 8), 10
    )
    assert read_task_model_info(sweep.folder, read_history(sweep.folder)).raw_bits == 512


def test_what_an_older_cache_lacks_is_unknown(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    write_facts(sweep, {"raw_bits": 512, "task_model_bytes": 900, "classes": 10})
    assert dataset_info_of(sweep) == DatasetInfo("digits", {"split_seed": 0}, classes=10)


def test_before_the_task_model_is_ready_the_data_set_has_its_name(tmp_path: Path) -> None:
    assert dataset_info_of(FakeSweep(tmp_path, task_model=False)) == NAMED


def test_before_the_sweep_is_created_there_is_no_data_set(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    assert read_dataset_info(sweep.folder, SweepHistory()) is None


@pytest.mark.parametrize(
    "facts",
    [
        3,
        "text",
        [1],
        {"dataset_digest": 7},
        {"samples": 1000},
        {"samples": {"train": "1000"}},
        {"samples": {"train": 1e3}},
        {"shape": 8},
        {"shape": ["8", "8"]},
        {"classes": "ten"},
        {"classes": True},
        {"classes": 10**400},
        {"raw_bits": "512"},
        {"raw_bits": 0},
        {"raw_bits": float("inf")},
        {"raw_bits": float("nan")},
        {"raw_bits": 10**400},
        {"task_model_bytes": -1},
        {"task_model_bytes": float("inf")},
        {"task_model_bytes": 1e308},
    ],
)
def test_wrong_content_of_facts_json_names_the_file(tmp_path: Path, facts: Any) -> None:
    sweep = FakeSweep(tmp_path)
    write_facts(sweep, facts)
    with pytest.raises(InputError, match=r"facts\.json: expected an object with raw_bits"):
        dataset_info_of(sweep)
    with pytest.raises(InputError, match=r"facts\.json: expected an object with raw_bits"):
        rf.open(tmp_path).report()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_facts_json_that_is_no_json_names_the_file(tmp_path: Path, content: bytes) -> None:
    sweep = FakeSweep(tmp_path)
    (sweep.folder.task_model / "facts.json").write_bytes(content)
    with pytest.raises(InputError, match=r"facts\.json"):
        dataset_info_of(sweep)


@pytest.mark.parametrize("read", [read_dataset_info, read_task_model_info])
def test_facts_that_may_not_be_read_are_not_called_wrong(tmp_path: Path, read: Callable[..., Any]) -> None:
    sweep = FakeSweep(tmp_path)
    write_facts(sweep, FOUND)
    (sweep.folder.task_model / "facts.json").chmod(0)
    history = read_history(sweep.folder)
    with permissions_apply(), pytest.raises(PermissionError, match="facts"):
        read(sweep.folder, history)
