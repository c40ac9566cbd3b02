"""How the cost of the bounds grows with N samples and K classes, as a Markdown table:

    python tests/bench/growth.py

Each cell is measured in a process of its own: median of three runs, one where it takes more than ten seconds.
The memory is the greatest that the process ever held, Python, the libraries and the logits included.
"""

from __future__ import annotations

import sys

from curve_process import Measured, in_own_process

SIZES = ((10_000, 10), (10_000, 100), (50_000, 100), (10_000, 1000), (50_000, 1000))
CURVES = {
    "estimate_and_compress": "E&C, 200 points",
    "indirect": "iE&C, 60 slopes to 1e-4 bit",
    "sample_and_communicate": "S&C, 60 points",
    "task_model": "TMRD, 30 slopes to 1e-3 bit",
}
WITH_MEMORY = ("sample_and_communicate", "task_model")
"""Their memory grows with the samples; the other two see nothing but the confusion matrix."""


def main() -> int:
    print(_row("N", "K", *CURVES.values()))
    print(_row(*["---:"] * (2 + len(CURVES))))
    for samples, classes in SIZES:
        cells = [_cell(curve, in_own_process(curve, samples, classes)) for curve in CURVES]
        print(_row(f"{samples:,}".replace(",", " "), str(classes), *cells), flush=True)
    return 0


def _cell(curve: str, measured: Measured) -> str:
    seconds = f"{measured.seconds:.2g} s"
    return f"{seconds}, {measured.peak_bytes / 1e9:.2g} GB" if curve in WITH_MEMORY else seconds


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
