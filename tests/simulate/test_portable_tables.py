"""A table's file tells nothing of the machine that it was recorded on; the package's own are such files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ratefront.simulate.problems.recorded_table import SHIPPED, RecordedTable

SIZE = 100_000


def written(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_a_saved_table_names_files_without_folders(table: RecordedTable, tmp_path: Path) -> None:
    private = {
        "dataset": {"name": "arrays", "path": "/home/someone/data/mine.npz"},
        "task_model": {"name": "module", "target": "mine:net", "weights": "/home/someone/net.pt"},
        "tracking": {"experiment": "mine", "uri": "http://tracking.somewhere:5000"},
    }
    RecordedTable("mine", {**table.spec, **private}, table.rows, table.reference).save(tmp_path / "t.json.gz")
    spec = json.loads(written(tmp_path / "t.json.gz"))["spec"]
    assert (spec["dataset"]["path"], spec["task_model"]["weights"]) == ("mine.npz", "net.pt")
    assert spec["tracking"] == {"experiment": "mine", "uri": None}
    assert {name: spec[name] for name in table.spec.keys() - private} == {
        name: json.loads(json.dumps(table.spec[name])) for name in table.spec.keys() - private
    }


@pytest.mark.parametrize("name", [*SHIPPED])
def test_the_packages_tables_are_small_and_portable(name: str) -> None:
    assert SHIPPED[name].stat().st_size < SIZE
    text = written(SHIPPED[name])
    assert not [part for part in text.split('"') if Path(part).is_absolute() or "://" in part]


def test_the_packages_tables_hold_what_the_page_says() -> None:
    table = RecordedTable.load(SHIPPED["mnist"])
    known = table.known_results(table.loaded.space)
    assert (len(table.rows), len(known.random)) == (280, 244)
    assert {row.values["family"] for row in table.rows} == {"label", "sample", "split", "student", "image"}
