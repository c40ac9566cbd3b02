"""The bounds work where NumPy and SciPy are all there is."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import importlib.abc, sys

ALLOWED = {"numpy", "scipy", "ratefront"} | set(sys.stdlib_module_names)

class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
        return None

sys.meta_path.insert(0, Bare())
for name in ("torch", "ray", "mlflow", "optuna", "pandas", "pydantic"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} was not blocked")

import ratefront.bounds as bounds

predictions = bounds.Predictions.from_logits([0, 1, 1], [[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
document = bounds.bounds_document(predictions)
ours = {name for name in sys.modules if name.startswith("ratefront.")}
foreign = {name for name in ours if not name.startswith(("ratefront.bounds", "ratefront.errors"))}
assert not foreign, foreign
print(sorted(document["curves"]))
"""


def test_import_and_a_document_with_everything_else_blocked() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "indirect_estimate_and_compress" in done.stdout
