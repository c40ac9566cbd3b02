"""What the check of a sweep file says of task models before torch is imported."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.cli.shared_arguments import overrides_of
from ratefront.errors import SpecError
from ratefront.spec.load_spec import load_spec
from ratefront.spec.views.plan import plan_of, render_plan

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (
            ["task_model=lenet"],
            "task_model: lenet takes images (C, 28, 28) or (C, 32, 32), but the samples of digits",
        ),
        (
            ["task_model=pointnet"],
            "pointnet takes clouds (P, 3), but the samples of digits are images (1, 8, 8)",
        ),
        (["task_model={name: pointnet, augment: flip}"], "task_model.augment: "),
        (["task_model={name: vgg16, epochs: 0}"], "(weights: FILE, or pretrained: true), got 0"),
        (["task_model={name: small_cnn, epochs: 0}"], "(weights: FILE), got 0"),
        (["task_model={name: vgg16, fine_tune: true}"], "fine_tune: needs pretrained: true"),
        (
            ["task_model=residual_cnn", "space.family.split.split=block1.0.conv1"],
            'unknown value "block1.0.conv1": it lies inside the residual block block1.0: what skips past it',
        ),
    ],
)
def test_invalid_settings_are_refused_by_the_check(overrides: list[str], problem: str) -> None:
    if not any("split.split" in one for one in overrides):
        overrides = [*overrides, f"space.family.split.split={_first_split(overrides[0])}"]
    with pytest.raises(SpecError) as caught:
        load_spec(DIGITS, overrides_of(overrides))
    assert problem in str(caught.value)


def _first_split(override: str) -> str:
    (name,) = [name for name in CATALOGUE.task_models if name in override]
    return str(CATALOGUE.task_models[name].facts["splits"][0])


def test_the_plan_lists_split_points() -> None:
    overrides = ["task_model=residual_cnn", "space.family.split.split=[stem, block3.1]"]
    line = "split points     stem, block1.0, block1.1, block2.0, block2.1, block3.0, block3.1, pool\n"
    assert line in _plan(overrides)


def test_many_split_points_are_abbreviated_to_one_line() -> None:
    from ratefront.spec.views.render_plan import _in_short

    short = _in_short(CATALOGUE.task_models["resnet101"].facts["splits"])
    assert (
        short
        == "stem, layer1.0 … layer1.2, layer2.0 … layer2.3, layer3.0 … layer3.22, layer4.0 … layer4.2, pool"
    )
    assert _in_short(("conv1_1", "conv1_2", "pool1")) == "conv1_1, conv1_2, pool1"


def _plan(overrides: list[str]) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(render_plan(plan_of(load_spec(DIGITS, overrides_of(overrides)), CATALOGUE)))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_a_check_of_known_task_models_needs_no_torch() -> None:
    program = (
        "import sys; from ratefront.spec.load_spec import load_spec; from pathlib import Path;"
        f"load_spec(Path({str(DIGITS)!r}), {{'task_model': 'residual_cnn', 'space.family.split.split': 'stem'}});"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_default_parameters_are_not_dumped() -> None:
    """Sweeps and the cache of the first version know only four parameters."""
    assert TaskModelParameters().model_dump() == {
        "epochs": 30,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "seed": 0,
    }
    assert TaskModelParameters(augment="shift", weight_decay=0).model_dump(
        include={"augment", "weight_decay"}
    ) == {
        "augment": "shift",
        "weight_decay": 0,
    }
