"""Image files in front of the task model are cut apart to the byte; learned image codecs are CompressAI's."""

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
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from torch import Tensor, nn

from ratefront.bitstream.coded_stream import write_stream
from ratefront.bitstream.latent_coder import FILLER
from ratefront.catalogue.families import ImageCodecParameters
from ratefront.codecs.bottleneck.learner_splits import LearnerSplit
from ratefront.codecs.contract import CodecStructure
from ratefront.codecs.image import image_file_codec
from ratefront.codecs.image.image_family import ImageFamily
from ratefront.codecs.image.image_file_codec import ImageFileCodec, to_bytes
from ratefront.codecs.image.image_formats import FORMATS
from ratefront.codecs.image.learned_image import (
    EightBitPixels,
    ImageLearner,
    LearnedImageCodec,
    squared_error,
)
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.data.load_dataset import load_dataset
from ratefront.data.stored_samples import uint8_to_float32
from ratefront.errors import BitstreamError, InputError
from ratefront.records import TrialParams
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tasks.stored_task_model import load_task_model
from ratefront.tasks.task_model import TaskModel, predict_logits
from ratefront.testing.codec_contract import same_latents
from ratefront.testing.stream_mutants import mutants, survive
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext

QUALITY = {"png": None, "jpeg": 40, "webp": 40}
SHAPES = [(1, 8, 8), (3, 8, 8), (1, 17, 5), (3, 33, 20), (1, 1, 1), (3, 1, 2)]
IDENTITY = bytes(range(32))


def task_model(shape: tuple[int, ...]) -> TaskModel:
    """Anything that tells classes from images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TaskModel([("flat", nn.Flatten()), ("class", nn.Linear(prod(shape), 4))])


def file_codec(name: str, shape: tuple[int, int, int], quality: int | None = None) -> ImageFileCodec:
    file_format = FORMATS[name](shape, quality or QUALITY[name])
    return ImageFileCodec(file_format, task_model(shape))


def images_of(shape: tuple[int, ...], count: int, seed: int = 0) -> Tensor:
    """Images of 8 bit (count, C, H, W): noise on a slope, so that files differ in size."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 200, prod(shape)).reshape(shape)
    noise = rng.integers(0, 56, (count, *shape)) * rng.integers(0, 2, (count, 1, 1, 1))
    return torch.from_numpy(uint8_to_float32((slope + noise).astype(np.uint8)))


