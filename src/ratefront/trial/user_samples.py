"""A user's own samples for a codec: image files and arrays, converted on access to what the codec takes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ratefront.array_files import UNREADABLE, WrongArrayError, map_npy_file
from ratefront.bounded_files import check_regular_file
from ratefront.data.arrays.array_rules import check_sample_dtype
from ratefront.data.arrays.npz_arrays import array_names, read_array
from ratefront.data.arrays.value_rules import check_values
from ratefront.data.dataset import Samples
from ratefront.data.images.image_decoding import Background, Conversion, decode_image
from ratefront.data.stored_samples import uint8_to_float32
from ratefront.errors import InputError
from ratefront.wording import Argument, Message

_ARRAY_SUFFIXES = (".npy", ".npz")
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # as Pillow makes grey of RGB
_NAMES_IN_NPZ = ("images", "x_test")
_CLOUD_AXES = 2


class _Source(Protocol):
    """One file or array of samples."""

    def __len__(self) -> int: ...

    def sample(self, number: int) -> NDArray[np.float32]:
        """Read one sample, as the codec takes it."""
        ...


@dataclass(frozen=True, eq=False)
class UserSamples:
    """Samples (N, ...) of several files or arrays, one after another; each is read on access."""

    sources: Sequence[_Source]
    sample_shape: tuple[int, ...]

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (N, ...) of all samples."""
        return (len(self), *self.sample_shape)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        begins = list(accumulate(map(len, self.sources), initial=0))
        samples = np.empty((len(positions := np.arange(len(self))[index]), *self.sample_shape), np.float32)
        for row, position in zip(samples, positions.tolist(), strict=True):
            number = bisect_right(begins, position) - 1
            row[:] = self.sources[number].sample(position - begins[number])
        return samples


def samples_of_files(
    paths: Sequence[Path],
    sample_shape: tuple[int, ...],
    *,
    resize: bool = False,
    background: Background | None = None,
) -> UserSamples:
    """Return the samples of image files (one each) and of .npy and .npz arrays (N, ...).

    Grey becomes RGB, and RGB becomes grey. Files are decoded as those of a data set are.

    Args:
        paths: The files, in the order of the samples.
        sample_shape: (C, H, W) of an image, or (P, 3) of a point cloud.
        resize: Scale images that have another size, and crop them about the centre.
        background: The background of the data set that the codec was trained on, for transparent images.

    Raises:
        InputError: A file is missing or of no known kind, or an array does not fit. On access of a sample: it cannot
            be decoded, is transparent and there is no background, has another size, or its values are no brightnesses.
    """
    clouds = len(sample_shape) == _CLOUD_AXES
    if clouds and resize:
        raise _resize_needs_images()
    sources: list[_Source] = []
    for path in paths:
        _check_is_file(path)
        if path.suffix.lower() in _ARRAY_SUFFIXES:
            sources.append(_source_of_array(_read_array_file(path), str(path), sample_shape, resize))
        elif clouds:
            raise InputError(f"{path}: point clouds come in arrays (N, {sample_shape[0]}, 3), .npy or .npz")
        else:
            sources.append(_ImageFile(path, sample_shape, resize, background))
    return UserSamples(tuple(sources), sample_shape)


def _check_is_file(path: Path) -> None:
    try:
        check_regular_file(path)
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; give its files") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: is not there") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def samples_of_array(array: NDArray[Any], sample_shape: tuple[int, ...], *, resize: bool = False) -> Samples:
    """Return the samples of an array in memory: as the codec takes them, or as a .npy file may hold them.

    Raises:
        InputError: As ``samples_of_files``.
    """
    clouds = len(sample_shape) == _CLOUD_AXES
    if not clouds:
        _check_not_a_single_image(array.shape, sample_shape)
    if array.dtype == np.float32 and array.shape[1:] == sample_shape and array.ndim:
        if len(array):
            check_values(array, "points" if clouds else "images", "samples")
        return np.ascontiguousarray(array)
    if clouds and resize:
        raise _resize_needs_images()
    source = _source_of_array(_checked_array(array, "samples"), "samples", sample_shape, resize)
    return UserSamples((source,), sample_shape)


def _check_not_a_single_image(shape: tuple[int, ...], sample_shape: tuple[int, ...]) -> None:
    """Refuse a single image: its channels or its rows would count as several grey images."""
    channels, height, width = sample_shape
    if (shape == sample_shape and channels != 1) or shape == (height, width, channels):
        raise InputError(f"samples: {shape} is one image without an axis for samples; x[None] gives it one")


def _resize_needs_images() -> InputError:
    return InputError(Message(Argument("resize", True), " is for images; this codec takes point clouds"))


def _source_of_array(
    array: NDArray[Any], origin: str, sample_shape: tuple[int, ...], resize: bool
) -> _Source:
    clouds = len(sample_shape) == _CLOUD_AXES
    may_be_clouds = array.ndim == _CLOUD_AXES + 1 and array.shape[-1] == 3 and array.dtype.kind == "f"
    if may_be_clouds and not clouds:
        raise InputError(
            f"{origin}: {array.dtype} of shape {array.shape} may be point clouds; this codec takes images: give "
            "grey ones as (N, H, W, 1), or in bytes"
        )
    return (_PointCloudArray if clouds else _ImageArray)(origin, array, sample_shape, resize)


