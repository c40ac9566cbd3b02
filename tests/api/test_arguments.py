"""What scripts pass to the library is accepted, or refused with a clear error before anything starts."""

from __future__ import annotations

import copy
import os
import pickle
import threading
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from tests.api.conftest import DIGITS, SMALL
from tests.builders import full_sweep

import ratefront as rf
from ratefront.api.one_trial import checked_params
from ratefront.argument_checks import check_count, checked_path
from ratefront.data.load_dataset import load_dataset
from ratefront.orchestrate.begin_and_resume_checks import one_sweep_per_process
from ratefront.tracking.browsing.local_server import choose_port
from ratefront.trial.user_samples import samples_of_array
from ratefront.trial_records import TrialParams

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def images(sweep: rf.Sweep) -> Any:
    return load_dataset(sweep.spec.spec.dataset).test.images[:20]


class TestSpec:
    @pytest.mark.parametrize(
        ("key", "value", "same"),
        [
            ("trials", np.int64(3), 3),
            ("trials", torch.tensor(3), 3),
            ("training.learning_rate", np.float64(0.01), 0.01),
            ("objectives", ("rate_bits", "accuracy"), ["rate_bits", "accuracy"]),
            ("objectives", {"rate_bits", "accuracy"}, ["accuracy", "rate_bits"]),
            ("tracking.uri", Path("here.db"), "here.db"),
            ("training", MappingProxyType({"epochs": 2}), {"epochs": 2}),
        ],
    )
    def test_values_of_scripts_are_those_of_sweep_files(self, key: str, value: Any, same: Any) -> None:
        assert rf.load_spec(DIGITS, {key: value}) == rf.load_spec(DIGITS, {key: same})

    def test_a_mapping_of_mappings_and_a_bare_spec(self) -> None:
        loaded = rf.load_spec(DIGITS)
        data = loaded.spec.model_dump(mode="json")
        nested = MappingProxyType({**data, "training": MappingProxyType(data["training"])})
        assert rf.load_spec(nested) == loaded == rf.load_spec(loaded.spec)  # type: ignore[arg-type]

    @pytest.mark.parametrize("source", [None, 5, [1], b"x"])
    def test_other_types_are_refused_as_spec(self, source: Any) -> None:
        for use in (rf.load_spec, rf.plan):
            with pytest.raises(
                rf.InputError, match="pass a sweep file's path, a mapping or a loaded spec, got"
            ):
                use(source)

    @pytest.mark.parametrize("overrides", [["trials=3"], "trials=3"])
    def test_other_types_are_refused_as_overrides(self, overrides: Any) -> None:
        with pytest.raises(rf.InputError, match=r"pass a value for each dotted key, as \{\"trials\": 8\}"):
            rf.load_spec(DIGITS, overrides)

    def test_values_that_no_sweep_file_holds_are_refused(self) -> None:
        with pytest.raises(rf.InputError, match="1: must be a dotted key"):
            rf.load_spec(DIGITS, {1: 2})  # type: ignore[dict-item]
        with DIGITS.open() as file, pytest.raises(rf.InputError, match="trials: must be a whole number"):
            rf.load_spec(DIGITS, {"trials": file})
        with pytest.raises(rf.InputError, match="trials: is required"):
            rf.load_spec({})


