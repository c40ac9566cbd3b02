"""A figure as a file for a paper: PNG or PDF, the same bytes for the same content.

Nothing of the moment or of the machine goes into the file: no date, no program, no global state (Agg and the
PDF backend, never pyplot). Letters in a PDF are embedded as TrueType, which publishers ask for.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.errors import InputError
from ratefront.report.front.front_png import SETTINGS
from ratefront.store.files.atomic_files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_WIDTH = 7.16
"""Inches: the text width of a two-column journal page, at which the letters below have their real size."""

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
    """Draws and writes the file, whole or not at all; the suffix of `path` says which kind.

    Args:
        draw: makes the figure; called with the settings of a paper's figure in force.

    Raises:
        InputError: another suffix than .png or .pdf, a file that cannot be written, or as `draw` (fatal).
    """
    content = figure_bytes(draw, checked_suffix(path))
    try:
        write_bytes(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def checked_suffix(path: Path) -> str:
    """Raises InputError (fatal) where the name says neither PNG nor PDF."""
    suffix = path.suffix.lower()
    if suffix not in _METADATA:
        raise InputError(
            f"{path}: a figure's name must end in {' or '.join(_METADATA)}, not in {path.suffix!r}"
        )
    return suffix


def figure_bytes(
    draw: Callable[[], Figure], suffix: str = ".png", dots_per_inch: int = DOTS_PER_INCH
) -> bytes:
    """What the file holds; the arguments are as those of `write_figure`."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with mpl.rc_context(PAPER_SETTINGS):
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