def _read_array_file(path: Path) -> NDArray[Any]:
    if path.suffix.lower() == ".npz":
        return _checked_array(read_array(path, _name_of_samples(path)), str(path))
    try:
        array = map_npy_file(path)
    except WrongArrayError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, *UNREADABLE) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return _checked_array(array, str(path))


def _name_of_samples(path: Path) -> str:
    names = array_names(path)
    known = [name for name in _NAMES_IN_NPZ if name in names] or names
    if len(names) != 1 and known == names:
        raise InputError(
            f"{path}: holds {', '.join(names)}: which of them are samples? Name them {_NAMES_IN_NPZ[0]}"
        )
    return known[0]


def _checked_array(array: NDArray[Any], origin: str) -> NDArray[Any]:
    check_sample_dtype(array.dtype, origin, array.dtype)
    if array.ndim == 0 or len(array) == 0:
        raise InputError(f"{origin}: must hold samples (N, ...), got shape {array.shape}")
    return array


@dataclass(frozen=True, eq=False)
class _ImageFile:
    path: Path
    shape: tuple[int, ...]
    resize: bool
    background: Background | None

    def __len__(self) -> int:
        return 1

    def sample(self, number: int) -> NDArray[np.float32]:
        channels, height, width = self.shape
        if channels not in (1, 3):
            raise InputError(f"{self.path}: an image file has 1 or 3 channels, this codec takes {channels}")
        image = decode_image(str(self.path), Conversion(1 if channels == 1 else 3, self.background))
        if image.size != (width, height):
            _check_resize(self.resize, str(self.path), image.height, image.width, self.shape)
            image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(image).reshape(height, width, channels)
        return uint8_to_float32(pixels.transpose(2, 0, 1))


@dataclass(frozen=True, eq=False)
class _PointCloudArray:
    origin: str
    array: NDArray[Any]
    shape: tuple[int, ...]
    resize: bool

    def __post_init__(self) -> None:
        if self.array.shape[1:] != self.shape:
            raise InputError(
                f"{self.origin}: this codec takes (N, {self.shape[0]}, 3), got {self.array.shape}"
            )

    def __len__(self) -> int:
        return len(self.array)

    def sample(self, number: int) -> NDArray[np.float32]:
        cloud = np.asarray(self.array[number])
        check_values(cloud, "points", f"{self.origin}: sample {number}")
        return cloud.astype(np.float32)


@dataclass(frozen=True, eq=False)
class _ImageArray:
    """An array (N, H, W), (N, H, W, C) or (N, C, H, W)."""

    origin: str
    array: NDArray[Any]
    shape: tuple[int, ...]
    resize: bool

    def __post_init__(self) -> None:
        if self.array.ndim not in (3, 4):
            raise InputError(
                f"{self.origin}: must be (N, H, W), (N, H, W, C) or (N, C, H, W), got {self.array.shape}"
            )
        channels, height, width = self._as_channels_first(self.array[:1])[0].shape
        if channels != self.shape[0] and {channels, self.shape[0]} != {1, 3}:
            raise InputError(f"{self.origin}: has {channels} channels, this codec takes {self.shape[0]}")
        if (height, width) != self.shape[1:]:
            _check_resize(self.resize, self.origin, height, width, self.shape)

    def __len__(self) -> int:
        return len(self.array)

    def _as_channels_first(self, images: NDArray[Any]) -> NDArray[Any]:
        if images.ndim == 3:
            return images[:, None]
        if images.shape[1:] == self.shape or images.shape[3] not in (1, 3, self.shape[0]):
            return images
        return images.transpose(0, 3, 1, 2)

    def sample(self, number: int) -> NDArray[np.float32]:
        pixels = np.asarray(self._as_channels_first(self.array[number : number + 1])[0])
        check_values(pixels, "images", f"{self.origin}: sample {number}")
        image = uint8_to_float32(pixels) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
        if image.shape[0] != self.shape[0]:
            image = np.tensordot(_LUMA, image, 1)[None] if self.shape[0] == 1 else np.repeat(image, 3, axis=0)
        return np.stack(list(self._resized(image)))

    def _resized(self, image: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Yield each channel, in the codec's size."""
        _, height, width = self.shape
        for channel in image:
            if channel.shape == (height, width):
                yield channel
            else:
                grey = Image.fromarray(np.ascontiguousarray(channel))
                yield np.asarray(ImageOps.fit(grey, (width, height), Image.Resampling.BILINEAR)).clip(0, 1)


def _check_resize(resize: bool, origin: str, height: int, width: int, shape: tuple[int, ...]) -> None:
    if not resize:
        raise InputError(
            Message(
                f"{origin}: is {width}×{height} pixels, this codec takes {shape[2]}×{shape[1]}; ",
                Argument("resize", True),
                " makes it so",
            )
        )
