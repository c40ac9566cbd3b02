"""What a tracker is told of a sweep at its end, and of one that is sent to another place."""

from __future__ import annotations

from ratefront.history.sweep_history import SweepHistory
from ratefront.report.write_report import DrawnReport
from ratefront.spec.schema import Models
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.delivery.folder_content import front_codecs
from ratefront.tracking.tracker_protocol import TrackedEnding


def ending_of(
    drawn: DrawnReport, folder: SweepFolder, history: SweepHistory, models: Models
) -> TrackedEnding:
    """What was drawn, and the codecs whose ``models`` are wanted."""
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
