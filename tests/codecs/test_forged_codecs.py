"""A codec's two files may come from a stranger: they are loaded, or refused in a sentence, within bounded memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.stored_mutants import altered
from torch import Tensor

from ratefront.codecs.codec_files import load_codec, load_family, save_codec
from ratefront.codecs.codec_interface import CodecStructure
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

SPLIT = {"split": "conv3", "width": 4, "beta": 16.0}
PARAMETERS: dict[str, dict[str, Any]] = {
    "label": {"method": "lossless"},
    "split": {**SPLIT, "entropy_model": "categorical", "alphabet": 4, "width": 2},
    "student": {**SPLIT, "entropy_model": "factorized"},
    "sample": {"channel": "sample_and_communicate", "sharpness": 2.0},
    "image": {"codec": "png"},
}


@pytest.fixture(params=PARAMETERS)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """The files of a codec that was not trained."""
    structure = CodecStructure(PARAMETERS[request.param], {"name": "small_cnn"}, 10, (1, 8, 8))
    codec = load_family(request.param).build(structure)
    for tensor in codec.state_dict().values():
        if tensor.is_floating_point():
            tensor.nan_to_num_()
    paths = tmp_path / "codec.json", tmp_path / "codec.safetensors"
    save_codec(codec, request.param, structure, *paths)
    load_codec(*paths)
    return paths


def test_an_altered_description_is_loaded_or_refused(files: tuple[Path, Path]) -> None:
    config, weights = files
    plain, ends = json.loads(config.read_text()), Counter[str]()
    for seed in range(60):
        config.write_text(json.dumps(altered(plain, Random(seed))))
        try:
            load_codec(config, weights)
            ends["loaded"] += 1
        except InputError:
            ends["refused"] += 1
    assert ends["refused"] > 25


ALTERED: dict[str, Callable[[Tensor], Tensor]] = {
    "shape": lambda tensor: tensor[None].clone(),
    "complex": lambda tensor: tensor.to(torch.complex64),
    "kind": lambda tensor: tensor.to(torch.int8 if tensor.is_floating_point() else torch.float32),
    "NaN": lambda tensor: torch.full(tensor.shape, float("nan")),
}


@pytest.mark.parametrize("change", ALTERED)
def test_altered_weights_are_refused(files: tuple[Path, Path], change: str) -> None:
    config, weights = files
    tensors = load_file(weights)
    for name in list(tensors)[:4]:
        save_file({**tensors, name: ALTERED[change](tensors[name])}, weights)
        with pytest.raises(InputError, match="weights"):
            load_codec(config, weights)
    del tensors[name]
    save_file(tensors, weights)
    with pytest.raises(InputError, match="the weights lack"):
        load_codec(config, weights)


@pytest.mark.parametrize("files", ["split"], indirect=True)
@pytest.mark.parametrize("value", [-(2**31), 2**31 - 1, 7])
@pytest.mark.parametrize("tensor", ["counts", "size", "offset"])
def test_tables_that_are_none_are_refused(files: tuple[Path, Path], tensor: str, value: int) -> None:
    config, weights = files
    tensors = load_file(weights)
    name = next(name for name in tensors if name.endswith(f"tables.{tensor}"))
    sizes = {key: torch.ones_like(tensors[key]) for key in tensors if key.endswith("tables.size")}
    save_file({**tensors, **sizes, name: torch.full_like(tensors[name], value)}, weights)
    with pytest.raises(InputError, match="describes no codec"):
        load_codec(config, weights)


@pytest.mark.parametrize("files", ["split"], indirect=True)
def test_a_network_larger_than_its_weights_is_refused(files: tuple[Path, Path]) -> None:
    config, weights = files
    plain = json.loads(config.read_text())
    config.write_text(json.dumps({**plain, "shape": [1 << 19, 8, 8]}))
    with pytest.raises(InputError, match="is larger than the stored weights allow"):
        load_codec(config, weights)
