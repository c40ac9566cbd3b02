"""``ratefront waterfall`` on a sweep whose codecs are gone: the table, the files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.builders import full_sweep
from tests.cli.forked_commands import Done, run_commands

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "sweep"
    full_sweep(path)
    return path


def run(*words: str | Path) -> Done:
    (done,) = run_commands([["waterfall", *words]], {"COLUMNS": "200"})
    return done


def test_the_table_has_a_row_for_each_stage(folder: Path) -> None:
    done = run(folder, "t0000")
    assert (done.code, done.stderr) == (0, "")
    heading, columns, *rows = done.stdout.splitlines()
    assert heading.startswith("trial t0000 (label): accuracy 9")
    assert heading.endswith("at 3.3450 bit/sample on 360 test samples")
    assert columns.split() == ["stage", "bit/sample", "step", "what", "the", "step", "is"]
    firsts = ["oracle", "task model (TMRD)", "probe (its TMRD)", "words sent", "estimate", "coded in blocks"]
    starts = [row for row in rows if not row.startswith(" ")]
    assert all(row.startswith(first) for row, first in zip(starts, [*firsts, "coded alone"], strict=False))
    assert "model: the task model's posteriors know less than the label" in done.stdout
    assert "not defined: the files of the trial's codec are gone" in done.stdout
    assert "transmitter + coding + modelling: not told apart, see above" in done.stdout
    assert "+9.0000  block length: each sample is a string of its own, in whole bytes" in done.stdout


def test_numbers_and_figure_are_written(folder: Path, tmp_path: Path) -> None:
    numbers, figure, paper = (tmp_path / f"w.{suffix}" for suffix in ("json", "png", "pdf"))
    outs = [word for path in (numbers, figure, paper) for word in ("--out", path)]
    done = run(folder, "t0000", *outs)
    assert done.code == 0
    assert done.stdout.splitlines()[-3:] == [str(numbers), str(figure), str(paper)]
    document = json.loads(numbers.read_text())
    assert document["trial_id"] == "t0000"
    assert sorted(document["curves"]) == ["oracle", "task_model"]
    assert [step["bits"] is None for step in document["steps"]] == [False, True, True, True, False, False]
    assert figure.read_bytes()[:4] == b"\x89PNG"
    assert paper.read_bytes()[:4] == b"%PDF"
    again = tmp_path / "again.png"
    assert run(folder, "t0000", "--out", again).code == 0
    assert again.read_bytes() == figure.read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["t9999"], "no trial 't9999'"),
        (["t0027"], "only one that was measured has a waterfall"),
        (["t0000", "--out", "w.csv"], "w.csv: its name must end in .json, .png or .pdf, not in '.csv'"),
        (["t0000", "--out", "no/w.json"], "there is no folder no"),
        (["../t0000"], "'../t0000' is not the name of a trial"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(folder: Path, words: list[str], message: str) -> None:
    done = run(folder, *words)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert message in done.stderr


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "t0000")
    assert (done.code, "is not a sweep's folder" in done.stderr) == (2, True)
