"""What docs/library.md and the README show of the library works, and every name they list exists."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import ratefront as rf
from ratefront.cli import app

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: What the page's example asks for, and what takes seconds.
SMALL = (
    '{"trials": 8, "training.epochs": 10}',
    '{"trials": 4, "training.epochs": 2, "task_model.epochs": 2}',
)

#: Where the page's example leaves its sweep, for that of the README.
README_FOLDER = ('"runs/small"', '"runs/a"')

#: What a reader has in hand once both have run.
FOUND = """
import json
print(json.dumps({
    "state": sweep.status().state,
    "trials": len(sweep.trials.to_dataframe()),
    "gaps": [name for name in sweep.front.to_dataframe() if name.startswith("gap_bits_")],
    "study": len(sweep.study().trials),
    "classes": len(classes) == len(images),
    "rates": [coded.rate_bits, codec.compress(images).rate_bits],
    "oracles": [one["oracle"].rate_at(0.05) for one in (sweep.bounds, curves, bounds)],
}))
"""


def _example(page: str) -> str:
    (shown, *others) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert others == []
    return str(shown)


def _small(example: str, asked: str, small: str) -> str:
    assert example.count(asked) == 1
    return example.replace(asked, small)


def _run(script: str, folder: Path) -> str:
    """As a script of its own, in a folder that has the sweep files; what it says on its last line."""
    (folder / "sweeps").symlink_to(ROOT / "sweeps")
    (folder / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stderr, "a reader would wonder"
    return done.stdout.splitlines()[-1]


def test_the_examples_run(tmp_path: Path) -> None:
    """That of the README after that of the page, which makes the sweep and the predictions."""
    script = _small(_example(PAGE), *SMALL) + _small(_example(README), *README_FOLDER) + FOUND
    found = json.loads(_run(script, tmp_path))
    assert found["state"] == "ended"
    assert found["trials"] == found["study"] == 4
    assert "gap_bits_oracle" in found["gaps"]
    assert found["classes"]
    assert min(found["rates"]) > 0
    assert found["oracles"][0] > 0
    assert found["oracles"] == pytest.approx([found["oracles"][0]] * 3)


def test_the_example_of_the_readme_is_short() -> None:
    assert len(_example(README).splitlines()) <= 8


def _listed() -> list[tuple[str, str]]:
    """The rows of the page's table: the calls of a row, and its commands."""
    rows = re.findall(r"^\| (`.*?) \| .* \| (.*?)\|$", PAGE, flags=re.MULTILINE)
    return [(name, command) for name, command in rows if name != "name"]


def test_every_listed_name_exists() -> None:
    owners = {"sweep": rf.Sweep, "trial": rf.Trial, "bounds": rf.bounds}
    calls = [call for row, _ in _listed() for call in re.findall(r"`([\w.]+)", row)]
    assert len(calls) > 20
    for call in calls:
        owner, _, name = call.rpartition(".")
        assert hasattr(owners.get(owner, rf), name), call


def test_every_public_function_and_every_command_is_listed() -> None:
    calls = {call for row, _ in _listed() for call in re.findall(r"`([\w.]+)", row)}
    assert {name for name in rf.__all__ if inspect.isfunction(getattr(rf, name))} <= calls
    commands = {name for _, listed in _listed() for name in re.findall(r"`(\w+)`", listed)}
    assert commands == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
