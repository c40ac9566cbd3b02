"""What of a sweep's file may be another when it goes on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_sweep import small_sweep_spec

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.datasets import ArraysParameters, ImageFolderParameters, OfficialParameters
from ratefront.catalogue.file_locations import file_location_parameters
from ratefront.errors import SweepMismatchError
from ratefront.spec.changeable_settings import CHANGEABLE, Change, settings_change, settings_that_decide
from ratefront.spec.coupled_settings import coupled_problems
from ratefront.spec.load_spec import to_plain
from ratefront.spec.sweep_spec import SweepSpec

#: For each key of a sweep file another value, and whether a sweep that has begun may take it.
CHANGED_VALUES: dict[str, tuple[Any, bool]] = {
    "name": ("other", False),
    "dataset": ({"name": "digits", "split_seed": 3}, False),
    "task_model": ({"name": "small_cnn", "epochs": 3}, False),
    "space": ({"family": {"label": {}}}, False),
    "objectives": (["accuracy"], False),
    "metrics": (["balanced_accuracy"], False),
    "constraints": (["accuracy >= 0.5"], False),
    "target": ({"accuracy": 0.5}, False),
    "trials": (9, False),
    "sampler": ({"seed": 7}, False),
    "stopping": ("none", False),
    "repeats": (3, False),
    "start_with": ([{"family": "label"}], False),
    "learn_from": (["runs/a"], False),
    "training": ({"epochs": 2}, False),
    "resources": ({"cpus": 2.0, "concurrent": 5}, True),
    "retries": (7, True),
    "trial_hours": (2.5, True),
    "budget": ({"hours": 3.0}, True),
    "end_when": ({"no_gain_for": 5}, True),
    "keep": ("none", True),
    "bounds": (["oracle"], True),
    "reference": ({"rate_bits": 3.0}, True),
    "block_size": (7, False),
    "tracking": ({"experiment": "other"}, True),
}


def ledger(spec: SweepSpec) -> dict[str, Any]:
    """As the ledger holds it."""
    plain: dict[str, Any] = json.loads(json.dumps(to_plain(spec)))
    return plain


@pytest.fixture(scope="module")
def begun_spec() -> SweepSpec:
    return small_sweep_spec()


def test_every_problem_has_the_path_of_its_key() -> None:
    assert set(CHANGED_VALUES) == set(SweepSpec.model_fields)
    assert {key for key, (_, may_change) in CHANGED_VALUES.items() if may_change} == CHANGEABLE


@pytest.mark.parametrize("key", CHANGED_VALUES)
def test_a_changed_setting_is_accepted_or_refused(begun_spec: SweepSpec, key: str) -> None:
    value, may_change = CHANGED_VALUES[key]
    other = small_sweep_spec(**{key: value})
    if not may_change:
        with pytest.raises(SweepMismatchError, match=f"began with other settings.*\n  {key}"):
            settings_change(ledger(begun_spec), other)
        return
    change = settings_change(ledger(begun_spec), other)
    assert change.settings == {key: to_plain(other)[key]}
    assert not change.moves_files
    assert change.lines
    assert all(line.startswith(key) for line in change.lines)


def test_a_time_limit_that_is_taken_away_is_a_change(begun_spec: SweepSpec) -> None:
    change = settings_change(ledger(small_sweep_spec(trial_hours=2.5)), begun_spec)
    assert change.settings == {"trial_hours": None}
    assert change.lines == ("trial_hours: 2.5 → null",)


def test_the_same_spec_changes_nothing(begun_spec: SweepSpec) -> None:
    assert settings_change(ledger(begun_spec), begun_spec) == Change()


def test_a_sweep_that_has_not_begun_has_no_change(begun_spec: SweepSpec) -> None:
    assert settings_change({}, begun_spec) == Change()


def test_settings_unknown_to_an_older_sweep_had_their_defaults(begun_spec: SweepSpec) -> None:
    old = {key: value for key, value in ledger(begun_spec).items() if key not in ("retries", "sampler")}
    assert settings_change(old, begun_spec) == Change()
    with pytest.raises(SweepMismatchError, match=r"sampler\.seed: 0 → 5"):
        settings_change(old, small_sweep_spec(sampler={"seed": 5}))


def test_more_trials_alone_give_the_hint_to_extend(begun_spec: SweepSpec) -> None:
    with pytest.raises(SweepMismatchError, match=r"trials: 1 → 4\n.*give extend=3$"):
        settings_change(ledger(begun_spec), small_sweep_spec(trials=4, keep="none"))


@pytest.mark.parametrize("changes", [{"trials": 3}, {"trials": 9, "block_size": 10}, {"block_size": 10}])
def test_other_differences_give_no_hint_to_extend(changes: dict[str, Any]) -> None:
    with pytest.raises(SweepMismatchError) as caught:
        settings_change(ledger(small_sweep_spec(trials=5)), small_sweep_spec(**({"trials": 5} | changes)))
    assert "extend" not in str(caught.value)


class TestMoving:
    def arrays(self, path: str, **own: Any) -> SweepSpec:
        return small_sweep_spec(dataset={"name": "arrays", "path": path, **own})

    def test_moved_files_are_accepted_and_must_be_compared(self) -> None:
        change = settings_change(ledger(self.arrays("/a/x.npz")), self.arrays("/b/x.npz"))
        assert change.moves_files
        assert change.settings == {"dataset": {"name": "arrays", "path": "/b/x.npz"}}
        assert change.lines == ('dataset.path: "/a/x.npz" → "/b/x.npz"',)

    def test_other_parameters_of_moved_data_may_not_change(self) -> None:
        with pytest.raises(SweepMismatchError, match="split_seed"):
            settings_change(ledger(self.arrays("/a/x.npz")), self.arrays("/b/x.npz", split_seed=4))
        with pytest.raises(SweepMismatchError, match=r"dataset\.name"):
            settings_change(
                ledger(self.arrays("/a/x.npz")),
                small_sweep_spec(dataset={"name": "image_folder", "root": "/b"}),
            )

    def test_settings_that_decide_results_hold_no_file_locations(self) -> None:
        assert settings_that_decide(ledger(self.arrays("/a/x.npz"))) == settings_that_decide(
            ledger(self.arrays("/b/x.npz"))
        )

    @pytest.mark.parametrize(
        ("parameters", "places"),
        [
            (ArraysParameters, {"path"}),
            (ImageFolderParameters, {"root", "follow_symlinks"}),
            (OfficialParameters, {"root", "download"}),  # the first may be left out
        ],
    )
    def test_every_data_set_marks_its_file_locations(self, parameters: Any, places: set[str]) -> None:
        assert file_location_parameters(parameters) == places


def test_an_override_names_the_new_location_of_moved_files(tmp_path: Path) -> None:
    """Before anything looks at the old place, where there may be nothing any more."""
    from ratefront.spec.load_spec import spec_from_plain

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "new.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    plain = to_plain(small_sweep_spec(space={"family": {"label": {"method": {"lossless": {}}}}}))
    plain["dataset"] = {"name": "arrays", "path": str(tmp_path / "old.npz")}
    loaded = spec_from_plain(plain, overrides={"dataset.path": str(tmp_path / "new.npz")})
    assert loaded.spec.dataset.parameters["path"] == str(tmp_path / "new.npz")
    assert plain["dataset"]["path"] == str(tmp_path / "old.npz"), "what was given is left as it was"


def test_a_rule_for_the_end_needs_a_bound_of_the_sweep() -> None:
    within = {"within": {"bound": "task_model"}}
    assert small_sweep_spec(end_when=within).end_when is not None
    spec = small_sweep_spec(end_when=within, bounds=["oracle"])
    assert coupled_problems(spec, CATALOGUE) == [
        'end_when.within.bound: unknown bound of this sweep "task_model"; valid: oracle'
    ]
