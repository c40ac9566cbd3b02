"""A codec with a classifier of its own is decoded to what the stored classifier decides, or the trial fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_sweep import CODEC_CONFIGURATIONS

from ratefront.codecs.codec_interface import Codec
from ratefront.errors import DisagreementError
from ratefront.trial import run_trial as run_trial_module
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TIES, TrialParams, TrialResult

pytestmark = pytest.mark.medium
OWN = ["label-small", "label-small-int8", "label-int8", "label-pruned"]


def _run(context: TrialContext, example: str) -> TrialResult:
    return run_trial(TrialParams(example, 0, CODEC_CONFIGURATIONS[example]), context)


@pytest.mark.parametrize("example", OWN)
def test_own_decisions_pass(short_context: TrialContext, example: str) -> None:
    threads = torch.get_num_threads()
    assert _run(short_context, example).extra[TIES] == 0
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("example", ["label-small", "label-pruned"])
def test_a_codec_that_is_stored_with_other_weights_fails(
    short_context: TrialContext, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    """The transmitter that was measured is not the one that the files hold."""
    save = run_trial_module.save_codec

    def spoiling(codec: Codec, *others: Any) -> bytes:
        assert codec.own_classifier is not None
        last = [parameter for parameter in codec.own_classifier.parameters() if parameter.ndim == 1][-1]
        with torch.no_grad():
            last[3] += 4
            identity = save(codec, *others)
            last[3] -= 4
        return identity

    monkeypatch.setattr(run_trial_module, "save_codec", spoiling)
    with pytest.raises(
        DisagreementError, match=r"validation: .* not those that the stored classifier decides for"
    ) as caught:
        _run(short_context, example)
    assert not caught.value.retryable


def test_a_trained_classifier_reports_every_epoch(short_context: TrialContext, tmp_path: Path) -> None:
    reports: list[Any] = []
    params = TrialParams("reports", 0, CODEC_CONFIGURATIONS["label-small"])
    result = run_trial(params, short_context, reports.append)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5]
    assert reports[-1].metrics["accuracy"] == pytest.approx(result.validation.accuracy, abs=0.02)
    assert reports[-1].metrics["rate_bits_estimated"] == pytest.approx(result.validation.rate_bits, rel=0.05)
    assert result.train_seconds > 0
