"""Decoded image files are upright, keep grey, and are never transparent, whichever way they are read."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image
from tests.data.data_files import describe, load, pixels, write_classes, write_image

from ratefront.data.images.image_decoding import Conversion, decode_image
from ratefront.errors import InputError
from ratefront.trial.user_samples import samples_of_files

SIZE = 8
LOSSLESS = {".png": {}, ".webp": {"lossless": True}, ".tiff": {}}


def _loaded(root: Path, **parameters: Any) -> NDArray[np.uint8]:
    """All images of the folder, (N, H, W, C)."""
    data = load("image_folder", root=str(root), size=SIZE, **parameters)
    splits = (data.train, data.validation, data.test)
    images = np.concatenate([split.images[:] for split in splits])
    return np.rint(images * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def _folder(root: Path, save: Callable[[Path], object], suffix: str = ".png") -> Path:
    """Three images a class, all of them as ``save`` writes them."""
    for name in ("cat", "dog"):
        for number in range(3):
            path = root / name / f"{number}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path)
    return root


def _encoded(path: Path, channels: int = 3, **settings: Any) -> NDArray[np.uint8]:
    """As a codec gets the file, (H, W, C)."""
    (sample,) = samples_of_files([path], (channels, SIZE, SIZE), **settings)[:]
    return np.rint(sample * 255).astype(np.uint8).transpose(1, 2, 0)


#: Of an upright image, what lies in the file where EXIF says 1 … 8 (rows and columns as the standard tells them).
STORED: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, 1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: lambda x: np.rot90(x, -1),
}


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = pixels(SIZE, SIZE, 3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    root = _folder(tmp_path, lambda path: stored.save(path, exif=exif, **LOSSLESS[suffix]), suffix)
    for image in _loaded(root):
        np.testing.assert_array_equal(image, upright)
    np.testing.assert_array_equal(_encoded(root / "cat" / f"0{suffix}"), upright)


def test_a_rotated_photograph_swaps_width_and_height(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(pixels(20, 40, 3)).save(tmp_path / "x.jpg", exif=exif)
    assert decode_image(str(tmp_path / "x.jpg"), Conversion(3)).size == (20, 40)


def test_unreadable_exif_does_not_rotate(tmp_path: Path) -> None:
    upright = pixels(SIZE, SIZE, 3)
    root = _folder(tmp_path, lambda path: Image.fromarray(upright).save(path, exif=b"Exif\0\0no exif at all"))
    np.testing.assert_array_equal(_loaded(root)[0], upright)


def _see_through(pixel: NDArray[np.uint8], alpha: int) -> Image.Image:
    """The left half has this alpha, the right half is opaque."""
    mask = np.full((SIZE, SIZE, 1), 255, dtype=np.uint8)
    mask[:, : SIZE // 2] = alpha
    return Image.fromarray(np.concatenate([pixel, mask], axis=2))


def _palette(alpha: int) -> Image.Image:
    image = Image.fromarray(np.repeat(np.arange(SIZE, dtype=np.uint8)[None], SIZE, 0)).convert("P")
    image.info["transparency"] = bytes([alpha] * 4 + [255] * 252)
    return image


GREY, COLOUR = pixels(SIZE, SIZE, 1), pixels(SIZE, SIZE, 3)
SEE_THROUGH: dict[str, Callable[[int], Image.Image]] = {
    "RGBA": lambda alpha: _see_through(COLOUR, alpha),
    "LA": lambda alpha: _see_through(GREY, alpha),
    "P": _palette,
}


@pytest.mark.parametrize("alpha", [0, 100, 254])
@pytest.mark.parametrize("mode", SEE_THROUGH)
def test_transparent_images_need_a_background(tmp_path: Path, mode: str, alpha: int) -> None:
    image = SEE_THROUGH[mode](alpha)
    root = _folder(tmp_path, image.save)
    with pytest.raises(InputError, match=r"6 of 6 .*cat/0.png \(has transparent pixels\).*background: white"):
        _loaded(root)
    with pytest.raises(InputError, match=r"0.png: .*has transparent pixels: lay it on a background, white"):
        _encoded(root / "cat" / "0.png")
    stored = np.asarray(image.convert("RGBA")).astype(float)
    share = stored[..., 3:] / 255
    for background, brightness in (("white", 255), ("black", 0)):
        loaded = _loaded(root, background=background, channels=3)
        expected = stored[..., :3] * share + brightness * (1 - share)
        np.testing.assert_allclose(loaded[0], expected, atol=1)
        np.testing.assert_array_equal(_encoded(root / "cat" / "0.png", background=background), loaded[0])


@pytest.mark.parametrize("mode", SEE_THROUGH)
def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path, mode: str) -> None:
    image = SEE_THROUGH[mode](255)
    loaded = _loaded(_folder(tmp_path, image.save), channels=3)
    np.testing.assert_array_equal(loaded[0], np.asarray(image.convert("RGBA"))[..., :3])


def test_a_transparent_palette_colour_is_transparent(tmp_path: Path) -> None:
    grey = np.full((SIZE, SIZE), 9, dtype=np.uint8)
    root = _folder(tmp_path, lambda path: Image.fromarray(grey).save(path, transparency=9))
    with pytest.raises(InputError, match="has transparent pixels"):
        _loaded(root)
    assert (_loaded(root, background="white") == 255).all()


def test_transparent_files_can_be_skipped(tmp_path: Path) -> None:
    root = write_classes(tmp_path, 6, width=SIZE, height=SIZE)
    _see_through(COLOUR, 0).save(root / "cat" / "00.png")
    assert len(_loaded(root, skip_corrupt=True)) == 11
    assert len(_loaded(root, background="black")) == 12


GREY_FILES: dict[str, Callable[[Path], object]] = {
    "8 bits": lambda path: Image.fromarray(GREY[..., 0]).save(path),
    "1 bit": lambda path: Image.fromarray(GREY[..., 0]).convert("1").save(path),
    "opaque": lambda path: _see_through(GREY, 255).save(path),
    "palette": lambda path: Image.fromarray(GREY[..., 0]).convert("P").save(path),
}


@pytest.mark.parametrize("kind", GREY_FILES)
@pytest.mark.parametrize("data_set", ["image_folder", "images"])
def test_grey_images_have_one_channel(tmp_path: Path, kind: str, data_set: str) -> None:
    root = _folder(tmp_path, GREY_FILES[kind])
    data = load(data_set, root=str(root), size=SIZE)
    assert data.shape == describe(data_set, root=str(root), size=SIZE)["shape"] == (1, SIZE, SIZE)
    assert data.raw_bits == 8 * SIZE**2
    stored = np.asarray(Image.open(root / "cat" / "0.png").convert("L"))
    np.testing.assert_array_equal(np.rint(data.test.images[:][0, 0] * 255), stored)
    assert load(data_set, root=str(root), size=SIZE, channels=3).raw_bits == 3 * 8 * SIZE**2


@pytest.mark.parametrize("data_set", ["image_folder", "images"])
@pytest.mark.parametrize("last", ["cat/1.png", "dog/2.png"])
def test_one_coloured_file_makes_three_channels(tmp_path: Path, data_set: str, last: str) -> None:
    root = _folder(tmp_path, GREY_FILES["8 bits"])
    write_image(root / last, SIZE, SIZE)
    for parameters, channels in (({}, 3), ({"channels": 1}, 1), ({"channels": 3}, 3)):
        data = load(data_set, root=str(root), size=SIZE, **parameters)
        described = describe(data_set, root=str(root), size=SIZE, **parameters)
        assert data.shape == described["shape"] == data.test.images[:].shape[1:] == (channels, SIZE, SIZE)
        assert data.raw_bits == channels * 8 * SIZE**2


def test_colours_become_grey_only_on_request(tmp_path: Path) -> None:
    root = _folder(tmp_path, lambda path: Image.fromarray(COLOUR).save(path))
    assert _loaded(root).shape[3] == 3
    luma = COLOUR @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(_loaded(root, channels=1)[0, ..., 0], luma, atol=1)
    np.testing.assert_array_equal(_encoded(root / "cat" / "0.png", channels=1), _loaded(root, channels=1)[0])


@pytest.mark.parametrize("is_known", [False, True])
def test_check_and_sweep_agree_on_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """A coloured file that is cut off, or transparent, counts for both."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    for name, damage in {
        "cut": lambda path: path.write_bytes(path.read_bytes()[:150]),
        "clear": None,
    }.items():
        root = _folder(tmp_path / name, GREY_FILES["8 bits"])
        for number in range(3, 6):
            GREY_FILES["8 bits"](root / "cat" / f"{number}.png")
        path = root / "cat" / "4.png"
        write_image(path, SIZE, SIZE)
        damage(path) if damage else _see_through(COLOUR, 0).save(path)
        if is_known:
            load("image_folder", root=str(root), size=SIZE, skip_corrupt=True)
        described = describe("image_folder", root=str(root), size=SIZE, skip_corrupt=True)["shape"]
        assert load("image_folder", root=str(root), size=SIZE, skip_corrupt=True).shape == described


