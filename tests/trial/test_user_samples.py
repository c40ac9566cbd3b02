"""A user's own samples become what a codec takes: files and arrays in any layout, or an error that names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ratefront.errors import InputError
from ratefront.trial.user_samples import samples_of_files

GREY, RGB = (1, 6, 4), (3, 6, 4)


def _pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _saved(folder: Path, array: np.ndarray, name: str = "x.npy") -> Path:
    np.save(folder / name, array)
    return folder / name


def _samples(path: Path, shape: tuple[int, ...], *, resize: bool = False) -> np.ndarray:
    return samples_of_files([path], shape, resize=resize)[:]


def test_every_layout_of_an_array_gives_the_same_samples(tmp_path: Path) -> None:
    last = _pixels(5, 6, 4, 3)
    expected = last.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    for array in (last, last.transpose(0, 3, 1, 2), last / 255, (last / np.float32(255))):
        samples = _samples(_saved(tmp_path, array), RGB)
        assert samples.dtype == np.float32
        np.testing.assert_allclose(samples, expected, atol=1e-7)
    assert np.array_equal(_samples(_saved(tmp_path, last), RGB), expected)


def test_grey_becomes_rgb_and_rgb_grey(tmp_path: Path) -> None:
    grey = _pixels(2, 6, 4)
    as_rgb = _samples(_saved(tmp_path, grey), RGB)
    assert all(np.array_equal(as_rgb[:, [c]], _samples(_saved(tmp_path, grey), GREY)) for c in range(3))
    thrice = np.repeat(grey[..., None], 3, axis=3)
    np.testing.assert_allclose(_samples(_saved(tmp_path, thrice), GREY)[:, 0], grey / 255, atol=1e-6)
    colour = _pixels(1, 6, 4, 3)
    Image.fromarray(colour[0]).save(tmp_path / "x.png")
    as_pillow_does = _samples(tmp_path / "x.png", GREY)
    np.testing.assert_allclose(_samples(_saved(tmp_path, colour), GREY), as_pillow_does, atol=1 / 255)


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "tiff", "webp"])
def test_an_image_file_gives_its_pixels(tmp_path: Path, suffix: str) -> None:
    pixels = _pixels(6, 4, 3)
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(pixels).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(_samples(path, RGB)[0], pixels.transpose(2, 0, 1) / np.float32(255))


def test_samples_of_files_come_in_the_order_of_files(tmp_path: Path) -> None:
    arrays = [_pixels(n, 6, 4) for n in (3, 1, 2)]
    paths = [_saved(tmp_path, array, f"{i}.npy") for i, array in enumerate(arrays)]
    samples = samples_of_files(paths, GREY)
    assert (len(samples), samples.shape) == (6, (6, 1, 6, 4))
    whole = np.concatenate(arrays)[:, None] / np.float32(255)
    assert np.array_equal(samples[2:5], whole[2:5])
    assert np.array_equal(samples[np.array([5, 0, 3])], whole[[5, 0, 3]])


def test_an_npz_needs_one_array_or_one_with_a_known_name(tmp_path: Path) -> None:
    x, y = _pixels(3, 6, 4), np.arange(3)
    path = tmp_path / "x.npz"
    for arrays in ({"anything": x}, {"images": x, "labels": y}, {"x_test": x, "y_test": y, "x_train": x[:1]}):
        np.savez(path, **arrays)
        assert len(samples_of_files([path], GREY)) == 3
    np.savez(path, one=x, two=x)
    with pytest.raises(InputError, match="holds one, two: which of them are samples"):
        samples_of_files([path], GREY)


@pytest.mark.parametrize("size", [(6, 4), (12, 8), (30, 8), (7, 40), (3, 2)])
def test_resized_samples_have_the_codecs_size(tmp_path: Path, size: tuple[int, int]) -> None:
    """An even image stays even, in files and arrays alike, and one of the same size is left alone."""
    even = np.full((2, *size, 3), 51, dtype=np.uint8)
    Image.fromarray(even[0]).save(tmp_path / "x.png")
    for path in (_saved(tmp_path, even), tmp_path / "x.png", _saved(tmp_path, even / 255, "float.npy")):
        samples = _samples(path, RGB, resize=True)
        assert samples.shape[1:] == RGB
        np.testing.assert_allclose(samples, 0.2, atol=1e-6)
    if size != (6, 4):
        for path in (tmp_path / "x.npy", tmp_path / "x.png"):
            with pytest.raises(
                InputError, match=rf"{size[1]}×{size[0]} pixels, this codec takes 4×6; resize=True"
            ):
                _samples(path, RGB)


def test_point_clouds_are_taken_as_they_are(tmp_path: Path) -> None:
    clouds = np.random.default_rng(0).normal(size=(2, 16, 3))
    np.testing.assert_allclose(_samples(_saved(tmp_path, clouds), (16, 3)), clouds, rtol=1e-6)
    with pytest.raises(InputError, match=r"\(N, 20, 3\), got \(2, 16, 3\)"):
        samples_of_files([tmp_path / "x.npy"], (20, 3))
    with pytest.raises(InputError, match="takes point clouds"):
        samples_of_files([tmp_path / "x.npy"], (16, 3), resize=True)
    Image.fromarray(_pixels(6, 4)).save(tmp_path / "x.png")
    with pytest.raises(InputError, match="point clouds come in arrays"):
        samples_of_files([tmp_path / "x.png"], (16, 3))


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    Image.fromarray(_pixels(6, 4)).save(good)
    broken = {
        "cut.png": good.read_bytes()[:50],
        "text.jpg": b"no image",
        "cut.npy": _saved(tmp_path, _pixels(3, 6, 4)).read_bytes()[:-5],
        "text.npy": b"no array",
        "text.npz": b"no archive",
    }
    for name, content in broken.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"{path.stem}.{path.suffix[1:]}: "):
            samples_of_files([good, path], GREY)[:]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (_pixels(2, 6, 4).astype(">f4"), r"x.astype\('float32'\)"),
        (np.full((2, 6, 4), 1.5), "sample 0: floats of images must be in"),
        (np.full((2, 6, 4), np.nan), "finite"),
        (np.zeros((2, 6, 4), dtype=np.int64), "uint8, or floats"),
        (np.zeros((0, 6, 4), dtype=np.uint8), "must hold samples"),
        (np.zeros((6, 4), dtype=np.uint8), r"\(N, H, W\)"),
        (np.zeros((2, 6, 4, 2), dtype=np.uint8), "channels"),
        (np.array([None]), "must hold plain numbers"),
    ],
)
def test_an_array_that_holds_no_images_is_refused(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        _samples(_saved(tmp_path, array), GREY)


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "none.png", "is not there")):
        with pytest.raises(InputError, match=reason):
            samples_of_files([path], GREY)
