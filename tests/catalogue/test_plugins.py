"""What other packages register is checked, planned and completed as our own; what is wrong with one is said."""

from __future__ import annotations

import copy
import importlib
import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console
from tests.catalogue.plugin_packages import install

from ratefront.catalogue import Catalogue
from ratefront.catalogue.datasets import DATASETS
from ratefront.catalogue.families import FAMILIES
from ratefront.catalogue.plugins import Plugins
from ratefront.catalogue.task_models import TASK_MODELS
from ratefront.errors import InputError, SpecError
from ratefront.spec.check_spec import check_spec
from ratefront.spec.space.dimensions import Branch, Choice, Int
from ratefront.spec.views.json_schema import sweep_json_schema
from ratefront.spec.views.plan import plan_of, render_plan

pytestmark = pytest.mark.medium

FAMILY = """
from ratefront.catalogue.family_parameters import FamilyParameters
class Parameters(FamilyParameters):
    split: str
    letters: int
"""

#: A family, a data set and a task model; modules of its own, and of ours that import torch, are named and not imported.
PLUGIN = f"""{FAMILY}
from ratefront.catalogue.datasets import DatasetParameters
from ratefront.catalogue.task_models import AcceptedSamples, TaskModelParameters
def register(catalogue):
    catalogue.families.add("foreign", Parameters, "NAME:Family", "somebody else's codec")
    catalogue.datasets.add(
        "squares", DatasetParameters, "ratefront.data.official.digits:load_digits", "squares",
        {{"classes": 4, "shape": (1, 6, 6)}},
    )
    catalogue.task_models.add(
        "shallow", TaskModelParameters, "ratefront.task_models.architectures.small_cnn:build_small_cnn",
        "one stage and a classifier",
        {{"splits": ("only",), "strides": (1,), "takes": AcceptedSamples("images", sides=(6,))}},
    )
"""

SWEEP = {
    "name": "foreign",
    "dataset": {"name": "squares", "split_seed": 3},
    "task_model": {"name": "shallow", "epochs": 2},
    "space": {"family": {"foreign": {"split": ["only"], "letters": {"int": [2, 5]}}}},
    "trials": 3,
}

Installed = Callable[..., Catalogue]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Puts packages where Python finds them; the catalogue as a process would find it then."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(**sources: str) -> Catalogue:
        for name, source in sources.items():
            text = textwrap.dedent(source).replace("NAME", name)
            install(tmp_path, f"some-{name}", {f"{name}.py": text}, {name: f"{name}:register"})
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return Catalogue(*map(copy.deepcopy, (FAMILIES, DATASETS, TASK_MODELS)), Plugins())

    return put


def test_a_plugins_entries_are_checked_like_our_own(installed: Installed) -> None:
    catalogue = installed(first_plugin=PLUGIN)
    loaded = check_spec(SWEEP, "sweep.yaml", catalogue)
    assert loaded.space == {"family": Branch({"foreign": {"split": Choice(("only",)), "letters": Int(2, 5)}})}
    for wrong, problem in (
        ({"split": "conv1", "letters": 3}, 'space.family.foreign.split: unknown value "conv1"'),
        ({"split": "only"}, "space.family.foreign.letters: is required"),
        ({"split": "only", "leters": 3}, "unknown parameter"),
    ):
        with pytest.raises(SpecError, match=problem):
            check_spec(SWEEP | {"space": {"family": {"foreign": wrong}}}, "sweep.yaml", catalogue)
    with pytest.raises(SpecError, match=r"shallow takes images \(C, 6, 6\), but the samples of digits"):
        check_spec(SWEEP | {"dataset": "digits"}, "sweep.yaml", catalogue)


