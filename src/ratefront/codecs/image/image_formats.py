"""PNG, JPEG and lossy WebP: where a file ends among the files that follow it, found without decoding.

A file is accepted only if its header states an image of the expected shape, and if all its parts are ones that Pillow
writes for a plain 8-bit image. Nothing is therefore ever decoded that could turn out larger.
"""

from __future__ import annotations

import re
import struct
import zlib
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from typing_extensions import override

from ratefront.errors import BitstreamError


class ImageFormat(ABC):
    """A file format for 8-bit images of one shape (C, H, W), where C is 1 (grey) or 3 (RGB)."""

    #: Pillow's name of the format.
    name: ClassVar[str]

    def __init__(self, shape: tuple[int, int, int], quality: int | None = None) -> None:
        self.shape, self.quality = shape, quality

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments of Pillow's ``save``."""

    @abstractmethod
    def end(self, data: bytes, begin: int) -> int:
        """The offset at which the file ends that begins at ``begin``.

        Raises:
            BitstreamError: No whole file of an image of this shape begins at ``begin``.
        """


class Png(ImageFormat):
    """PNG, lossless."""

    name = "PNG"

    @override
    def settings(self) -> dict[str, Any]:
        return {"optimize": True}

    @override
    def end(self, data: bytes, begin: int) -> int:
        offset = _expect(b"\x89PNG\r\n\x1a\n" + self._header(), data, begin)
        while True:
            length, kind = _unpack(">I4s", data, offset)
            if kind not in (b"IDAT", b"IEND"):
                raise BitstreamError(f"a PNG file with a part {kind!r}, which no codec here writes")
            offset = _check_length(data, offset + 12 + length)  # length, kind, contents, CRC
            if kind == b"IEND":
                return offset

    def _header(self) -> bytes:
        channels, height, width = self.shape
        fields = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
        return struct.pack(">I", 13) + fields + struct.pack(">I", zlib.crc32(fields))


class Jpeg(ImageFormat):
    """Baseline JPEG of one scan, with Huffman tables that are made for the image."""

    name = "JPEG"

    @override
    def settings(self) -> dict[str, Any]:
        return {"quality": self.quality, "optimize": True}

    @override
    def end(self, data: bytes, begin: int) -> int:
        offset, marker, frames = _expect(b"\xff\xd8", data, begin), b"", 0
        while marker != _SCAN:
            marker, length = _unpack(">2sH", data, offset)
            if marker not in _SEGMENTS:
                raise BitstreamError(f"a JPEG file with a marker {marker!r}, which no codec here writes")
            if marker == _FRAME:
                _expect(self._frame(), data, offset + 4)
                frames += 1
            offset = _check_length(data, offset + 2 + length)
        if frames != 1:
            raise BitstreamError(f"a JPEG file of {frames} frames")
        return _expect(b"\xff\xd9", data, _end_of_scan(data, offset))

    def _frame(self) -> bytes:
        channels, height, width = self.shape
        return struct.pack(">BHHB", 8, height, width, channels)


_FRAME, _SCAN = b"\xff\xc0", b"\xff\xda"
#: JFIF, quantization tables, frame, Huffman tables, scan.
_SEGMENTS = (b"\xff\xe0", b"\xff\xdb", _FRAME, b"\xff\xc4", _SCAN)
_MARKER = re.compile(rb"\xff[^\x00\xff]")


def _end_of_scan(data: bytes, begin: int) -> int:
    """The offset of the next marker: in the image's own data a byte 0xFF is followed by a zero."""
    marker = _MARKER.search(data, begin)
    if marker is None:
        raise BitstreamError("a JPEG file without an end")
    return marker.start()


class WebP(ImageFormat):
    """Lossy WebP. It has no grey images: they are stored with three equal channels."""

    name = "WEBP"

    @override
    def settings(self) -> dict[str, Any]:
        return {"quality": self.quality, "method": 6}

    @override
    def end(self, data: bytes, begin: int) -> int:
        riff, size, kind, length = _unpack("<4sI8sI", data, begin)
        if (riff, kind) != (b"RIFF", b"WEBPVP8 ") or size != 12 + length + length % 2:
            raise BitstreamError(f"not a lossy WebP file: {riff!r}, {size} bytes, {kind!r}, {length} bytes")
        _expect(b"\x9d\x01\x2a" + struct.pack("<HH", self.shape[2], self.shape[1]), data, begin + 23)
        return _check_length(data, begin + 8 + size)


FORMATS: dict[str, type[ImageFormat]] = {"png": Png, "jpeg": Jpeg, "webp": WebP}


def _unpack(layout: str, data: bytes, offset: int) -> tuple[Any, ...]:
    _check_length(data, offset + struct.calcsize(layout))
    return struct.unpack_from(layout, data, offset)


def _check_length(data: bytes, offset: int) -> int:
    """Check that the data reach as far as ``offset``; return it."""
    if offset > len(data):
        raise BitstreamError(f"an image file is cut off: {len(data)} bytes, of which it needs {offset}")
    return offset


def _expect(expected: bytes, data: bytes, offset: int) -> int:
    """Check that the expected bytes stand at ``offset``; return the offset after them."""
    actual = data[offset : offset + len(expected)]
    if actual != expected:
        raise BitstreamError(f"an image file has {actual.hex()} where {expected.hex()} must be")
    return offset + len(expected)
