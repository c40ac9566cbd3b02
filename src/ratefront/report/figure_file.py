"""Writes a figure for a paper as PNG or PDF; the same content gives the same bytes.

The file holds no date and no program name, and no global state is used (Agg and the PDF backend, never pyplot). A PDF
embeds its letters as TrueType, which publishers ask for.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.errors import InputError
from ratefront.report.front.front_png import SETTINGS, settings_alone
from ratefront.store.files.output_file import write_output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_WIDTH = 7.16
"""Inches: the text width of a two-column journal page. At this width the font sizes below are true."""

DOTS_PER_INCH = 300
PAPER_SETTINGS: Any = {
    **SETTINGS,
    "font.size": 8.5,
    "axes.titlesize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "pdf.fonttype": 42,
}
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}


def write_figure(draw: Callable[[], Figure], path: Path) -> None:
    """Draw a figure and write it as a whole file or not at all.

    Args:
        draw: Makes the figure. It is called while ``PAPER_SETTINGS`` alone are in force.
        path: The file to write; its suffix says whether it is PNG or PDF.

    Raises:
        InputError: The suffix is neither .png nor .pdf, the file cannot be written, or ``draw`` raises it.
    """
    write_output(path, figure_bytes(draw, checked_suffix(path)))


def checked_suffix(path: Path) -> str:
    """Return the suffix of a figure's name, in lower case.

    Raises:
        InputError: The suffix is neither .png nor .pdf.
    """
    suffix = path.suffix.lower()
    if suffix not in _METADATA:
        raise InputError(
            f"{path}: a figure's name must end in {' or '.join(_METADATA)}, not in {path.suffix!r}"
        )
    return suffix


def figure_bytes(
    draw: Callable[[], Figure], suffix: str = ".png", dots_per_inch: int = DOTS_PER_INCH
) -> bytes:
    """Return the bytes of a figure file.

    Args:
        draw: As for ``write_figure``.
        suffix: ``.png`` or ``.pdf``.
        dots_per_inch: Resolution of a PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with settings_alone(PAPER_SETTINGS):
        figure = draw()
        FigureCanvasAgg(figure)
        stream = io.BytesIO()
        figure.savefig(
            stream,
            format=suffix.removeprefix("."),
            dpi=dots_per_inch,
            facecolor="white",
            metadata=_METADATA[suffix],
        )
    return stream.getvalue()