def test_the_plan_shows_the_metrics(installed: Installed) -> None:
    catalogue = installed(planned_plugin=PLUGIN)
    console = Console(file=io.StringIO(), width=100)
    console.print(render_plan(plan_of(check_spec(SWEEP, "sweep.yaml", catalogue), catalogue)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "foreign  (somebody else's codec)" in text
    assert "letters: 2 to 5, whole" in text
    assert "squares (split_seed 3)" in text


def test_an_editor_completes_a_metric(installed: Installed) -> None:
    schema = sweep_json_schema(installed(completed_plugin=PLUGIN))
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(SWEEP)
    assert list(schema["$defs"]["family_foreign"]["properties"]) == ["split", "letters"]
    assert not validator.is_valid(SWEEP | {"dataset": {"name": "squares", "corruption": "blur"}})
    assert not validator.is_valid(
        SWEEP | {"space": {"family": {"foreign": {"split": "only", "letters": "three"}}}}
    )


def test_plugins_are_called_once_at_the_first_lookup(installed: Installed) -> None:
    catalogue = installed(counted_plugin=PLUGIN)
    assert "counted_plugin" not in sys.modules
    assert all("foreign" in catalogue.families and "squares" in catalogue.datasets for _ in range(2))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"),
        ("", "AttributeError: module 'NAME' has no attribute 'register'"),
        ("register = 3", "TypeError: 'int' object is not callable"),
        ("def register(catalogue): raise OSError('of\\n  two lines')", "OSError: of two lines"),
        (
            FAMILY + "def register(catalogue): catalogue.families.add('label', Parameters, 'NAME:Family', 'mine')",
            "ValueError: family 'label' is registered twice: ratefront.codecs.label.label_family:LabelFamily, "
            "NAME:Family",
        ),
        (
            "def register(catalogue): catalogue.families.add('mine', dict, 'NAME:Family', 'mine')",
            "TypeError: the parameters of family 'mine' are a subclass of FamilyParameters, got dict",
        ),
        (
            FAMILY + "def register(catalogue): catalogue.families.add('mine', Parameters, Parameters, 'mine')",
            "TypeError: the target of family 'mine' is text, \"package.module:name\", got <class 'NAME.Parameters'>",
        ),
        (
            FAMILY + "def register(catalogue): catalogue.families.add('mine', Parameters, 'NAME_codec:C', 'mine')",
            "ModuleNotFoundError: the target of family 'mine' is in NAME_codec, which is not there",
        ),
    ],
)  # fmt: skip
def test_a_failing_plugin_is_named_with_the_reason(installed: Installed, source: str, reason: str) -> None:
    catalogue = installed(failing_plugin=source)
    for _ in range(2):  # it stays so: what it has left half done is never used
        with pytest.raises(InputError) as refused:
            catalogue.datasets["digits"]
        assert str(refused.value) == (
            "plugin failing_plugin (failing_plugin:register, of some-failing_plugin 0.1) cannot be used: "
            f"{reason.replace('NAME', 'failing_plugin')}; mend or uninstall some-failing_plugin"
        )
        assert refused.value.exit_code == 2


def test_two_plugins_cannot_take_the_same_name(installed: Installed) -> None:
    catalogue = installed(plugin_a=PLUGIN, plugin_b=PLUGIN)
    with pytest.raises(InputError, match=r"plugin plugin_b .*'foreign' is registered twice: plugin_a:Family"):
        catalogue.families["foreign"]


def test_a_plugin_may_look_up_registered_names(installed: Installed) -> None:
    """By the catalogue that it is given, or while its own modules are imported."""
    catalogue = installed(
        curious_plugin="found = []\ndef register(catalogue): found.extend(catalogue.families)"
    )
    assert sorted(catalogue.families) == sys.modules["curious_plugin"].found


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )


RATEFRONT = ("-c", "from ratefront.cli import main; main()")


def test_the_command_line_reports_a_failing_plugin_in_one_line(tmp_path: Path) -> None:
    install(tmp_path, "some-codec", {"codec.py": "import missing"}, {"codec": "codec:register"})
    (tmp_path / "sweep.yaml").write_text("name: any\n")
    check = _run(tmp_path, *RATEFRONT, "check", "sweep.yaml")
    assert (check.returncode, check.stdout) == (2, "")
    assert check.stderr.splitlines() == [
        "ratefront: plugin codec (codec:register, of some-codec 0.1) cannot be used: "
        "ModuleNotFoundError: No module named 'missing'; mend or uninstall some-codec"
    ]
    help_page = _run(tmp_path, *RATEFRONT, "--help")  # what needs no catalogue works as before
    assert (help_page.returncode, help_page.stderr) == (0, "")


IMPORTED = (
    "import sys\n"
    "from pathlib import Path\n"
    "from ratefront.spec.load_spec import load_spec\n"
    "load_spec(Path('sweep.yaml'))\n"
    "print(*{'foreign', 'torch'} & set(sys.modules))"
)


def test_checking_a_plugins_parameters_imports_no_torch(tmp_path: Path) -> None:
    install(
        tmp_path, "some-foreign", {"foreign.py": PLUGIN.replace("NAME", "foreign")}, {"x": "foreign:register"}
    )
    (tmp_path / "sweep.yaml").write_text(str(SWEEP))  # YAML reads it as it stands
    done = _run(tmp_path, "-c", IMPORTED)
    assert (done.stdout, done.stderr) == ("foreign\n", "")


ONE_FILE = """
from ratefront.MODULE import BASE
class Foreign(BASE):
    pass
def register(catalogue):
    catalogue.families.add("foreign", Parameters, "foreign:Foreign", "all in one file")
"""


@pytest.mark.parametrize(
    ("first", "module", "base"),
    [("foreign", "codecs.codec_interface", "Family"), ("ratefront.api", "spec.check_spec", "LoadedSpec")],
)
def test_plugin_and_ratefront_may_be_imported_in_either_order(
    tmp_path: Path, first: str, module: str, base: str
) -> None:
    """Each imports the other: here a codec that needs torch is in the very file that the entry point names."""
    source = FAMILY + ONE_FILE.replace("MODULE", module).replace("BASE", base)
    install(tmp_path, "some-foreign", {"foreign.py": source}, {"x": "foreign:register"})
    lookup = "from ratefront.catalogue import CATALOGUE; print(CATALOGUE.families['foreign'].load())"
    done = _run(tmp_path, "-c", f"import {first}; {lookup}")
    assert (done.stdout, done.stderr) == ("<class 'foreign.Foreign'>\n", "")
