"""The bounds work in an interpreter that has only NumPy and SciPy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy

import ratefront

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
for name in ("torch", "ray", "mlflow", "optuna", "pandas", "pydantic", "typer", "matplotlib", "yaml"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"this environment is not bare: it has {name}")

import numpy as np
import ratefront.bounds as bounds

assert bounds.__file__.startswith(sys.argv[1]), bounds.__file__
rng = np.random.default_rng(0)
labels = rng.integers(0, 4, 200)
predictions = bounds.Predictions.from_logits(labels, 2 * np.eye(4)[labels] + rng.normal(size=(200, 4)))
found = bounds.bounds_of(
    predictions, bounds.RECIPES, points=12, bootstrap=bounds.Bootstrap(20), calibrate=True
)
assert set(found) == set(bounds.RECIPES)
assert found.held_out["task_model"].resamples == 20
assert "task_model" in found.to_json()["curves"]
for name in bounds.EXAMPLES:
    assert len(bounds.example(name))
bounds.top_k_oracle([0.5, 0.3, 0.2], 2)
bounds.cost_oracle([0.5, 0.5], [[0, 1], [2, 0]])
bounds.below_oracle(labels, labels, 2.0, 4)
ours = {name for name in sys.modules if name.startswith("ratefront.")}
allowed = tuple(f"ratefront.{room}" for room in ("bounds", "errors", "wording", "array_files", "bounded_files"))
foreign = {name for name in ours if not name.startswith(allowed)}
assert not foreign, foreign
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder to import from that holds NumPy, SciPy and us, and nothing else."""
    site = Path(np.__file__).parents[1]
    wanted = [Path(scipy.__file__).parent, Path(np.__file__).parent, Path(ratefront.__file__).parent]
    libraries = [site / name for name in ("numpy.libs", "scipy.libs")]
    for package in (*wanted, *(path for path in libraries if path.exists())):
        (tmp_path / package.name).symlink_to(package)
    return tmp_path


def test_all_bounds_work_with_numpy_and_scipy_alone(bare: Path) -> None:
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", PROGRAM, str(bare)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
