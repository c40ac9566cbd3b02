"""The notebooks of the documentation run from the first cell to the last, and show what they promise."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.slow


def _executed(path: Path, folder: Path) -> nbformat.NotebookNode:
    """In a folder that has the sweep files; what is written stays there."""
    (folder / "sweeps").symlink_to(ROOT / "sweeps")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    return notebook


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


@pytest.mark.filterwarnings("ignore:.*zmq.*:RuntimeWarning", "ignore::DeprecationWarning:jupyter_client")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    outputs = _outputs(_executed(path, tmp_path))
    shown = [str(output.get("data", "")) for output in outputs]
    assert any("<table" in text for text in shown)
    assert any("image/png" in text or "data:image/png" in text for text in shown)
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert complaints == [], "a reader would wonder"


def test_the_progress_of_a_sweep_is_shown_in_its_cell(tmp_path: Path) -> None:
    notebook = _executed(ROOT / "docs" / "notebooks" / "first_sweep.ipynb", tmp_path)
    (cell,) = [cell for cell in notebook.cells if "rf.run(" in cell.source and cell.cell_type == "code"]
    progress, sweep = (output.data["text/html"] for output in cell.outputs)
    assert "8/8" in progress
    assert "t0000" in progress
    assert "8 of 8 trials ended" in sweep


def test_notebooks_are_stored_without_output() -> None:
    assert len(NOTEBOOKS) >= 2
    for path in NOTEBOOKS:
        assert _outputs(nbformat.read(path, as_version=4)) == [], path.name


ENDLESS = """
import ratefront as rf
one = {"split": "conv2", "entropy_model": "categorical", "width": 2, "alphabet": 8, "beta": 60}
small = {"trials": 1, "task_model.epochs": 1, "training.epochs": 100_000, "space": {"family": {"split": one}}}
sweep = rf.run("sweeps/digits.yaml", "runs/a", overrides=small)
"""
NEXT_CELL = """
sweep = rf.open("runs/a")
print(sweep.status().state)
sweep.stop("t0000")
print(rf.run(folder="runs/a", resume=True, progress=False).status().state)
"""


def test_a_notebooks_interrupt_ends_a_sweep_cleanly(tmp_path: Path) -> None:
    """The kernel lives on, and the next cell looks at the sweep and goes on with it."""
    (tmp_path / "sweeps").symlink_to(ROOT / "sweeps")
    ledger = tmp_path / "runs" / "a" / "ledger.jsonl"
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        client.execute(ENDLESS)
        deadline = time.monotonic() + 120
        while not (ledger.is_file() and '"kind":"reported"' in ledger.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=60)["content"]
        assert (reply["status"], reply["ename"]) == ("error", "Interrupted")
        assert '"kind":"halted"' in ledger.read_text()
        printed: list[str] = []
        client.execute_interactive(
            NEXT_CELL,
            timeout=120,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
        assert "".join(printed).split() == ["interrupted", "ended"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
