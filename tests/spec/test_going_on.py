"""What of a sweep's file may be another when it goes on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_sweep import small_sweep_spec

from ratefront.catalogue.datasets import ArraysParameters, ImageFolderParameters, OfficialParameters
from ratefront.catalogue.file_locations import whereabouts_of
from ratefront.errors import SweepMismatchError
from ratefront.spec.changeable_settings import CHANGEABLE, Change, change_of, decided
from ratefront.spec.load_spec import to_plain
from ratefront.spec.schema import SweepSpec

#: For each key of a sweep file another value, and whether a sweep that has begun may take it.
OTHERS: dict[str, tuple[Any, bool]] = {
    "name": ("other", False),
    "dataset": ({"name": "digits", "split_seed": 3}, False),
    "task_model": ({"name": "small_cnn", "epochs": 3}, False),
    "space": ({"family": {"label": {}}}, False),
    "objectives": (["accuracy"], False),
    "metrics": (["balanced_accuracy"], False),
    "trials": (9, False),
    "sampler": ({"seed": 7}, False),
    "training": ({"epochs": 2}, False),
    "resources": ({"cpus": 2.0, "concurrent": 5}, True),
    "retries": (7, True),
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
def asked() -> SweepSpec:
    return small_sweep_spec()


def test_every_key_has_its_place() -> None:
    assert set(OTHERS) == set(SweepSpec.model_fields)
    assert {key for key, (_, may_change) in OTHERS.items() if may_change} == CHANGEABLE


@pytest.mark.parametrize("key", OTHERS)
def test_another_value_is_taken_or_refused(asked: SweepSpec, key: str) -> None:
    value, may_change = OTHERS[key]
    other = small_sweep_spec(**{key: value})
    if not may_change:
        with pytest.raises(SweepMismatchError, match=f"began with other settings.*\n  {key}"):
            change_of(ledger(asked), other)
        return
    change = change_of(ledger(asked), other)
    assert change.settings == {key: to_plain(other)[key]}
    assert not change.moves
    assert change.lines
    assert all(line.startswith(key) for line in change.lines)


def test_the_same_one_changes_nothing(asked: SweepSpec) -> None:
    assert change_of(ledger(asked), asked) == Change()


def test_where_nothing_has_begun_nothing_changes(asked: SweepSpec) -> None:
    assert change_of({}, asked) == Change()


def test_settings_that_an_older_sweep_could_not_name_had_their_defaults(asked: SweepSpec) -> None:
    old = {key: value for key, value in ledger(asked).items() if key not in ("retries", "sampler")}
    assert change_of(old, asked) == Change()
    with pytest.raises(SweepMismatchError, match=r"sampler\.seed: 0 → 5"):
        change_of(old, small_sweep_spec(sampler={"seed": 5}))


def test_more_trials_alone_are_what_extend_is_for(asked: SweepSpec) -> None:
    with pytest.raises(SweepMismatchError, match=r"trials: 1 → 4\n.*give extend=3$"):
        change_of(ledger(asked), small_sweep_spec(trials=4, keep="none"))


@pytest.mark.parametrize("changes", [{"trials": 3}, {"trials": 9, "block_size": 10}, {"block_size": 10}])
def test_other_differences_have_no_such_hint(changes: dict[str, Any]) -> None:
    with pytest.raises(SweepMismatchError) as caught:
        change_of(ledger(small_sweep_spec(trials=5)), small_sweep_spec(**({"trials": 5} | changes)))
    assert "extend" not in str(caught.value)


class TestMoving:
    def arrays(self, path: str, **own: Any) -> SweepSpec:
        return small_sweep_spec(dataset={"name": "arrays", "path": path, **own})

    def test_files_may_lie_elsewhere_and_somebody_has_to_look(self) -> None:
        change = change_of(ledger(self.arrays("/a/x.npz")), self.arrays("/b/x.npz"))
        assert change.moves
        assert change.settings == {"dataset": {"name": "arrays", "path": "/b/x.npz"}}
        assert change.lines == ('dataset.path: "/a/x.npz" → "/b/x.npz"',)

    def test_no_more_may_change_with_them(self) -> None:
        with pytest.raises(SweepMismatchError, match="split_seed"):
            change_of(ledger(self.arrays("/a/x.npz")), self.arrays("/b/x.npz", split_seed=4))
        with pytest.raises(SweepMismatchError, match=r"dataset\.name"):
            change_of(
                ledger(self.arrays("/a/x.npz")),
                small_sweep_spec(dataset={"name": "image_folder", "root": "/b"}),
            )

    def test_what_results_follow_from_says_nothing_of_places(self) -> None:
        assert decided(ledger(self.arrays("/a/x.npz"))) == decided(ledger(self.arrays("/b/x.npz")))

    @pytest.mark.parametrize(
        ("parameters", "places"),
        [
            (ArraysParameters, {"path"}),
            (ImageFolderParameters, {"root"}),
            (OfficialParameters, {"root", "download"}),  # the first may be left out
        ],
    )
    def test_every_data_set_says_which_parameters_are_places(self, parameters: Any, places: set[str]) -> None:
        assert whereabouts_of(parameters) == places


def test_a_move_goes_through_the_override(tmp_path: Path) -> None:
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