@pytest.mark.parametrize("first_look", [500, 4])
def test_check_refuses_what_the_sweep_would_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_look: int
) -> None:
    """Of a large folder as far as some files from all over it tell."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("ratefront.data.images.image_check._MOST_CHECKED_FILES", first_look)
    root = _folder(tmp_path / "clear", lambda path: _see_through(COLOUR, 0).save(path))
    for ask in (describe, load):
        with pytest.raises(InputError, match=r"cannot be used: .*transparent"):
            ask("image_folder", root=str(root), size=SIZE)
    assert describe("image_folder", root=str(root), size=SIZE, background="white")["classes"] == 2


def test_digest_depends_on_the_conversion(tmp_path: Path) -> None:
    root = _folder(tmp_path, lambda path: _see_through(COLOUR, 0).save(path))
    ways = ({"background": "white"}, {"background": "black"}, {"background": "white", "channels": 1})
    for data_set in ("image_folder", "images"):
        assert len({load(data_set, root=str(root), size=SIZE, **way).digest for way in ways}) == 3


def _png_of_16_bits(path: Path, kind: int, values: int) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + pixels(SIZE * values * 2).tobytes()) * SIZE
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 16, kind, 0, 0, 0))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


OF_16_BITS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "grey": (".png", lambda path: _png_of_16_bits(path, 0, 1)),
    "colour": (".png", lambda path: _png_of_16_bits(path, 2, 3)),
    "grey and alpha": (".png", lambda path: _png_of_16_bits(path, 4, 2)),
    "colour and alpha": (".png", lambda path: _png_of_16_bits(path, 6, 4)),
    "ppm": (".ppm", lambda path: path.write_bytes(b"P6 8 8 65535\n" + pixels(SIZE**2 * 6).tobytes())),
    "pgm": (".pgm", lambda path: path.write_bytes(b"P5 8 8 4095\n" + bytes(SIZE**2 * 2))),
    "tiff": (".tiff", lambda path: Image.fromarray(pixels(SIZE, SIZE).astype(np.uint16)).save(path)),
    "floats": (".tiff", lambda path: Image.fromarray(pixels(SIZE, SIZE).astype(np.float32)).save(path)),
}


@pytest.mark.parametrize("kind", OF_16_BITS)
def test_more_than_8_bits_are_refused(tmp_path: Path, kind: str) -> None:
    suffix, save = OF_16_BITS[kind]
    root = _folder(tmp_path, save, suffix)
    with pytest.raises(InputError, match="more than 8 bits a value"):
        _loaded(root, background="white")
    with pytest.raises(InputError, match="more than 8 bits a value"):
        _encoded(root / "cat" / f"0{suffix}")


def _pages(path: Path, count: int = 2, **settings: Any) -> None:
    first, *others = (Image.fromarray(pixels(SIZE, SIZE, 3)) for _ in range(count))
    first.save(path, save_all=True, append_images=others, **settings)


@pytest.mark.parametrize("suffix", [".tif", ".webp", ".png"])
def test_several_pages_or_frames_are_refused(tmp_path: Path, suffix: str) -> None:
    root = _folder(tmp_path, _pages, suffix)
    with pytest.raises(InputError, match="holds several pages or frames: save each one that counts"):
        _loaded(root)
    with pytest.raises(InputError, match="holds several pages or frames"):
        _encoded(root / "cat" / f"0{suffix}")


def test_a_photograph_with_its_preview_is_one_image(tmp_path: Path) -> None:
    """As cameras and telephones write them: JPEG files that hold a second image."""
    root = _folder(tmp_path, lambda path: _pages(path, format="MPO"), ".jpg")
    with Image.open(root / "cat" / "0.jpg") as image:
        assert image.format == "MPO"
    assert len(_loaded(root)) == 6


@pytest.mark.parametrize(
    "content",
    [
        b"P6\n" + b"#" + b"a" * 50_000_000 + b"\n3 3\n255\n" + bytes(27),
        b"P2\n3 3 255\n" + b"#\n" * 10_000_000 + b"1 " * 9,
        b"P5\n" + b" " * 10_000_000 + b"3 3 255\n" + bytes(9),
    ],
    ids=["one comment", "comments among text", "spaces"],
)
def test_a_ppm_of_comments_is_refused_at_once(tmp_path: Path, content: bytes) -> None:
    """Pillow would take minutes for the second one."""
    path = tmp_path / "long.ppm"
    path.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(InputError, match="more than 65536 bytes that is text, or whose comments"):
        decode_image(str(path), Conversion(3))
    assert time.monotonic() - began < 2.0