class TestPlaces:
    def test_a_tilde_is_the_home_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        done = full_sweep(tmp_path / "done")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert rf.open("~/done").folder == done.path
        with pytest.raises(rf.InputError, match="folder: ~nobody-here/x: "):
            rf.open("~nobody-here/x")

    def test_a_script_may_change_its_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        full_sweep(tmp_path / "done")
        monkeypatch.chdir(tmp_path)
        sweep = rf.open("done")
        monkeypatch.chdir("/")
        assert len(sweep.trials) == 30
        assert sweep.folder == tmp_path / "done"

    @pytest.mark.parametrize("place", [None, 3, b"a"])
    def test_other_types_are_refused_as_path(self, place: Any) -> None:
        for use in (rf.open, rf.load_codec, rf.write_schema):
            with pytest.raises(rf.InputError, match=r"(folder|path): must be a path, got"):
                use(place)
        assert checked_path(Path("a"), "folder") == Path("a")

    @pytest.mark.parametrize("address", ["s3://bucket/sweep", Path("s3://bucket"), "file:///tmp/sweep"])
    def test_an_address_makes_no_folder(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: Any
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(rf.InputError, match=r"folder: .* is an address; give a folder"):
            rf.run(DIGITS, address)
        assert not any(tmp_path.iterdir())

    def test_a_folder_may_have_a_colon(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        full_sweep(Path("monday:") / "first")
        assert len(rf.open("monday:/first").trials) == 30

    def test_a_sweeps_folder_needs_a_trial_id(self, sweep: rf.Sweep) -> None:
        with pytest.raises(rf.InputError, match="is a sweep's folder, not a trial's; pass a trial_id"):
            rf.load_codec(sweep.folder)


class TestRun:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"extend": "3"}, "extend: must be a whole number, got '3'"),
            ({"extend": 2.0}, "extend: must be a whole number, got 2.0"),
            ({"extend": True}, "extend: must be a whole number, got True"),
            ({"extend": 0}, "extend: must be ≥ 1, got 0"),
        ],
    )
    def test_contradicting_arguments_change_nothing(
        self, tmp_path: Path, given: dict[str, Any], message: str
    ) -> None:
        ledger = full_sweep(tmp_path).ledger
        before = ledger.read_bytes()
        with pytest.raises(rf.InputError, match=message):
            rf.run(folder=tmp_path, **given)
        assert ledger.read_bytes() == before
        assert check_count("extend", np.int64(2)) == 2

    @pytest.mark.parametrize("progress", ["bar", None, 1])
    def test_an_object_that_is_no_display_starts_nothing(self, tmp_path: Path, progress: Any) -> None:
        with pytest.raises(rf.InputError, match="progress: pass True, False, or an object with"):
            rf.run(DIGITS, tmp_path / "new", overrides=SMALL, progress=progress)
        assert not (tmp_path / "new").exists()

    def test_a_process_runs_one_sweep_at_a_time(self, tmp_path: Path) -> None:
        caught: list[BaseException] = []

        def other() -> None:
            try:
                rf.run(DIGITS, tmp_path / "other", overrides=SMALL, progress=False)
            except BaseException as error:
                caught.append(error)

        with one_sweep_per_process():
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert [type(error) for error in caught] == [rf.InputError]
        assert "this process runs a sweep already" in str(caught[0])
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": 0}, "trials: must be ≥ 1, got 0"),
        ({"trials": 2.5}, "trials: must be a whole number, got 2.5"),
        ({"slots": 0}, "slots: must be ≥ 1, got 0"),
        ({"sampler": "foo"}, "unknown sampler 'foo'; valid: "),
        ({"trial_s": -1.0}, "trial_s: must be seconds ≥ 0, got -1.0"),
        ({"latency_s": float("nan")}, "latency_s: must be seconds ≥ 0, got nan"),
        ({"faults": "x"}, "faults: must be a whole number, got 'x'"),
    ],
)
def test_bad_arguments_of_a_simulation_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(rf.InputError, match=message):
        rf.simulate_sweep(**{"latency_s": 0.01, **given})


@pytest.mark.parametrize("seed", ["a", 1.5, -1])
def test_other_values_are_refused_as_seed(seed: Any) -> None:
    with pytest.raises(rf.InputError, match="seed: must be"):
        rf.simulate_seed(seed)
    with pytest.raises(rf.InputError, match="seed: must be"):
        rf.run_trial(DIGITS, {"family": "label", "method": "lossless"}, seed=seed)


