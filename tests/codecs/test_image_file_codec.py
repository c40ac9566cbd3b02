"""Image files in front of the task model: a block is cut into its files again, to the byte."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tests.codecs.random_images import make_images
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from torch import nn

from ratefront.bitstream.coded_stream import write_stream
from ratefront.bitstream.latent_coder import FILLER
from ratefront.codecs.image import image_file_codec
from ratefront.codecs.image.image_file_codec import ImageFileCodec, to_bytes
from ratefront.codecs.image.image_formats import FORMATS
from ratefront.data.load_dataset import load_dataset
from ratefront.data.stored_samples import uint8_to_float32
from ratefront.errors import BitstreamError
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.stored_task_model import load_task_model
from ratefront.task_models.task_model import TaskModel, predict_logits
from ratefront.testing.codec_contract import same_latents
from ratefront.testing.damaged_streams import assert_refused_or_harmless, mutants
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams

pytestmark = pytest.mark.medium

QUALITY = {"png": None, "jpeg": 40, "webp": 40}
SHAPES = [(1, 8, 8), (3, 8, 8), (1, 17, 5), (3, 33, 20), (1, 1, 1), (3, 1, 2)]
IDENTITY = bytes(range(32))


def task_model(shape: tuple[int, ...]) -> TaskModel:
    """An untrained task model."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TaskModel([("flat", nn.Flatten()), ("class", nn.Linear(prod(shape), 4))])


def file_codec(name: str, shape: tuple[int, int, int], quality: int | None = None) -> ImageFileCodec:
    file_format = FORMATS[name](shape, quality or QUALITY[name])
    return ImageFileCodec(file_format, task_model(shape))


def opened(file: bytes) -> Image.Image:
    """As Pillow reads it."""
    return Image.open(BytesIO(file))


def saved(image: Image.Image, name: str, **how: Any) -> bytes:
    file = BytesIO()
    image.save(file, name, **how)
    return file.getvalue()


@pytest.mark.parametrize("name", QUALITY)
@pytest.mark.parametrize("shape", SHAPES)
class TestFiles:
    @settings(max_examples=12)
    @given(data=st.data())
    def test_a_block_is_cut_into_its_files_again(
        self, name: str, shape: tuple[int, int, int], data: st.DataObject
    ) -> None:
        codec = file_codec(name, shape)
        pixels = data.draw(st.lists(arrays(np.uint8, shape), max_size=3))
        images = torch.from_numpy(uint8_to_float32(np.array(pixels, dtype=np.uint8).reshape(-1, *shape)))
        latents = codec.analyse(images)
        files = [row[row != FILLER].astype(np.uint8).tobytes() for row in latents]
        assert [opened(file).size for file in files] == [(shape[2], shape[1])] * len(files)
        assert codec.encode(latents) == b"".join(files)
        assert same_latents(codec.decode(b"".join(files), len(files)), latents)
        assert codec.estimate_bits(latents).tolist() == [8.0 * len(file) for file in files]
        assert codec.classify(latents).shape == (len(files),)

    def test_the_receiver_sees_what_pillow_decodes(self, name: str, shape: tuple[int, int, int]) -> None:
        codec = file_codec(name, shape)
        latents = codec.analyse(make_images(shape, 3))
        for row, image in zip(latents, codec.images(latents)[:], strict=True):
            file = opened(row[row != FILLER].astype(np.uint8).tobytes())
            pixels = np.asarray(file.convert("L" if shape[0] == 1 else "RGB")).reshape(shape[1], shape[2], -1)
            np.testing.assert_array_equal(image, uint8_to_float32(pixels.transpose(2, 0, 1)))

    def test_damaged_streams_are_refused_or_harmless(self, name: str, shape: tuple[int, int, int]) -> None:
        codec = file_codec(name, shape)
        latents, others = (codec.analyse(make_images(shape, 7, seed)) for seed in (0, 1))
        data, other = (write_stream(codec, IDENTITY, of, 3).data for of in (latents, others))
        outcomes = assert_refused_or_harmless(
            codec, IDENTITY, latents, mutants(data, other, 120, seed=len(name))
        )
        assert outcomes["refused"] > 60

    def test_damaged_files_are_refused_or_are_images(self, name: str, shape: tuple[int, int, int]) -> None:
        """Without the stream's checksums: what can be cut into files is decoded, or refused by ``BitstreamError``."""
        codec, rng = file_codec(name, shape), np.random.default_rng(1)
        whole = np.frombuffer(codec.encode(codec.analyse(make_images(shape, 2))), dtype=np.uint8)
        decided = 0
        for number in range(150):
            damaged = whole.copy()
            places = rng.integers(0, len(whole), 1 + number % 4)
            damaged[places] = rng.integers(0, 256, len(places))
            cut = damaged[: rng.integers(len(whole))] if number % 5 == 0 else damaged
            try:
                decided += len(codec.classify(codec.decode(cut.tobytes(), 2)))
            except BitstreamError:
                continue
        assert name == "png" or decided  # a PNG file's parts have checksums of their own


