"""What docs/extending.md builds works: its packages are installed, its commands and tests are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.catalogue.plugin_packages import install

pytestmark = pytest.mark.medium

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES: dict[str, str] = dict(
    re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
)
POINTS = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]["ratefront"]

#: Of whose packages the page shows the modules and not the pyproject.toml.
OTHERS = ("ratefront_perceptron", "ratefront_pair", "ratefront_logistic")

#: The contracts on the learned family that is shown, and a look at the task model and the data set.
FURTHER = """
from pathlib import Path

import pytest
from test_vq import SPEC
from ratefront.data.load_dataset import load_dataset
from ratefront.spec.load_spec import load_spec
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.testing.codec_contract import *

LOGISTIC = {"family": "logistic", "split": "conv2", "entropy_model": "factorized", "width": 5, "beta": 60.0}


@pytest.fixture(scope="session")
def logistic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logistic")
    spec = SPEC.model_copy(update={"training": SPEC.training.model_copy(update={"epochs": 12})})
    prepare_task_model(spec, folder / "task_model")
    return train_example(LOGISTIC, spec, folder / "task_model", folder)


class TestLogistic(CodecContract, PerSampleContract, TransmitterContract, LearnedContract):
    @pytest.fixture
    def trained(self, logistic):
        return logistic


def test_task_model_and_data_set():
    spec = load_spec(Path("other.yaml")).spec
    data = load_dataset(spec.dataset)
    assert set(data.train.labels) == {0, 1}
    assert len(data.train) > 150
    assert build_task_model(spec.task_model, data.classes, data.shape).splits == ("pixels", "hidden")
"""

OTHER_SWEEP = """
name: other
dataset: {name: digit_pair, zero: 4, one: 9}
task_model: {name: perceptron, epochs: 2}
space: {family: {vq: {split: hidden, codebook: 2}}}
trials: 1
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, and what pip would have written beside them."""
    folder = tmp_path_factory.mktemp("extending")
    install(folder, "ratefront-vq", FILES, POINTS)
    for name in OTHERS:
        install(folder, name.replace("_", "-"), {}, {name: f"{name}:register"})
    (folder / "other.yaml").write_text(OTHER_SWEEP)
    (folder / "tests" / "test_further.py").write_text(FURTHER)
    return folder


def run(folder: Path, *command: str) -> str:
    """Run Python in the folder, with its packages importable; its standard output."""
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


RATEFRONT = ("-c", "from ratefront.cli import main; main()")


def test_every_file_of_the_page_is_found() -> None:
    assert {Path(name).suffix for name in FILES} == {".toml", ".py", ".yaml"}
    assert {name.partition("/")[0].removesuffix(".py") for name in FILES} >= {"ratefront_vq", *OTHERS}
    assert FILES.keys() >= {"vq.yaml", "tests/test_vq.py", "hard_digits.py", "hard.yaml"}


def test_the_sweep_is_planned(installed: Path) -> None:
    plan = run(installed, *RATEFRONT, "check", "vq.yaml")
    assert "vq  (the nearest centroid of the features, entropy coded)" in plan
    assert "split: conv2 | conv3 | hidden  (split point of the task model)" in plan


def test_the_contracts_hold(installed: Path) -> None:
    """Those of the page for its codec, and the same and one more for the learned one."""
    (command,) = re.findall(r"^python (-m pytest .*)$", PAGE, flags=re.MULTILINE)
    strict = ("-W", "error", "-W", "ignore::FutureWarning")  # CompressAI's, at its import
    output = run(installed, *shlex.split(command), "-q", "-p", "no:cacheprovider", *strict)
    passed = re.search(r"(\d+) passed", output)
    assert passed is not None
    assert int(passed[1]) > 30
    assert not re.search(r"failed|error|skipped", output)


def test_the_trial_shown_costs_what_the_page_says(installed: Path) -> None:
    (line,) = re.findall(r"^\$ ratefront (trial .*)$", PAGE, flags=re.MULTILINE)
    record = json.loads(run(installed, *RATEFRONT, *shlex.split(line)))
    assert record["transmitter_bytes"] == 75_266 == 9600 + 65_536 + 130
    assert "75 266: 9600 of the front end, 65 536 of the codebook" in PAGE
    assert "and 130 of the table" in PAGE
    assert record["test"]["rate_bits"] == pytest.approx(6, abs=0.3)
    assert record["test"]["accuracy"] > 0.85
    assert record["status"] == "finished"


def test_the_metrics_shown_are_those_of_a_result(installed: Path) -> None:
    plan = run(installed, *RATEFRONT, "check", "hard.yaml")
    assert "minimise rate_bits, maximise hard_digits, minimise" in plan
    found = {}
    for values in (
        {"family": "vq", "split": "conv2", "codebook": 64},
        {"family": "label", "method": "lossless"},
    ):
        line = ("trial", "hard.yaml", "--params", json.dumps(values))
        found[values["family"]] = json.loads(run(installed, *RATEFRONT, *line))["test"]
    metrics = found["vq"]["metrics"]
    assert metrics["balanced_accuracy"] == pytest.approx(found["vq"]["accuracy"], abs=0.01)
    assert 0.5 < metrics["matthews_corrcoef"] < metrics["balanced_accuracy"]
    assert metrics["margin"] > 0
    assert 0 < found["vq"]["log_loss_bits"] < 1
    assert (found["label"]["log_loss_bits"], found["label"]["metrics"]["margin"]) == (None, None)
    assert found["label"]["metrics"]["hard_digits"] > metrics["hard_digits"] > 0.5


def test_the_refusal_shown_is_the_one_that_is_printed(tmp_path: Path) -> None:
    install(tmp_path, "ratefront-vq", {"ratefront_vq.py": "import threadpoolctl_"}, POINTS)
    (tmp_path / "vq.yaml").write_text(FILES["vq.yaml"])
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, *RATEFRONT, "check", "vq.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert f"```text\n{done.stderr.replace('threadpoolctl_', 'threadpoolctl')}```" in PAGE