def test_bad_parameters_of_one_trial_are_refused() -> None:
    for params in ("label", None):
        with pytest.raises(rf.InputError, match="params: pass a family and its parameters"):
            rf.run_trial(DIGITS, params)  # type: ignore[arg-type]
    merged = {"family": "label", "method": "merged", "merged_classes": np.int64(3)}
    assert checked_params(rf.load_spec(DIGITS), merged).values["merged_classes"] == 3


def test_a_trial_that_starts_from_another_does_not_run_alone() -> None:
    params = TrialParams("t0002", 0, {"family": "split", "beta": 9.0}, starts_from="t0001")
    with pytest.raises(rf.InputError, match="t0002 starts from the weights of trial t0001 of its sweep"):
        rf.run_trial(DIGITS, params)


def test_a_first_sweep_is_refused_before_data_are_read(tmp_path: Path) -> None:
    with pytest.raises(rf.InputError, match="there is no folder"):
        rf.first_sweep("digits", tmp_path / "none" / "mine.yaml")
    with pytest.raises(rf.InputError, match="data: must be a path, got None"):
        rf.first_sweep(None, tmp_path / "mine.yaml")  # type: ignore[arg-type]


@pytest.mark.parametrize("port", ["x", 0, 99_999])
def test_other_values_are_refused_as_port(port: Any) -> None:
    with pytest.raises(rf.InputError, match="port: must be"):
        choose_port(port, 5000)


def test_a_mistyped_keep_deletes_nothing(tmp_path: Path) -> None:
    files = full_sweep(tmp_path)
    kept = files.trial("t0000").codec_weights
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"x")
    with pytest.raises(rf.InputError, match="unknown keep 'everything'; valid: all, front, none"):
        rf.open(tmp_path).clean("everything")  # type: ignore[arg-type]
    assert kept.exists()


class TestTrials:
    def test_trials_are_equal_to_themselves_only(self, sweep: rf.Sweep) -> None:
        again = rf.open(sweep.folder)
        assert sweep.front[0] in again.front
        assert dict(again.trials) == dict(sweep.trials)
        assert {*sweep.trials.values()} == {*again.trials.values()}
        assert sweep.trials["t0000"] != sweep.trials["t0001"]
        assert sweep.trials["t0000"] != "t0000"

    @pytest.mark.parametrize("key", [0, None, ("t0000",)])
    def test_an_unknown_trial_id_is_an_input_error(self, sweep: rf.Sweep, key: Any) -> None:
        assert key not in sweep.trials
        with pytest.raises(rf.InputError, match="the sweep has no trial"):
            sweep.trials[key]

    def test_a_table_says_how_many_have_ended(self, sweep: rf.Sweep, tmp_path: Path) -> None:
        assert "4 of 4 trials have ended" in sweep.trials._repr_html_()

    def test_a_summary_has_a_short_repr(self, sweep: rf.Sweep) -> None:
        assert len(repr(sweep.summary)) < 4000
        assert f"<{sweep.front[0].trial_id}, " in repr(sweep.summary)


@pytest.fixture(params=["label", "split"])
def codec(request: pytest.FixtureRequest, sweep: rf.Sweep) -> rf.StoredCodec:
    trials = (trial for trial in sweep.trials.values() if trial.params["family"] == request.param)
    return next(trials).load_codec()


