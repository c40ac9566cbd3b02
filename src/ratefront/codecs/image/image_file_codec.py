"""Image files of Pillow in front of the task model (LL tables 1 and 3): the file is sent byte for byte.

::

    X ─ 8 bit ─ PNG, JPEG, WebP ─ file ─ decoder ─ 8 bit ─ task model ─ class

A sample's latents are the bytes of its file, so that samples have different numbers of them (ragged). A file says where
it ends. A block's string is its files one after another, its rate the sum of their sizes; the estimate is the same sum.
The transmitter holds nothing that was learned: zero bytes, zero multiply–accumulates (docs/theory.md, the transmitter).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.container import MAX_LATENTS
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.latent_coder import FILLER
from ratefront.codecs.codec_interface import Codec
from ratefront.codecs.image.image_error import mean_squared_error
from ratefront.codecs.image.image_formats import ImageFormat
from ratefront.complexity.macs import Macs
from ratefront.data.dataset import Samples
from ratefront.data.images.image_files import map_in_threads
from ratefront.data.stored_samples import uint8_to_float32
from ratefront.errors import BitstreamError
from ratefront.task_models.task_model import TaskModel, predict_logits


class ImageFileCodec(Codec):
    """Sends a file of one format; the receiver decodes it and runs the frozen task model."""

    def __init__(self, file_format: ImageFormat, task_model: TaskModel) -> None:
        super().__init__()
        self.file_format, self.task_model = file_format, task_model

    @property
    @override
    def elements(self) -> None:
        return None

    @override
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        return _files_to_latents(map_in_threads(self._encode_image, list(to_bytes(images))))

    def _encode_image(self, pixels: NDArray[np.uint8]) -> bytes:
        """The file of an image (C, H, W); it has no metadata, since the image is made from an array."""
        file = BytesIO()
        one = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
        Image.fromarray(one).save(file, self.file_format.name, **self.file_format.settings())
        return file.getvalue()

    @override
    def encode(self, latents: Symbols, first: int = 0) -> bytes:
        data = b"".join(_latents_to_files(latents))
        decoded = self.decode(data, len(latents), first)
        width = decoded.shape[1]
        if not np.array_equal(latents[:, :width], decoded) or (latents[:, width:] != FILLER).any():
            raise BitstreamError("the latents are no files of this codec")
        return data

    def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
        """Cut the string into files; only ``classify`` decodes pixels.

        Raises:
            BitstreamError: The string is not ``samples`` whole files of images of this shape, or the latents would be
                too many for a reader when all samples are filled up to the longest.
        """
        files, begin = [], 0
        for _ in range(samples):
            end = self.file_format.end(data, begin)
            files.append(data[begin:end])
            begin = end
        if begin != len(data):
            raise BitstreamError(f"{len(data) - begin} bytes after the last image file")
        if samples * max(map(len, files), default=0) > MAX_LATENTS:
            raise BitstreamError("the samples are longer than a reader takes")
        return _files_to_latents(files)

    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        """Classes (n,) of the decoded images.

        Raises:
            BitstreamError: A file cannot be decoded as an image.
        """
        if not len(latents):
            return torch.zeros(0, dtype=torch.int64)
        return self.class_scores(latents, first).argmax(dim=1)

    @override
    def class_scores(self, latents: Symbols, first: int = 0) -> Tensor:
        return predict_logits(self.task_model, self.images(latents))

    def images(self, latents: Symbols) -> Samples:
        """The decoded images (n, C, H, W) in [0, 1]; each is decoded when it is indexed."""
        return _DecodedImages(list(_latents_to_files(latents)), self.file_format)

    @override
    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        return torch.from_numpy(8.0 * (latents != FILLER).sum(axis=1))

    @override
    def transmitter_modules(self) -> Sequence[nn.Module]:
        return []

    @override
    def transmitter_macs(self, image: Tensor) -> Macs:
        return Macs(0)

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """``image_mse``; see ``image_error``."""
        return {"image_mse": mean_squared_error(samples, lambda few: self.images(self.analyse(few))[:])}


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Images in [0, 1], rounded to 8 bit."""
    pixels: NDArray[np.uint8] = (images.clamp(0, 1) * 255).round().to("cpu", torch.uint8).numpy()
    return pixels


@dataclass(frozen=True, eq=False)
class _DecodedImages:
    """Images (N, C, H, W) that are decoded from their files when they are indexed."""

    files: Sequence[bytes]
    file_format: ImageFormat

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.files), *self.file_format.shape)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        chosen = [self.files[i] for i in np.arange(len(self))[index]]
        return uint8_to_float32(np.stack(map_in_threads(self._decode_one, chosen)))

    def _decode_one(self, file: bytes) -> NDArray[np.uint8]:
        """Pixels (C, H, W) of a file; its header is checked first, so that Pillow allocates no other size."""
        if self.file_format.end(file, 0) != len(file):
            raise BitstreamError("bytes after the end of an image file")
        try:
            with Image.open(BytesIO(file), formats=[self.file_format.name]) as image:
                pixels = np.asarray(image.convert("L" if self.shape[1] == 1 else "RGB"))
        except Exception as error:  # of many kinds, by decoder: OSError, SyntaxError, struct.error, …
            raise BitstreamError(f"an image file cannot be decoded: {error}") from error
        return pixels[None] if self.shape[1] == 1 else pixels.transpose(2, 0, 1)


def _files_to_latents(files: Sequence[bytes]) -> Symbols:
    """The bytes of files as latents (n, longest), filled up with ``FILLER``."""
    latents = np.full((len(files), max(map(len, files), default=0)), FILLER, dtype=np.int32)
    for row, file in zip(latents, files, strict=True):
        row[: len(file)] = np.frombuffer(file, dtype=np.uint8)
    return latents


def _latents_to_files(latents: Symbols) -> Iterator[bytes]:
    return (row[row != FILLER].astype(np.uint8).tobytes() for row in latents)
