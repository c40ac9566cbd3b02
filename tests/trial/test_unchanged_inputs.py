"""A trial whose process has loaded other data or code than the sweep began with does not run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec

from ratefront.errors import SweepMismatchError
from ratefront.task_models.input_digests import present_inputs
from ratefront.trial.checks.unchanged_inputs import check_inputs_unchanged
from ratefront.trial.run_trial import trial_steps
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams

SPEC = small_sweep_spec(space={"family": {"label": {}}})


@pytest.fixture
def context(tmp_path: Path) -> TrialContext:
    return TrialContext(SPEC, tmp_path, inputs=present_inputs(SPEC))


def test_unchanged_data_pass(context: TrialContext) -> None:
    check_inputs_unchanged(context)


@pytest.mark.parametrize("name", ["weights", "loaded"])
def test_weights_are_not_compared_again(context: TrialContext, name: str) -> None:
    check_inputs_unchanged(replace(context, inputs={**context.inputs, name: "gone"}))


def test_a_trial_without_a_sweep_has_nothing_to_compare_with(context: TrialContext) -> None:
    check_inputs_unchanged(replace(context, inputs={}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dataset", "the data set digits has changed"),
        ("code mine", "module mine is not used"),
        ("metric mine", "metrics' module mine is not used"),
    ],
)
def test_changed_inputs_end_a_trial_before_it_writes_anything(
    context: TrialContext, name: str, message: str
) -> None:
    changed = replace(context, inputs={**context.inputs, name: "0" * 64})
    with pytest.raises(SweepMismatchError, match=message):
        next(trial_steps(TrialParams("t0000", 0, CODEC_CONFIGURATIONS["label-lossless"]), changed))
    assert list(context.folder.iterdir()) == []
