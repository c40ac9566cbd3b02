"""Which modules are a user's own code, found without running any of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratefront.user_modules import module_digests, own_modules

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a source file below a folder of PYTHONPATH."""
    monkeypatch.syspath_prepend(tmp_path / "code")
    before = set(sys.modules)

    def write(name: str, content: str) -> Path:
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    yield write
    assert set(sys.modules) - before == set(), "nothing was imported"


@pytest.mark.parametrize(
    "line",
    [
        "import helper",
        "import helper as h",
        "from helper import layer",
        "from helper import *",
        "def net():\n    import helper\n",
        "try:\n    import helper\nexcept ImportError:\n    pass\n",
        "if False:\n    import helper\n",
    ],
)
def test_every_form_of_import_is_found(write: Write, line: str) -> None:
    write("net_.py", line)
    write("helper.py", "raise SystemExit('run')")
    assert list(own_modules(["net_"])) == ["helper", "net_"]


def test_imports_are_followed_also_in_circles(write: Write) -> None:
    write("a_.py", "import b_")
    write("b_.py", "import c_\nimport a_")
    write("c_.py", "import json, numpy, torch, ratefront.task_models.task_model, no_such_module")
    write("unused.py", "")
    assert list(own_modules(["a_"])) == ["a_", "b_", "c_"]


def test_a_package_counts_with_all_modules_that_its_import_runs(write: Write) -> None:
    write("pack/__init__.py", "from . import setup_")
    write("pack/setup_.py", "")
    write("pack/nets/__init__.py", "")
    write("pack/nets/net.py", "from ..layers import conv\nfrom .. import other\nfrom ....beyond import x")
    write("pack/layers/__init__.py", "")
    write("pack/layers/conv.py", "")
    write("pack/other.py", "")
    write("pack/unused.py", "")
    expected = [
        "pack",
        "pack.layers",
        "pack.layers.conv",
        "pack.nets",
        "pack.nets.net",
        "pack.other",
        "pack.setup_",
    ]
    assert list(own_modules(["pack.nets.net"])) == expected


def test_a_namespace_package_is_searched(write: Write) -> None:
    write("space_/inner/net.py", "import space_.helper")
    write("space_/helper.py", "")
    assert list(own_modules(["space_.inner.net"])) == ["space_.helper", "space_.inner.net"]


class TestInstalled:
    """A module in site-packages is not the user's; its version identifies it."""

    @pytest.fixture(autouse=True)
    def _installed(self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(tmp_path / "code" / "site-packages")
        write("site-packages/library/__init__.py", "from library import inner")
        write("site-packages/library/inner.py", "")
        write("net_.py", "import library")

    def test_imports_of_an_installed_module_are_not_followed(self) -> None:
        assert list(own_modules(["net_"])) == ["net_"]

    def test_imports_of_an_installed_target_are_followed(self) -> None:
        assert list(own_modules(["library"])) == ["library", "library.inner"]

    def test_an_installed_module_in_the_model_counts_alone(self) -> None:
        assert list(own_modules(["net_"], ["library.inner", "torch.nn"])) == ["library.inner", "net_"]


def test_modules_of_ratefront_and_torch_are_not_the_users() -> None:
    assert own_modules(["ratefront.task_models.architectures.small_cnn", "torch.nn"]) == {}


@pytest.mark.parametrize("name", ["no_such_module", "json.nothing", "sys", "", "."])
def test_modules_without_a_file_are_left_out(name: str) -> None:
    assert own_modules([name]) == {}


def test_source_that_cannot_be_parsed_still_counts(write: Write) -> None:
    file = write("broken_.py", "def net(")
    assert own_modules(["broken_"]) == {"broken_": file}


def test_a_change_changes_the_digest_of_that_module_alone(write: Write) -> None:
    write("net_.py", "import helper")
    write("helper.py", "depth = 3")
    before = module_digests(own_modules(["net_"]))
    assert list(before) == ["code helper", "code net_"]
    write("helper.py", "depth = 4")
    after = module_digests(own_modules(["net_"]))
    assert [name for name in before if before[name] != after[name]] == ["code helper"]
    write("net_.py", "import helper  # again")
    assert module_digests(own_modules(["net_"]))["code helper"] == after["code helper"]
