"""A codec's files: what is refused when a stranger wrote them, and what rounding to fp16 leaves unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ratefront.api.one_trial import run_trial
from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.entropy_models.factorized import FactorizedModel
from ratefront.complexity.stored_precision import round_to_half
from ratefront.errors import InputError

WHOLE: dict[str, Any] = {
    "version": 3,
    "family": "label",
    "parameters": {"method": "lossless"},
    "task_model": {"name": "small_cnn"},
    "classes": 10,
    "shape": [1, 8, 8],
}


def _files(folder: Path, **changes: Any) -> tuple[Path, Path]:
    config, weights = folder / "codec.json", folder / "codec.safetensors"
    config.write_text(json.dumps(WHOLE | changes))
    save_file({"nothing": torch.zeros(1)}, weights)
    return config, weights


def test_code_that_a_file_names_is_run_only_if_allowed(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    files = _files(tmp_path, task_model={"name": "module", "target": "pathlib:Path.touch"})
    with pytest.raises(InputError, match="own_module=True"):
        load_codec(*files, receiver_only=True)
    assert not ran.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": "/bin/sh"},
        {"classes": 0},
        {"classes": True},
        {"shape": ["sh", "-c", "true"]},
        {"shape": [1, 8, 1 << 30]},
        {"shape": []},
        {"task_model": 3},
        {"parameters": None},
        {"family": "nobody"},
        {"family": None},
    ],
)
def test_wrong_sizes_and_unknown_names_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        load_codec(*_files(tmp_path, **changes))


@pytest.mark.parametrize("version", [2, 4, "3", None])
def test_files_of_another_version_are_refused(tmp_path: Path, version: object) -> None:
    with pytest.raises(InputError, match="cannot be read; this is version 3"):
        load_codec(*_files(tmp_path, version=version))


def test_weights_of_another_codec_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lack"):
        load_codec(*_files(tmp_path))


def test_rounding_keeps_the_constants_of_layers() -> None:
    """The least likelihood, 1e-9, would be 0 in half precision."""
    model = FactorizedModel((3,))
    before = model.bits(torch.full((1, 3), 500.0))
    round_to_half(model)
    assert model.bits(torch.full((1, 3), 500.0)).isfinite().all()
    assert before.isfinite().all()


def test_rounding_keeps_the_statistics_of_normalisation() -> None:
    norm = nn.BatchNorm1d(2)
    assert norm.running_var is not None
    norm.running_var.fill_(1e6)
    norm.weight.data.fill_(1 / 3)
    round_to_half(norm)
    assert torch.equal(norm.running_var, torch.full((2,), 1e6))
    assert torch.equal(norm.weight, norm.weight.half().float())


def test_a_trials_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "trials" / "trial").mkdir(parents=True)
    (tmp_path / "trials" / "trial" / "codec.json").touch()
    with pytest.raises(InputError, match="stays as it is"):
        run_trial("sweeps/digits.yaml", {"family": "label", "method": "lossless"}, tmp_path)