def opened(file: bytes) -> Image.Image:
    """As any other program sees it."""
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
    def test_a_block_is_its_files_and_is_cut_apart_again(
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
        latents = codec.analyse(images_of(shape, 3))
        for row, image in zip(latents, codec.images(latents)[:], strict=True):
            file = opened(row[row != FILLER].astype(np.uint8).tobytes())
            pixels = np.asarray(file.convert("L" if shape[0] == 1 else "RGB")).reshape(shape[1], shape[2], -1)
            np.testing.assert_array_equal(image, uint8_to_float32(pixels.transpose(2, 0, 1)))

    def test_damaged_streams_are_refused_or_harmless(self, name: str, shape: tuple[int, int, int]) -> None:
        codec = file_codec(name, shape)
        latents, others = (codec.analyse(images_of(shape, 7, seed)) for seed in (0, 1))
        data, other = (write_stream(codec, IDENTITY, of, 3).data for of in (latents, others))
        outcomes = survive(codec, IDENTITY, latents, mutants(data, other, 120, seed=len(name)))
        assert outcomes["refused"] > 60

    def test_damaged_files_are_refused_or_are_images(self, name: str, shape: tuple[int, int, int]) -> None:
        """Behind all checksums: whatever can be cut apart is decoded, or refused by one kind of error."""
        codec, rng = file_codec(name, shape), np.random.default_rng(1)
        whole = np.frombuffer(codec.encode(codec.analyse(images_of(shape, 2))), dtype=np.uint8)
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
def test_png_loses_nothing(shape: tuple[int, int, int]) -> None:
    codec, images = file_codec("png", shape), images_of(shape, 20)
    np.testing.assert_array_equal(codec.images(codec.analyse(images))[:], images.numpy())
    assert codec.extra_metrics(images.numpy()) == {"image_mse": 0.0}


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_quality_costs_bits_and_saves_errors(name: str) -> None:
    images = images_of((3, 32, 32), 8)
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


def test_headers_that_promise_more_are_refused() -> None:
    """Sizes that would take gigabytes: in the very bytes that tell them, of a file that is whole otherwise."""
    for name, layout in (("png", ">II"), ("jpeg", ">HH"), ("webp", "<HH")):
        codec = file_codec(name, (1, 8, 8))
        file = codec.encode(codec.analyse(images_of((1, 8, 8), 1)))
        huge = file.replace(struct.pack(layout, 8, 8), struct.pack(layout, 16_000, 16_000), 1)
        assert huge != file
        with pytest.raises(BitstreamError):
            codec.decode(huge, 1)


def test_more_or_fewer_files_than_samples_are_refused() -> None:
    codec = file_codec("jpeg", (1, 8, 8))
    data = codec.encode(codec.analyse(images_of((1, 8, 8), 2)))
    with pytest.raises(BitstreamError, match="behind the last"):
        codec.decode(data, 1)
    with pytest.raises(BitstreamError):
        codec.decode(data, 3)


def test_one_long_file_among_many_short_ones_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = file_codec("png", (1, 8, 8))
    data = codec.encode(codec.analyse(images_of((1, 8, 8), 4)))
    monkeypatch.setattr(image_file_codec, "MAX_LATENTS", len(data))
    with pytest.raises(BitstreamError, match="longer than a reader takes"):
        codec.decode(data, 4)


@pytest.mark.parametrize("value", [256, -2, -1])
def test_latents_that_are_no_bytes_are_refused(value: int) -> None:
    codec = file_codec("webp", (1, 8, 8))
    latents = codec.analyse(images_of((1, 8, 8), 2))
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


LEARNED: dict[str, Any] = {
    "codec": "learned",
    "entropy_model": "factorized",
    "channels": 6,
    "latent_channels": 4,
    "distortion": "mse",
    "beta": 0.01,
}
HYPER = {"entropy_model": "mean_scale_hyperprior"}


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({"codec": "jpeg"}, "quality is needed when codec is jpeg"),
        ({"codec": "png", "quality": 40}, "quality means nothing when codec is png"),
        ({"codec": "webp", "quality": 0}, "greater than or equal to 1"),
        ({"codec": "webp", "quality": 50, "beta": 1.0}, "beta means nothing when codec is webp"),
        ({"codec": "png", "downscalings": 2}, "downscalings means nothing when codec is png"),
        ({**LEARNED, "quality": 40}, "quality means nothing when codec is learned"),
        ({**LEARNED, "beta": None}, "beta is needed when codec is learned"),
        ({**LEARNED, "hyper_width": 3}, "hyper_width means nothing when entropy_model is factorized"),
        ({**LEARNED, **HYPER, "slices": 2}, "slices means nothing when entropy_model is mean_scale"),
        ({**LEARNED, "entropy_model": "context"}, "slices is needed when entropy_model is context"),
        (
            {**LEARNED, "entropy_model": "context", "slices": 5},
            "slices must be ≤ latent_channels, got 5 for 4",
        ),
    ],
)
def test_parameters_that_mean_nothing_together_are_refused(own: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ImageCodecParameters.model_validate(own)


@pytest.mark.parametrize(
    ("own", "shape", "reason"),
    [
        ({"codec": "png"}, (2, 8, 8), "of 1 or 3 channels"),
        ({"codec": "png"}, (64, 3), "of 1 or 3 channels"),
        ({"codec": "webp", "quality": 9}, (3, 8, 16_384), "at most 16383 pixels"),
        ({**LEARNED, **HYPER, "downscalings": 3}, (1, 8, 8), "more than one place"),
    ],
)
def test_what_does_not_fit_the_samples_is_refused(
    own: dict[str, Any], shape: tuple[int, ...], reason: str
) -> None:
    assert ImageCodecParameters.model_validate(own).unfit({}) is None
    with pytest.raises(InputError, match=reason):
        ImageFamily().build(CodecStructure(own, {"name": "small_cnn"}, 10, shape))


def learned(shape: tuple[int, int, int], **changes: Any) -> LearnedImageCodec:
    own = {**LEARNED, **changes}
    torch.manual_seed(0)
    codec = ImageFamily().build(CodecStructure(own, {"name": "residual_cnn"}, 10, shape))
    assert isinstance(codec, LearnedImageCodec)
    return codec.eval()


@pytest.mark.parametrize("sides", [(8, 8), (9, 21), (28, 30)])
@pytest.mark.parametrize(
    "changes",
    [{}, {**HYPER, "distortion": "task"}, {"entropy_model": "context", "slices": 2, "hyper_width": 3}],
)
def test_images_of_any_size_are_learned_and_come_back_in_their_size(
    sides: tuple[int, int], changes: dict[str, Any]
) -> None:
    shape = (3, *sides)
    codec, images = learned(shape, **changes), images_of((3, *sides), 6)
    split = LearnerSplit(_Held(images), _Held(images), torch.arange(6) % 10)
    learner = ImageLearner(codec, split, split, of_task=changes.get("distortion") == "task")
    loss = learner.loss(torch.arange(6), 0.6)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is None for p in codec.back_end.parameters())
    assert all(p.grad is not None for p in codec.bottleneck.g_s.parameters())
    learner.finish()
    latents = codec.analyse(images)
    assert np.array_equal(codec.decode(codec.encode(latents), 6), latents)
    decoded = codec.images(torch.from_numpy(latents))
    assert decoded.shape == images.shape
    assert torch.equal(decoded, torch.from_numpy(uint8_to_float32(to_bytes(decoded))))