@pytest.mark.parametrize("shape", [(1, 9, 6), (3, 9, 6)])
def test_png_is_lossless(shape: tuple[int, int, int]) -> None:
    codec, images = file_codec("png", shape), make_images(shape, 20)
    np.testing.assert_array_equal(codec.images(codec.analyse(images))[:], images.numpy())
    assert codec.extra_metrics(images.numpy()) == {"image_mse": 0.0}


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_quality_costs_bits_and_saves_errors(name: str) -> None:
    images = make_images((3, 32, 32), 8)
    codecs = [file_codec(name, (3, 32, 32), quality) for quality in (10, 50, 95)]
    bits = [float(codec.estimate_bits(codec.analyse(images)).sum()) for codec in codecs]
    errors = [codec.extra_metrics(images.numpy())["image_mse"] for codec in codecs]
    assert bits == sorted(bits)
    assert errors == sorted(errors, reverse=True)


def test_values_are_rounded_to_eight_bit() -> None:
    values = torch.tensor([-0.2, 0.0, 0.4999 / 255, 0.5001 / 255, 128 / 255, 1.0, 1.7]).reshape(1, 1, 1, 7)
    assert to_bytes(values).ravel().tolist() == [0, 0, 0, 1, 128, 255, 255]


def _noise(side: int = 8, mode: str = "L") -> Image.Image:
    rng = np.random.default_rng(0)
    channels = (3,) if mode == "RGB" else ()
    return Image.fromarray(rng.integers(0, 256, (side, side, *channels), dtype=np.uint8))


def _with_text(file: bytes) -> bytes:
    """A PNG file with a comment before its end."""
    contents = b"tEXt" + b"a\0b"
    chunk = struct.pack(">I", 3) + contents + struct.pack(">I", zlib.crc32(contents))
    return file[:-12] + chunk + file[-12:]


FOREIGN: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a comment": ("png", lambda: _with_text(saved(_noise(), "PNG"))),
    "16 bits": ("png", lambda: saved(_noise().convert("I;16"), "PNG")),
    "colours of a palette": ("png", lambda: saved(_noise().convert("P"), "PNG")),
    "three channels for one": ("png", lambda: saved(_noise(mode="RGB"), "PNG")),
    "another size": ("png", lambda: saved(_noise(9), "PNG")),
    "progressive": ("jpeg", lambda: saved(_noise(), "JPEG", progressive=True)),
    "another size of JPEG": ("jpeg", lambda: saved(_noise(9), "JPEG")),
    "colours of JPEG": ("jpeg", lambda: saved(_noise(mode="RGB"), "JPEG")),
    "a comment in JPEG": ("jpeg", lambda: saved(_noise(), "JPEG", comment=b"hello")),
    "lossless": ("webp", lambda: saved(_noise(), "WEBP", lossless=True)),
    "metadata": ("webp", lambda: saved(_noise(), "WEBP", exif=b"Exif\0\0hello")),
    "another size of WebP": ("webp", lambda: saved(_noise(9), "WEBP")),
    "another format": ("webp", lambda: saved(_noise(), "PNG")),
    "nothing": ("png", lambda: b""),
}


