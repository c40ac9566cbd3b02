"""The examples in docs/data.md work: the converter converts, and the data sets are valid."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from tests.data.data_files import load, pixels

from ratefront.catalogue import CATALOGUE

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def convert(name: str, folder: Path) -> Path:
    """Run the converter of this name, as the page shows it."""
    (script,) = re.findall(rf'```python\n("""python {name}.*?)```', PAGE, flags=re.DOTALL)
    out = folder / "out.npz"
    subprocess.run([sys.executable, "-W", "error", "-c", script, str(folder), str(out)], check=True)
    return out


def test_sheets_become_valid_arrays(tmp_path: Path) -> None:
    images = {"train": pixels(24, 32, 32, 3), "test": pixels(12, 32, 32, 3)}
    for split, stored in images.items():
        for number, sheet in enumerate(stored.reshape(-1, 2, 3, 32, 32, 3)):  # 2 rows of 3 images a sheet
            whole = sheet.swapaxes(1, 2).reshape(64, 96, 3)
            Image.fromarray(whole).save(tmp_path / f"{split}-{number:02}.png")
    labels = {f"y_{split}": np.arange(len(stored), dtype=np.uint8) % 4 for split, stored in images.items()}
    np.savez(tmp_path / "labels.npz", **labels, names=np.array(["a", "b", "c", "d"]))
    out = convert("sheets_to_npz.py", tmp_path)
    with np.load(out) as made:
        for split, stored in images.items():
            np.testing.assert_array_equal(made[f"x_{split}"], stored)
            np.testing.assert_array_equal(made[f"y_{split}"], labels[f"y_{split}"])
    assert load("arrays", path=str(out)).shape == (3, 32, 32)


def test_strokes_become_clouds_of_points(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = np.zeros((8, 28, 28), np.uint8)
    images[:, 3, 20] = 255  # all ink in one pixel: column 20, row 3
    for split in ("train", "t10k"):
        (raw / f"{split}-images-idx3-ubyte").write_bytes(bytes(16) + images.tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(bytes(8) + bytes([0, 0, 0, 0, 1, 1, 1, 1]))
    out = convert("mnist_to_points.py", tmp_path)
    with np.load(out) as made:
        across, down, depth = np.moveaxis(made["x_train"], 2, 0)
        np.testing.assert_array_equal(made["y_test"], [0, 0, 0, 0, 1, 1, 1, 1])
    assert across.shape == (8, 128)
    assert ((across + 1) * 14 // 1 == 20).all()
    assert ((down + 1) * 14 // 1 == 3).all()
    assert not depth.any()
    assert load("arrays", path=str(out)).shape == (128, 3)


def test_documented_data_sets_are_valid() -> None:
    shown = [line for line in PAGE.splitlines() if line.startswith("dataset: ")]
    assert len(shown) >= 4
    for line in shown:
        value = yaml.safe_load(line)["dataset"]
        parameters = {"name": value} if isinstance(value, str) else value
        CATALOGUE.datasets[parameters.pop("name")].parameters.model_validate(parameters, strict=True)


def test_every_data_set_and_parameter_is_documented() -> None:
    for name in CATALOGUE.datasets:
        assert f"`{name}`" in PAGE
        for parameter in CATALOGUE.datasets[name].parameters.model_fields:
            assert f"`{parameter}`" in PAGE