class _Held:
    """Samples in memory."""

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Tensor, /) -> Tensor:
        return self.samples[index]


def test_with_four_halvings_the_transforms_are_compressais() -> None:
    from compressai.models import FactorizedPrior

    theirs = FactorizedPrior(6, 4).eval()
    bottleneck = learned((3, 32, 48), downscalings=4).bottleneck
    ours = [*bottleneck.g_a[1:], *bottleneck.g_s[:-1]]
    for layer, other in zip(ours, [*theirs.g_a, *theirs.g_s], strict=True):
        layer.load_state_dict(other.state_dict())
    images = images_of((3, 32, 48), 2)
    with torch.no_grad():
        latents = theirs.g_a(images)
        assert torch.equal(bottleneck.g_a(images), latents)
        assert torch.equal(bottleneck.g_s(latents), theirs.g_s(latents))


def test_the_squared_error_has_compressais_scale() -> None:
    """Their loss, 255²·MSE of a pixel, times the pixels: bits are an image's here, a pixel's there."""
    images, decoded = images_of((3, 9, 7), 5), torch.rand(5, 3, 9, 7)
    theirs = 255**2 * nn.functional.mse_loss(decoded, images)
    assert float(squared_error(decoded, images).mean()) == pytest.approx(63 * float(theirs), rel=1e-5)


def test_the_task_model_is_the_receivers() -> None:
    codec = learned((1, 8, 8), **HYPER)
    own = (codec.bottleneck.g_a, *codec.bottleneck.model.transmitter_modules())
    assert module_bytes(*codec.transmitter_modules()) == module_bytes(*own)
    range_of_tables = 2  # the first and the last Gaussian that is kept, a byte each
    tables = table_bytes(codec.transmitter_tables()) + range_of_tables
    assert codec.transmitter_bytes == module_bytes(*own) + tables
    counted = {id(p) for module in codec.transmitter_modules() for p in module.parameters()}
    assert not counted & {id(p) for p in (*codec.back_end.parameters(), *codec.bottleneck.g_s.parameters())}


def test_pixels_have_the_gradient_of_the_values_inside_of_their_range() -> None:
    values = torch.tensor([-0.3, 0.2501, 0.9, 1.4], requires_grad=True)
    pixels = EightBitPixels()(values)
    pixels.sum().backward()
    assert pixels.tolist() == pytest.approx([0, 64 / 255, 230 / 255, 1])
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 0]