@pytest.mark.parametrize("how", FOREIGN)
def test_other_files_are_refused_before_they_are_decoded(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, make = FOREIGN[how]
    file, codec = make(), file_codec(name, (1, 8, 8))
    monkeypatch.setattr(image_file_codec.Image, "open", lambda *args, **how: pytest.fail("was opened"))
    latents = np.frombuffer(file, dtype=np.uint8).astype(np.int32)[None]
    for attempt in (
        lambda: codec.decode(file, 1),
        lambda: codec.encode(latents),
        lambda: codec.classify(latents),
    ):
        with pytest.raises(BitstreamError):
            attempt()


def test_headers_of_huge_images_are_refused() -> None:
    """Sizes that would take gigabytes, in a file that is valid otherwise."""
    for name, layout in (("png", ">II"), ("jpeg", ">HH"), ("webp", "<HH")):
        codec = file_codec(name, (1, 8, 8))
        file = codec.encode(codec.analyse(make_images((1, 8, 8), 1)))
        huge = file.replace(struct.pack(layout, 8, 8), struct.pack(layout, 16_000, 16_000), 1)
        assert huge != file
        with pytest.raises(BitstreamError):
            codec.decode(huge, 1)


def test_more_or_fewer_files_than_samples_are_refused() -> None:
    codec = file_codec("jpeg", (1, 8, 8))
    data = codec.encode(codec.analyse(make_images((1, 8, 8), 2)))
    with pytest.raises(BitstreamError, match="after the last"):
        codec.decode(data, 1)
    with pytest.raises(BitstreamError):
        codec.decode(data, 3)


def test_a_long_file_among_short_ones_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = file_codec("png", (1, 8, 8))
    data = codec.encode(codec.analyse(make_images((1, 8, 8), 4)))
    monkeypatch.setattr(image_file_codec, "MAX_LATENTS", len(data))
    with pytest.raises(BitstreamError, match="longer than a reader takes"):
        codec.decode(data, 4)


@pytest.mark.parametrize("value", [256, -2, -1])
def test_latents_that_are_no_bytes_are_refused(value: int) -> None:
    codec = file_codec("webp", (1, 8, 8))
    latents = codec.analyse(make_images((1, 8, 8), 2))
    latents[0, 40] = value
    with pytest.raises(BitstreamError):
        codec.encode(latents)


SAVED: dict[str, tuple[str, dict[str, Any]]] = {
    "image-png": ("PNG", {"optimize": True}),
    "image-jpeg": ("JPEG", {"quality": 40, "optimize": True}),
    "image-webp": ("WEBP", {"quality": 40, "method": 6}),
}


@pytest.mark.parametrize("name", SAVED)
def test_the_rate_of_a_trial_is_the_sizes_of_its_files(name: str, task_model_folder: Path) -> None:
    result = run_trial(
        TrialParams(name, 0, CODEC_CONFIGURATIONS[name]),
        TrialContext(small_sweep_spec(), task_model_folder.parent),
    )
    data, model = (
        load_dataset(small_sweep_spec().dataset),
        load_task_model(small_sweep_spec(), task_model_folder),
    )
    bytes_of_test = to_bytes(torch.from_numpy(data.test.images))
    kind, how = SAVED[name]
    sizes = [len(saved(Image.fromarray(pixels[0]), kind, **how)) for pixels in bytes_of_test]
    assert result.test.rate_bits == 8 * sum(sizes) / len(sizes)
    assert result.test.rate_bits_alone == result.test.rate_bits_estimated == result.test.rate_bits
    assert (result.transmitter_bytes, result.transmitter_macs) == (0, 0)
    if name == "image-png":
        decided = predict_logits(model, uint8_to_float32(bytes_of_test)).argmax(dim=1).numpy()
        assert result.test.accuracy == (decided == data.test.labels).mean()
        assert result.extra["image_mse"] == 0


def test_a_receiver_of_files_imports_no_compressai(task_model_folder: Path) -> None:
    folder = SweepFolder(task_model_folder.parent)
    run_trial(
        TrialParams("files", 0, CODEC_CONFIGURATIONS["image-webp"]),
        TrialContext(small_sweep_spec(), folder.path),
    )
    files = folder.trial("files")
    program = (
        "import sys; from pathlib import Path; from ratefront.trial.receiver import decode_file\n"
        "decode_file(*map(Path, sys.argv[1:]))\n"
        "assert not {'compressai', 'ray', 'mlflow', 'optuna'} & set(sys.modules), 'too much imported'"
    )
    paths = [str(path) for path in (files.codec_config, files.codec_weights, files.stream)]
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
