"""An unknown number of MACs: from a codec to its trial's result, and wherever costs are shown."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.builders import FakeSweep, label, result, split
from torch import Tensor, nn

from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.complexity.macs import Macs
from ratefront.history.events import Finished
from ratefront.history.sweep_history import TrialHistory
from ratefront.report.write_report import write_report
from ratefront.task_models.task_model import TaskModel
from ratefront.tracking.run_keys import final_metrics
from ratefront.tracking.run_notes import trial_note
from ratefront.tracking.tracker_protocol import TrialUpdate
from ratefront.trial_records import TrialParams, TrialResult

REASON = "no count of multiply–accumulates for aten._cdist_forward"


class Distances(nn.Module):
    """Class scores by the distance from ten points."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.rand(10, 64))

    def forward(self, values: Tensor) -> Tensor:
        return -torch.cdist(values, self.points)


def test_a_task_model_of_unknown_cost_makes_the_label_codecs_unknown() -> None:
    stages: list[tuple[str, nn.Module]] = [("flat", nn.Flatten()), ("classifier", Distances())]
    codec = LabelCodec(TaskModel(stages), classes=10, share=1.0)
    macs = codec.transmitter_macs(torch.rand(1, 1, 8, 8))
    assert macs == Macs(0, ("aten._cdist_forward",))
    assert (macs.value, macs.why_unknown) == (None, REASON)


@pytest.fixture
def unknown() -> TrialResult:
    known = result("t0001", 2.5, 0.95, 9_000)
    return replace(known, transmitter_macs=None, transmitter_macs_unknown=REASON)


def test_a_result_of_unknown_cost_is_recorded_and_read(unknown: TrialResult) -> None:
    plain = unknown.to_json()
    assert (plain["transmitter_macs"], plain["transmitter_macs_unknown"]) == (None, REASON)
    assert TrialResult.from_json(plain) == unknown


def test_trackers_get_no_number_of_unknown_macs(unknown: TrialResult) -> None:
    assert final_metrics(unknown, ["rate_bits"])["cost/transmitter_macs"] is None


def test_a_report_leaves_the_cell_of_unknown_macs_empty_and_says_why(
    unknown: TrialResult, tmp_path: Path
) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    trial_id = sweep.plan(split("stem", 1.0))
    sweep.append(Finished(trial_id, 1, unknown.to_json()))
    write_report(sweep.end())
    rows = csv.DictReader(sweep.folder.front_csv.read_text().splitlines())
    macs = {row["trial_id"]: row["transmitter_macs"] for row in rows}
    assert macs == {"t0000": "2080000", "t0001": ""}
    sentence = f"Multiply–accumulates of 1 of 2 trials are unknown: {REASON}."
    assert sentence in sweep.folder.report.read_text()


def test_a_trials_note_says_why_macs_are_unknown(unknown: TrialResult) -> None:
    params = TrialParams("t0001", 1, split("stem", 1.0))
    trial = TrialHistory(1, params, planned_time=0.0, status="finished", result=unknown)
    assert "multiply–accumulates unknown (no count" in trial_note(TrialUpdate(trial))
