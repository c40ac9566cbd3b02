"""Of a user's package, what can be imported is copied for the nodes, and workers import from its folder alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ratefront.orchestrate.cluster.shipped_modules import copied, import_folders, own_code
from ratefront.spec.load_spec import load_spec

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
METRIC = "from . import helper\n\n\ndef metric(labels, classes):\n    return 1.0\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "project" / "own_package_of_metrics"
    (package / "deeper").mkdir(parents=True)
    for name in ("__init__.py", "helper.py", "deeper/__init__.py", "deeper/more.py"):
        (package / name).touch()
    (package / "metrics.py").write_text(METRIC)
    monkeypatch.syspath_prepend(str(package.parent))
    for module in [name for name in sys.modules if name.startswith(package.name)]:
        monkeypatch.delitem(sys.modules, module)  # that of the other test
    return package


def _own_code() -> dict[str, Path]:
    return own_code(load_spec(DIGITS, {"metrics": ["own_package_of_metrics.metrics:metric"]}).spec)


def test_a_package_is_copied_whole(package: Path) -> None:
    own = _own_code()
    assert import_folders(own) == [package.parent]
    with copied(own) as (copy,):
        files = {path.relative_to(copy).as_posix() for path in Path(copy).rglob("*") if path.is_file()}
        assert Path(copy).name == package.name
    assert files == {"__init__.py", "helper.py", "metrics.py", "deeper/__init__.py", "deeper/more.py"}


def test_files_that_are_no_modules_stay(package: Path) -> None:
    before = _own_code()
    for name in (".ipynb_checkpoints/helper-checkpoint.py", "old.v2.py", ".venv/lib/x.py", "2nd.py"):
        (package / name).parent.mkdir(exist_ok=True, parents=True)
        (package / name).touch()
    (package / ".#helper.py").symlink_to("somebody@somewhere.1234")  # the lock of an editor
    (package / "gone.py").symlink_to("nowhere.py")
    own = _own_code()
    assert own == before
    assert import_folders(own) == [package.parent]
    with copied(own) as copies:
        assert len(copies) == 1
