"""Learned image codecs: any size of image, CompressAI's transforms and scale of the error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.codecs.random_images import make_images
from torch import Tensor, nn

from ratefront.catalogue.families import ImageCodecParameters
from ratefront.codecs.bottleneck.learner_data import LearnerSplit
from ratefront.codecs.codec_interface import CodecStructure
from ratefront.codecs.image.image_family import ImageFamily
from ratefront.codecs.image.image_file_codec import to_bytes
from ratefront.codecs.image.learned_image import (
    EightBitPixels,
    ImageLearner,
    LearnedImageCodec,
    squared_error,
)
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.data.stored_samples import uint8_to_float32
from ratefront.errors import InputError

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
    ("parameters", "reason"),
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
def test_parameters_that_mean_nothing_together_are_refused(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ImageCodecParameters.model_validate(parameters)


@pytest.mark.parametrize(
    ("parameters", "shape", "reason"),
    [
        ({"codec": "png"}, (2, 8, 8), "of 1 or 3 channels"),
        ({"codec": "png"}, (64, 3), "of 1 or 3 channels"),
        ({"codec": "webp", "quality": 9}, (3, 8, 16_384), "at most 16383 pixels"),
        ({**LEARNED, **HYPER, "downscalings": 3}, (1, 8, 8), "more than one place"),
    ],
)
def test_parameters_that_do_not_fit_the_samples_are_refused(
    parameters: dict[str, Any], shape: tuple[int, ...], reason: str
) -> None:
    assert ImageCodecParameters.model_validate(parameters).unfit({}) is None
    with pytest.raises(InputError, match=reason):
        ImageFamily().build(CodecStructure(parameters, {"name": "small_cnn"}, 10, shape))


def learned(shape: tuple[int, int, int], **changes: Any) -> LearnedImageCodec:
    parameters = {**LEARNED, **changes}
    torch.manual_seed(0)
    codec = ImageFamily().build(CodecStructure(parameters, {"name": "residual_cnn"}, 10, shape))
    assert isinstance(codec, LearnedImageCodec)
    return codec.eval()


@pytest.mark.parametrize("sides", [(8, 8), (9, 21), (28, 30)])
@pytest.mark.parametrize(
    "changes",
    [{}, {**HYPER, "distortion": "task"}, {"entropy_model": "context", "slices": 2, "hyper_width": 3}],
)
def test_images_of_any_size_are_decoded_in_their_size(
    sides: tuple[int, int], changes: dict[str, Any]
) -> None:
    shape = (3, *sides)
    codec, images = learned(shape, **changes), make_images((3, *sides), 6)
    split = LearnerSplit(_InMemory(images), _InMemory(images), torch.arange(6) % 10)
    learner = ImageLearner(codec, split, split, task_distortion=changes.get("distortion") == "task")
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


class _InMemory:
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
    images = make_images((3, 32, 48), 2)
    with torch.no_grad():
        latents = theirs.g_a(images)
        assert torch.equal(bottleneck.g_a(images), latents)
        assert torch.equal(bottleneck.g_s(latents), theirs.g_s(latents))


def test_the_squared_error_has_compressais_scale() -> None:
    """CompressAI's loss is 255²·MSE of a pixel; times the pixels it is ours, which is of an image."""
    images, decoded = make_images((3, 9, 7), 5), torch.rand(5, 3, 9, 7)
    theirs = 255**2 * nn.functional.mse_loss(decoded, images)
    assert float(squared_error(decoded, images).mean()) == pytest.approx(63 * float(theirs), rel=1e-5)


def test_the_transmitter_holds_no_task_model() -> None:
    codec = learned((1, 8, 8), **HYPER)
    counted_modules = (codec.bottleneck.g_a, *codec.bottleneck.model.transmitter_modules())
    assert module_bytes(*codec.transmitter_modules()) == module_bytes(*counted_modules)
    range_of_tables = 2  # the first and the last Gaussian that is kept, a byte each
    tables = table_bytes(codec.transmitter_tables()) + range_of_tables
    assert codec.transmitter_bytes == module_bytes(*counted_modules) + tables
    counted = {id(p) for module in codec.transmitter_modules() for p in module.parameters()}
    assert not counted & {id(p) for p in (*codec.back_end.parameters(), *codec.bottleneck.g_s.parameters())}


def test_eight_bit_pixels_pass_gradients_inside_their_range() -> None:
    values = torch.tensor([-0.3, 0.2501, 0.9, 1.4], requires_grad=True)
    pixels = EightBitPixels()(values)
    pixels.sum().backward()
    assert pixels.tolist() == pytest.approx([0, 64 / 255, 230 / 255, 1])
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 0]