class TestCodec:
    def test_samples_come_in_many_forms(self, codec: rf.StoredCodec, images: Any) -> None:
        coarse = (images * 16).round() / 16  # what half precision holds, too
        expected = bytes(codec.compress(coarse))
        tensor, frozen = torch.tensor(coarse), coarse.copy()
        frozen.flags.writeable = False
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for form in (
                coarse.astype("f8"),
                coarse.astype("f2"),
                coarse.tolist(),
                coarse[:, 0],
                np.moveaxis(coarse, 1, -1),
                np.asfortranarray(coarse),
                frozen,
                tensor.bfloat16(),
                tensor.to_sparse(),
                tensor.double().requires_grad_(),
            ):
                assert bytes(codec.compress(form)) == expected
        for form in (expected, bytearray(expected), memoryview(expected)):
            assert len(codec.decompress(form)) == len(coarse)

    @pytest.mark.parametrize("given", ["stream.bin", Path("stream.bin"), None, 5, [1, 2]])
    def test_other_values_are_refused_as_stream(self, codec: rf.StoredCodec, given: Any) -> None:
        with pytest.raises(rf.InputError, match="coded: pass what compress gave, or its bytes, got"):
            codec.decompress(given)

    @pytest.mark.parametrize("block_size", [7.0, "7", True, None, 0])
    def test_other_values_are_refused_as_block_size(
        self, codec: rf.StoredCodec, images: Any, block_size: Any
    ) -> None:
        with pytest.raises(rf.InputError, match="block_size: must be"):
            codec.compress(images, block_size=block_size)

    def test_values_that_make_no_array_are_refused(self, codec: rf.StoredCodec) -> None:
        with pytest.raises(rf.InputError, match="samples: make no array"):
            codec.compress([[1.0, 2.0], [3.0]])  # type: ignore[list-item]

    def test_one_file_needs_no_list(self, codec: rf.StoredCodec, images: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", images)
        one = codec.compress_files(str(tmp_path / "x.npy"))
        assert bytes(one) == bytes(codec.compress_files([tmp_path / "x.npy"]))

    def test_a_codec_can_be_copied_and_pickled(self, codec: rf.StoredCodec, images: Any) -> None:
        """Also after it has coded: what the coder keeps for itself is made again."""
        expected = bytes(codec.compress(images))
        for other in (copy.deepcopy(codec), pickle.loads(pickle.dumps(codec))):
            assert bytes(other.compress(images)) == expected
            assert (other.decompress(expected) == codec.decompress(expected)).all()


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8, 3)])
def test_a_single_image_is_refused_where_a_batch_is_due(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    with pytest.raises(rf.InputError, match="is one image without an axis for samples"):
        samples_of_array(image, (3, 8, 8))
    assert len(samples_of_array(image[None], (3, 8, 8))) == 1


def test_an_unknown_curve_is_refused_with_the_known_ones(sweep: rf.Sweep) -> None:
    with pytest.raises(rf.InputError, match=r"there is no curve 'tmrd'; valid: oracle, task_model, "):
        sweep.bounds["tmrd"]
    assert "tmrd" not in sweep.bounds
    assert sweep.bounds.get("tmrd") is None


def test_damaged_files_of_a_sweep_are_named_in_the_error(tmp_path: Path) -> None:
    files = full_sweep(tmp_path / "a")
    sweep = rf.open(files.path)
    files.predictions.unlink()
    with pytest.raises(rf.InputError, match=r"predictions\.npz is gone, and bounds are those of its"):
        sweep.bounds  # noqa: B018
    content = files.ledger.read_bytes()
    files.ledger.write_bytes(content[:2000] + b"?" + content[2000:])
    assert "ledger.jsonl is damaged: entry" in sweep._repr_html_()
    with pytest.raises(rf.RatefrontError, match="is damaged"):
        sweep.trials  # noqa: B018
    files.ledger.unlink()
    assert "it has no ledger.jsonl" in sweep._repr_html_()
    with pytest.raises(rf.InputError, match="is not a sweep's folder"):
        sweep.trials  # noqa: B018


def test_reprs_name_the_folder_and_survive_pickling(sweep: rf.Sweep) -> None:
    assert os.fspath(sweep.folder) in repr(sweep)
    for thing in (sweep, sweep.trials, sweep.front, sweep.bounds, sweep.summary, sweep.trials["t0000"]):
        assert repr(pickle.loads(pickle.dumps(thing))) == repr(thing) == repr(copy.deepcopy(thing))
