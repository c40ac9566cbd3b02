"""``import ratefront`` is fast; its names are the listed ones, typed, and documented with examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.api.conftest import DIGITS

import ratefront as rf
from ratefront.data.load_dataset import load_dataset

pytestmark = pytest.mark.medium

PUBLIC = [
    "Front",
    "InputError",
    "LoadedSpec",
    "RatefrontError",
    "StoredCodec",
    "Sweep",
    "Trial",
    "Trials",
    "audit_files",
    "bounds",
    "doctor",
    "errors",
    "first_sweep",
    "load_codec",
    "load_spec",
    "open",
    "plan",
    "run",
    "run_trial",
    "serve_ui",
    "simulate_seed",
    "simulate_sweep",
    "write_schema",
]
STUB = Path(rf.__file__).with_suffix(".pyi")
HEAVY = ("torch", "ray", "mlflow", "optuna", "matplotlib", "numpy", "pydantic", "rich", "typer")

_TIMED = """
import sys, time
began = time.perf_counter()
import ratefront
took = time.perf_counter() - began
print(took, *[name for name in sys.argv[1:] if name in sys.modules])
"""


def test_the_public_names_are_the_listed_ones() -> None:
    assert rf.__all__ == PUBLIC
    assert set(dir(rf)) == {*PUBLIC, "__version__"}
    for name in PUBLIC:
        assert getattr(rf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'sweep'"):
        rf.sweep  # type: ignore[attr-defined]  # noqa: B018


def test_importing_ratefront_is_fast() -> None:
    """The fastest of a few: a machine that is busy is no fault of ours."""
    took = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", _TIMED, *HEAVY], capture_output=True, text=True, check=True
        )
        seconds, *loaded = done.stdout.split()
        assert loaded == []
        took.append(float(seconds))
    assert min(took) <= 0.1


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    stub = ast.parse(STUB.read_text())
    imported = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(imported) == PUBLIC
    (names,) = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(names) == PUBLIC
    for name, module in imported.items():
        assert getattr(importlib.import_module(module or ""), name) is getattr(rf, name)


def test_no_public_name_is_hidden_by_a_module_that_is_imported_later() -> None:
    """``import ratefront.x`` sets ``ratefront.x``: a function of that name would be gone."""
    modules = {module.name for module in pkgutil.iter_modules(rf.__path__)}
    named_so = {name for name in PUBLIC if name in modules}
    assert named_so == {name for name in PUBLIC if isinstance(getattr(rf, name), ModuleType)}


def documented() -> list[tuple[str, Any]]:
    """Public functions and classes, and the public methods of the latter."""
    found: list[tuple[str, Any]] = []
    for name in PUBLIC:
        thing = getattr(rf, name)
        if isinstance(thing, ModuleType) or (isinstance(thing, type) and issubclass(thing, Exception)):
            continue
        found.append((name, thing))
        if isinstance(thing, type):
            found += [
                (f"{name}.{attribute}", value.fget if isinstance(value, property) else value)
                for attribute, value in vars(thing).items()
                if not attribute.startswith("_") and (callable(value) or isinstance(value, property))
            ]
    return found


@pytest.mark.parametrize(("name", "thing"), documented())
def test_everything_public_has_types_and_a_docstring(name: str, thing: Any) -> None:
    text = inspect.getdoc(thing) or ""
    assert text, name
    assert "\n---" not in text, f"{name}: its sections are called ``Args:``, ``Returns:``, ``Raises:``"
    if isinstance(thing, type):
        return
    signature = inspect.signature(thing)
    assert signature.return_annotation is not inspect.Signature.empty, name
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    assert all(parameter.annotation is not inspect.Parameter.empty for parameter in parameters), name
    if parameters:
        described = text.partition("Args:\n")[2]
        missing = [
            one.name for one in parameters if not re.search(rf"^ +{one.name}: ", described, flags=re.M)
        ]
        assert missing == [], f"{name}: its docstring lacks {missing}"
    if parameters and signature.return_annotation not in ("None", None):
        assert "Returns:\n" in text, name
    if "." not in name:
        assert "Raises:\n" in text, name
        assert ">>> " in text, name


def test_the_examples_of_docstrings_run(
    sweep: rf.Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(DIGITS.parents[1])
    images = load_dataset(sweep.spec.spec.dataset).test.images[:20]
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(verbose=False)
    tried = 0
    for name, thing in documented():
        if name.startswith(("LoadedSpec.", "serve_ui")):
            continue
        made = {"first_sweep": tmp_path, "write_schema": tmp_path, "audit_files": tmp_path, "run": tmp_path}
        scope = {"folder": made.get(name, sweep.folder), "images": np.asarray(images)}
        for example in finder.find(thing, name, globs=scope):
            tried += len(example.examples)
            assert runner.run(example).failed == 0, name
    assert tried > 30
