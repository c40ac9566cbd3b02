"""Decode one image file, or find out why it cannot be used.

Only the formats that the documentation names are decoded, whatever the file's name says: other decoders of Pillow start
programs (EPS), or cut values off without a word. The EXIF orientation is applied. Grey stays grey, unless three
channels are asked for. Transparent pixels have no brightness of their own: they are refused, or laid on a background.
More than 8 bits per value, several images in one file, and images of more than ``MOST_PIXELS``, are refused.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ratefront.bounded_files import check_regular_file
from ratefront.errors import InputError

#: What is opened, by Pillow's names: JPEG includes photographs with a preview (MPO), and PPM includes PGM.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM")
_FORMAT_NAMES = "JPEG, PNG, WebP, BMP, TIFF, PPM, PGM"
#: A few kilobytes may unpack to gigabytes. It is Pillow's limit, whose own variable a program may have set to None.
MOST_PIXELS = 2 * (1 << 30) // 12
#: A larger file holds more than that many pixels of 8 bytes.
MOST_FILE_BYTES = 8 * MOST_PIXELS

#: Pillow's time for comments and for values as text grows with the square of their length.
_MOST_PPM_HEADER = 1 << 16
#: The second matches the start of a binary PBM, PGM or PPM, with its width and height.
_PPM = re.compile(rb"P[1-6]\s")
_PPM_HEADER = re.compile(rb"P[456](\s+(#[^\n]*\n\s*)*\d+){2}\s")

Background = Literal["white", "black"]

IS_TRANSPARENT = "has transparent pixels"

_LAY_ON_BACKGROUND = "lay it on a background, white or black, and save it without transparency"
_ONE_PHOTOGRAPH = (
    "MPO"  # holds a photograph and its preview, or that of a second lens: the first image is the photograph
)

_GREY_MODES = ("1", "L", "LA", "La")
_PALETTE_MODES = ("P", "PA")


@dataclass(frozen=True)
class Conversion:
    """The form of every decoded image: grey (1 channel) or RGB (3); transparent pixels are laid on ``background``."""

    channels: Literal[1, 3]
    background: Background | None = None


@dataclass(frozen=True)
class ImageCheck:
    """The result for one file: why it cannot be used (or None), whether it has colours, and a digest of its bytes."""

    problem: str | None
    has_colours: bool
    digest: str


class _UnusableError(Exception):
    pass


def open_image(path: str) -> Image.Image:
    """Open an image file of a known format; only its header is read.

    Raises:
        Exception: It is no regular file, too large, damaged, or of another format; the type depends on the decoder.
    """
    _check_file(path)
    return Image.open(path, formats=FORMATS)


def _check_file(path: str) -> None:
    """Check what Pillow would take too long for."""
    if (size := check_regular_file(Path(path)).st_size) > MOST_FILE_BYTES:
        raise _UnusableError(f"has {size} bytes, more than an image of {MOST_PIXELS} pixels takes")
    if size > _MOST_PPM_HEADER and _is_slow_ppm(path):
        raise _UnusableError(
            f"is a PPM or PGM of more than {_MOST_PPM_HEADER} bytes that is text, or whose comments are that long"
        )


def _is_slow_ppm(path: str) -> bool:
    with Path(path).open("rb") as stream:
        start = stream.read(3)
        return bool(_PPM.match(start)) and not _PPM_HEADER.match(start + stream.read(_MOST_PPM_HEADER))


def decode_image(path: str, conversion: Conversion) -> Image.Image:
    """Decode the whole image, upright, in mode L or RGB.

    Raises:
        InputError: The file cannot be decoded, is transparent and there is no background, holds several images, or has
            more than 8 bits per value.
    """
    try:
        with open_image(path) as image:
            return _convert(image, conversion)
    except Exception as error:  # the type depends on the decoder: OSError, SyntaxError, struct.error, …
        why = _reason(error, path)
        advice = f": {_LAY_ON_BACKGROUND}" if why == IS_TRANSPARENT else ""
        raise InputError(f"{path}: cannot be used as an image: {why}{advice}") from error


def check_image_file(path: str, at_least: int, background: Background | None) -> ImageCheck:
    """Check a file by decoding it to its end, since many files are cut off.

    Args:
        path: The image file.
        at_least: The smallest side in pixels.
        background: What transparent pixels are laid on; None: they are a problem.
    """
    problem, has_colours, content = None, False, b""
    try:
        _check_file(path)
        content = Path(path).read_bytes()
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            has_colours = _has_colours(image)
            if min(image.size) < at_least:
                raise _UnusableError(
                    f"is {image.width}×{image.height} pixels, smaller than the {at_least} a side asked for"
                )
            _convert(image, Conversion(3, background))
    except Exception as error:
        problem = _reason(error, path)
    return ImageCheck(problem, has_colours, hashlib.sha256(content).hexdigest())


def has_colours(path: str) -> bool:
    """Say whether an image has colours, as ``check_image_file`` does; without a palette only its header is read."""
    with (
        suppress(Exception),
        open_image(path) as image,
    ):  # check_image_file finds no colours in a file that cannot be opened either
        return _has_colours(image)
    return False


def _has_colours(image: Image.Image) -> bool:
    if image.mode in _PALETTE_MODES:
        red, green, blue = image.convert("RGBA").split()[:3]
        return not red.tobytes() == green.tobytes() == blue.tobytes()
    return image.mode not in _GREY_MODES and image.mode[0] not in "IF"


def _convert(image: Image.Image, conversion: Conversion) -> Image.Image:
    _refuse_several_images(image)
    _refuse_wide_values(image)
    upright = _turn_upright(image)
    if upright.has_transparency_data:
        upright = _lay_on(conversion.background, upright.convert("RGBA"))
    return upright.convert("L" if conversion.channels == 1 else "RGB")


def _refuse_several_images(image: Image.Image) -> None:
    """Refuse several images in one file: it is not known which one is meant."""
    if image.format != _ONE_PHOTOGRAPH and _has_second(image):
        raise _UnusableError("holds several pages or frames: save each one that counts as a file of its own")


def _has_second(image: Image.Image) -> bool:
    if image.format != "TIFF":
        return getattr(image, "n_frames", 1) > 1
    try:  # a TIFF counts its pages one after the other, and may say that there are millions
        image.seek(1)
    except EOFError:
        return False
    return True


def _refuse_wide_values(image: Image.Image) -> None:
    """Refuse more than 8 bits per value. Pillow opens some such files in 8-bit modes; their raw mode shows it."""
    tiles: list[tuple[str, Any, int, Any]] = getattr(image, "tile", [])
    if image.mode[0] in "IF" or any(_is_wide(decoder, arguments) for decoder, _, _, arguments in tiles):
        raise _UnusableError(f"has more than 8 bits a value (mode {image.mode}), which would be cut off")


def _is_wide(decoder: str, arguments: Any) -> bool:
    raw_mode, *others = arguments if isinstance(arguments, tuple) else (arguments,)
    return ";16" in str(raw_mode) or (decoder in ("ppm", "ppm_plain") and others[0] > 255)


def _turn_upright(image: Image.Image) -> Image.Image:
    """Turn the image as its EXIF data say; if they cannot be read, return it as it is stored."""
    image.load()
    try:
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except Exception:
        return image
    return ImageOps.exif_transpose(image) if is_turned else image


def _lay_on(background: Background | None, image: Image.Image) -> Image.Image:
    """Lay an RGBA image on the background; an alpha channel that hides nothing is dropped."""
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    if background is None:
        raise _UnusableError(IS_TRANSPARENT)
    return Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")


def _reason(error: Exception, path: str) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"is not an image that can be read ({_FORMAT_NAMES})"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {MOST_PIXELS} pixels, the most that are decoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).replace(path, Path(path).name) or type(error).__name__
