"""What a machine has of a sweep's inputs, without loading data or training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_sweep import small_sweep_spec

from ratefront.spec.sweep_spec import Metric, Named
from ratefront.task_models.architectures import torchvision_weights
from ratefront.task_models.available_inputs import Available, available_inputs

pytestmark = pytest.mark.medium


def found(**changes: Any) -> dict[str, Available]:
    spec = small_sweep_spec().model_copy(update=changes)
    return {each.what: each for each in available_inputs(spec.model_dump_json())}


def test_the_digits_are_available() -> None:
    looked = found()
    assert {what: each.is_usable for what, each in looked.items()} == {"data": True, "task model": True}
    assert looked["task model"].text.endswith("weights is built")


def test_looking_draws_no_random_numbers() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    found()
    assert torch.equal(torch.rand(3), expected)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    looked = found(task_model=Named(name="small_cnn", weights=str(tmp_path / "no.pt")))
    assert not looked["task model"].is_usable
    assert f"{tmp_path / 'no.pt'}: there is no such file" in looked["task model"].text
    assert looked["data"].is_usable


def test_code_that_does_not_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lacking_net.py").write_text("import no_such_package_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    looked = found(task_model=Named(name="module", target="lacking_net:make"))
    assert not looked["task model"].is_usable
    assert "no_such_package_here" in looked["task model"].text


def test_metrics_are_looked_for() -> None:
    shipped = Metric(name="balanced_accuracy", target="ratefront.metrics:balanced_accuracy")
    assert found(metrics=(shipped,))["metrics"].is_usable
    missing = found(metrics=(Metric(name="mine", target="no_such_module_here:mine"),))["metrics"]
    assert not missing.is_usable
    assert "no_such_module_here" in missing.text


def test_pretrained_weights_are_there_or_could_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEFRONT_DATA", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    url = "https://host.example/models/net-12345678.pth"
    reached: list[str] = ["", "no route"]
    monkeypatch.setattr(torchvision_weights, "why_not_reached", lambda _: reached.pop(0))
    assert "are downloaded from host.example" in torchvision_weights.look_for_weights(url)
    with pytest.raises(torchvision_weights.InputError, match="no route"):
        torchvision_weights.look_for_weights(url)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net-12345678.pth").touch()
    assert torchvision_weights.look_for_weights(url).endswith("net-12345678.pth")
