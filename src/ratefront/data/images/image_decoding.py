"""One image file: what may be decoded of it, and what is made of it.

Orientation as EXIF tells it is obeyed. Grey stays grey, unless three channels are asked for. Transparent pixels have no
brightness of their own: they are refused, or laid on a background. More than 8 bits a value, and several images, are
refused.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ratefront.errors import InputError

Background = Literal["white", "black"]

IS_TRANSPARENT = "has transparent pixels"

_LAY_IT = "lay it on a background, white or black, and save it without transparency"
_SAME_MOMENT = (
    "MPO"  # a photograph with its preview, or from a second lens: the first image is the photograph
)

_GREY_MODES = ("1", "L", "LA", "La")
_WITH_PALETTE = ("P", "PA")


@dataclass(frozen=True)
class Conversion:
    """What every file becomes: grey (1 channel) or RGB (3), transparent pixels laid on ``background``, if on any."""

    channels: Literal[1, 3]
    background: Background | None = None


@dataclass(frozen=True)
class ImageCheck:
    """What a file turned out to be: why it cannot be used, whether it has colours, a digest of its bytes."""

    problem: str | None
    has_colours: bool
    digest: str


class _UnusableError(Exception):
    pass


def decode_image(path: str, conversion: Conversion) -> Image.Image:
    """The whole image, upright, in mode L or RGB.

    Raises:
        InputError: It cannot be decoded, is transparent with no background to lay it on, holds several
            images, or has more than 8 bits a value.
    """
    try:
        with Image.open(path) as image:
            return _converted(image, conversion)
    except Exception as error:  # of many kinds, by decoder: OSError, SyntaxError, struct.error, …
        why = _why(error, path)
        advice = f": {_LAY_IT}" if why == IS_TRANSPARENT else ""
        raise InputError(f"{path}: cannot be used as an image: {why}{advice}") from error


def check_image_file(path: str, at_least: int, background: Background | None) -> ImageCheck:
    """What the file is, told by decoding it to its end, for many are cut off."""
    problem, has_colours, content = None, False, b""
    try:
        content = Path(path).read_bytes()
        with Image.open(BytesIO(content)) as image:
            has_colours = _has_colours(image)
            if min(image.size) < at_least:
                raise _UnusableError(
                    f"is {image.width}×{image.height} pixels, smaller than the {at_least} a side asked for"
                )
            _converted(image, Conversion(3, background))
    except Exception as error:
        problem = _why(error, path)
    return ImageCheck(problem, has_colours, hashlib.sha256(content).hexdigest())


def has_colours(path: str) -> bool:
    """As ``look_at`` tells it, from the file's header alone where there is no palette."""
    with (
        suppress(Exception),
        Image.open(path) as image,
    ):  # what cannot be opened has no colours for look_at, too
        return _has_colours(image)
    return False


def _has_colours(image: Image.Image) -> bool:
    if image.mode in _WITH_PALETTE:
        red, green, blue = image.convert("RGBA").split()[:3]
        return not red.tobytes() == green.tobytes() == blue.tobytes()
    return image.mode not in _GREY_MODES and image.mode[0] not in "IF"


def _converted(image: Image.Image, conversion: Conversion) -> Image.Image:
    _check_pages(image)
    _check_bits(image)
    upright = _upright(image)
    if upright.has_transparency_data:
        upright = _laid_on(conversion.background, upright.convert("RGBA"))
    return upright.convert("L" if conversion.channels == 1 else "RGB")


def _check_pages(image: Image.Image) -> None:
    """Of several images in a file, which one is meant?"""
    pages = getattr(image, "n_frames", 1)
    if pages > 1 and image.format != _SAME_MOMENT:
        raise _UnusableError(f"holds {pages} pages or frames: save each one that counts as a file of its own")


def _check_bits(image: Image.Image) -> None:
    """Pillow opens some files of 16 bits a value in modes of 8, and cuts the rest off: the raw mode tells."""
    tiles: list[tuple[str, Any, int, Any]] = getattr(image, "tile", [])
    if image.mode[0] in "IF" or any(_is_wide(decoder, arguments) for decoder, _, _, arguments in tiles):
        raise _UnusableError(f"has more than 8 bits a value (mode {image.mode}), which would be cut off")


def _is_wide(decoder: str, arguments: Any) -> bool:
    raw_mode, *others = arguments if isinstance(arguments, tuple) else (arguments,)
    return ";16" in str(raw_mode) or (decoder == "ppm" and others[0] > 255)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as EXIF says. What is no readable EXIF says nothing, and the image is taken as it lies."""
    image.load()
    try:
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except Exception:
        return image
    return ImageOps.exif_transpose(image) if is_turned else image


def _laid_on(background: Background | None, image: Image.Image) -> Image.Image:
    """An image in RGBA without its transparency, which may be there and hide nothing."""
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    if background is None:
        raise _UnusableError(IS_TRANSPARENT)
    return Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")


def _why(error: Exception, path: str) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "is no image that can be read"
    return str(error).replace(path, Path(path).name) or type(error).__name__
