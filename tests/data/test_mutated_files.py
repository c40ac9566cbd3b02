"""Altered npy, npz and PNG files, pipes and devices: each is read, or refused by a sentence that names it."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy_format
from PIL import Image
from tests.data.data_files import arrays, describe, load, pixels

from ratefront.audit.coded_files import coded_files, load_decisions
from ratefront.bounds import load_predictions
from ratefront.data.images.image_decoding import Conversion, check_image_file, decode_image, has_colours
from ratefront.errors import InputError
from ratefront.trial.user_samples import samples_of_files

pytestmark = pytest.mark.medium

HEADERS = [
    f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    for shape in (
        f"({10**12},)",
        f"({9**99}, 9)",
        f"({2**63}, {2**63})",
        f"({2**64},)",
        str((1,) * 40),
        "(True, 5)",
        "(False,)",
        "(-1,)",
        "(-4, -9, 8)",
        "()",
        "(0,)",
        "(0, 5)",
        "[8, 9]",
        "8",
        "(8.0, 9)",
        "('8',)",
        "(8, None)",
        "{}",
        "8, 9",
        "(((",
        "x",
    )
]
HEADERS += [
    f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': (2, 9, 8)}}"
    for descr, order in (
        *(("'|O8'", "True"), ("'<f4'", "'no'"), ("'<f4'", "2")),
        *(
            (f"'{name}'", "False")
            for name in ["|O", "<U0", "|V8", "|S999999999", "<f3", "nonsense", "<M8[s]", "<c8"]
        ),
        *((other, "False") for other in ("[('a', '<f4')]", "('<f4', (2, 3))", "None", "5")),
    )
]
#: Not a dictionary, other keys, nested too deeply, too long, code.
HEADERS += [
    "",
    "{}",
    "[]",
    "{'shape': (2,)}",
    "(" * 300,
    "[" * 2000,
    "9" * 20_000,
    "__import__('os').system('true')",
    "\0\0",
]


def npy(header: str, version: tuple[int, int] = (1, 0), data: bytes = bytes(576)) -> bytes:
    text = header.encode() + b"\n"
    return (
        npy_format.magic(*version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data
    )


def npz(changed: dict[str, bytes], **others: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **others)
    with zipfile.ZipFile(content, "a") as archive:
        for name, data in changed.items():
            archive.writestr(f"{name}.npy", data)
    return content.getvalue()


def flipped(content: bytes, count: int, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """The content with some bytes between two positions altered, or cut off."""
    draw, last = random.Random(0), len(content) if last is None else last
    for _ in range(count):
        altered = bytearray(content)
        for _ in range(draw.choice((1, 1, 2, 8))):
            altered[draw.randrange(first, last)] = draw.choice((0, 1, 0x7F, 0xFF, draw.randrange(256)))
        yield bytes(altered if draw.random() < 0.9 else altered[: draw.randrange(last)])


def is_read_or_refused(read: Callable[[Path], object], path: Path, content: bytes) -> bool:
    """Whether the file is read. Any other error than ``InputError`` is one of the test."""
    path.write_bytes(content)
    try:
        read(path)
    except InputError as error:
        if path.name in str(error):
            return False
        raise
    return True


def _samples(path: Path) -> object:
    samples = samples_of_files([path], (1, 9, 8))
    return samples[:2]


def _arrays(path: Path) -> object:
    return describe("arrays", path=str(path)), load("arrays", path=str(path))


def _decisions(path: Path) -> object:
    return load_decisions(path, None)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_headers_are_read_or_refused(tmp_path: Path, version: tuple[int, int]) -> None:
    done = [is_read_or_refused(_samples, tmp_path / "own.npy", npy(header, version)) for header in HEADERS]
    assert not any(done)


@pytest.mark.parametrize(
    ("read", "name", "others"),
    [
        (_arrays, "x_train", arrays(x_train=None)),
        (_arrays, "y_test", arrays(y_test=None)),
        (load_predictions, "labels", {"logits": np.eye(4)}),
        (load_predictions, "logits", {"labels": np.arange(4)}),
        (_decisions, "predicted", {"labels": np.arange(4)}),
        (_samples, "images", {}),
    ],
)
def test_npz_headers_are_refused(
    tmp_path: Path, read: Callable[[Path], object], name: str, others: dict[str, Any]
) -> None:
    others = {key: value for key, value in others.items() if value is not None}
    done = [
        is_read_or_refused(read, tmp_path / "own.npz", npz({name: npy(header)}, **others))
        for header in HEADERS
    ]
    assert not any(done)


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (_arrays, arrays()),
        (load_predictions, {"labels": np.arange(4), "logits": 3 * np.eye(4)}),
        (_decisions, {"labels": np.arange(4), "predicted": np.arange(4)}),
    ],
)
def test_altered_npz_files_are_read_or_refused(
    tmp_path: Path, read: Callable[[Path], object], content: dict[str, Any]
) -> None:
    whole = npz({}, **content)
    done = [is_read_or_refused(read, tmp_path / "own.npz", mutant) for mutant in flipped(whole, 60)]
    done += [
        is_read_or_refused(read, tmp_path / "own.npz", mutant)
        for mutant in flipped(whole, 40, len(whole) - 300)
    ]
    assert not all(done)


def png(colour: int, bits: int, size: tuple[int, int] = (9, 8), **chunks: bytes) -> bytes:
    """A PNG file with any header; its rows fit 9×8 pixels."""
    values = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    rows = (b"\0" + bytes(-(-9 * values * bits // 8))) * 8
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
    parts = {"IHDR": header, **chunks, "IDAT": zlib.compress(rows), "IEND": b""}
    made = b"\x89PNG\r\n\x1a\n"
    for kind, data in parts.items():
        made += (
            struct.pack(">I", len(data))
            + kind.encode()
            + data
            + struct.pack(">I", zlib.crc32(kind.encode() + data))
        )
    return made


def _image(path: Path) -> object:
    check_image_file(str(path), 1, "white")
    has_colours(str(path))
    return decode_image(str(path), Conversion(3, "white"))


def test_png_headers_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    done = {
        (colour, bits): is_read_or_refused(_image, path, png(colour, bits, PLTE=bytes(3)))
        for colour in range(8)
        for bits in (0, 1, 2, 4, 8, 16, 32, 255)
    }
    assert {kind for kind, is_read in done.items() if is_read} >= {(0, 8), (2, 8), (4, 8), (6, 8)}
    assert not any(is_read for (_, bits), is_read in done.items() if bits > 8)
    for size in ((0, 8), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (100_000, 100_000)):
        assert not is_read_or_refused(_image, path, png(2, 8, size))
    for mutant in flipped(png(2, 8, tEXt=b"a\0b", eXIf=b"II*\0\x08\0\0\0"), 200):
        is_read_or_refused(_image, path, mutant)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_png_of_16_bits_is_refused_not_cut(tmp_path: Path, colour: int) -> None:
    path = tmp_path / "wide.png"
    path.write_bytes(png(colour, 16))
    assert "more than 8 bits" in str(check_image_file(str(path), 1, "white").problem)
    with pytest.raises(InputError, match="more than 8 bits"):
        decode_image(str(path), Conversion(3, "white"))


@pytest.mark.parametrize("content", [b"P3 2 2 65535\n" + b"1000 " * 12, b"P6 2 2 1023\n" + bytes(24)])
def test_wide_ppm_files_are_refused_not_cut(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wide.ppm"
    path.write_bytes(content)
    assert "more than 8 bits" in str(check_image_file(str(path), 1, None).problem)


@pytest.mark.parametrize("kind", ["EPS", "GIF", "AVIF", "JPEG2000", "TGA", "PCX", "ICO"])
def test_other_formats_are_refused_whatever_the_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    try:
        Image.fromarray(pixels(9, 8, 3)).save(path, kind)
    except (KeyError, OSError):
        pytest.skip("Pillow was built without it")
    problem = "is not an image that can be read (JPEG, PNG, WebP, BMP, TIFF, PPM, PGM)"
    assert check_image_file(str(path), 1, None).problem == problem
    assert not has_colours(str(path))
    with pytest.raises(InputError, match="is not an image that can be read"):
        samples_of_files([path], (3, 8, 9))[:1]


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, kind: str) -> None:
    for suffix, read in (
        ("npz", _arrays),
        ("npz", load_predictions),
        ("npz", _decisions),
        ("npy", _samples),
        ("npz", _samples),
        ("png", _samples),
        ("png", _image),
        ("bin", coded_files),
    ):
        path = tmp_path / f"{read.__name__}.{suffix}"
        if kind == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
        with pytest.raises(InputError, match=f"{path.name}.*is a (FIFO|device), but must be a regular file"):
            read(path)


def test_points_beyond_single_precision_are_refused(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(40, 5, 3))
    path = tmp_path / "points.npz"
    for greatest, is_read in ((3.4e38, True), (-3.5e38, False), (1e300, False)):
        points[7, 2, 1] = greatest
        np.savez(path, x_train=points, y_train=np.arange(40) % 4, x_test=points[:8], y_test=np.arange(8) % 4)
        np.save(tmp_path / "points.npy", points)
        if is_read:
            assert np.isfinite(load("arrays", path=str(path)).train.images[:]).all()
            continue
        for read in (describe, load):
            with pytest.raises(InputError, match=r"x_train: values from .* beyond single precision"):
                read("arrays", path=str(path))
        with pytest.raises(InputError, match="beyond single precision"):
            samples_of_files([tmp_path / "points.npy"], (5, 3))[:]
