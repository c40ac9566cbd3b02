"""Builds the ending that a tracker gets when a sweep ends, or when it is sent to another store."""

from __future__ import annotations

from ratefront.history.sweep_history import SweepHistory
from ratefront.report.write_report import DrawnReport
from ratefront.spec.sweep_spec import Models
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.delivery.folder_content import front_codecs
from ratefront.tracking.tracker_protocol import TrackedEnding


def ending_of(
    drawn: DrawnReport, folder: SweepFolder, history: SweepHistory, models: Models
) -> TrackedEnding:
    """Build the ending from the drawn report, and add the codecs on the front if ``models`` asks for them."""
    error = history.halted if history.halted and history.halted.has_failed else None
    return TrackedEnding(
        outcome="finished" if history.ended else "failed" if error else "interrupted",
        reason=error.reason if error else "",
        figures=drawn.numbers,
        artifacts=drawn.artifacts,
        note=drawn.markdown_note,
        codecs=front_codecs(folder, history) if models == "front" else (),
        shows_pareto_rank=history.ended,
    )
