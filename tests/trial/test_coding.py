"""A trial's codec on samples of one's own: the same classes and bits as in the trial, or an error that says why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.builders import FakeSweep, full_sweep, spec
from tests.lab import EXAMPLES

from ratefront.container import parse
from ratefront.data.load import load_dataset
from ratefront.errors import InputError
from ratefront.records import TrialParams
from ratefront.store.folder import SweepFolder
from ratefront.trial.coding import codec_of, decode_samples, encode_samples
from ratefront.trial.context import TrialContext
from ratefront.trial.run import run_trial

TRIALS = {"c0": "label-lossless", "c1": "label-time-shared"}
COUNT = 360


@pytest.fixture(scope="module")
def folder(context: TrialContext) -> SweepFolder:
    """Two trials that really ran; no ledger."""
    for trial_id, example in TRIALS.items():
        run_trial(TrialParams(trial_id, 0, EXAMPLES[example]), context)
    return SweepFolder(context.folder)


@pytest.fixture(scope="module")
def digits(context: TrialContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test digits, as floats, in an array."""
    path = tmp_path_factory.mktemp("digits") / "digits.npy"
    np.save(path, load_dataset(context.spec.dataset).test.images[:])
    return path


def _decoded(folder: SweepFolder, trial_id: str, data: bytes, place: Path) -> np.ndarray:
    stream = place / "coded.rf"
    stream.write_bytes(data)
    return decode_samples(folder, trial_id, stream)


@pytest.mark.parametrize("trial_id", TRIALS)
def test_the_trials_own_samples_are_the_trials_own_bytes(
    folder: SweepFolder, digits: Path, trial_id: str, tmp_path: Path
) -> None:
    stream = encode_samples(folder, trial_id, [digits], block_size=150)
    assert stream.data == folder.trial(trial_id).stream.read_bytes()
    decoded = _decoded(folder, trial_id, stream.data, tmp_path)
    assert np.array_equal(decoded, np.load(folder.trial(trial_id).samples)["decoded"])


def test_image_files_are_coded_in_their_order(folder: SweepFolder, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "all.npy", pixels)
    paths = [tmp_path / f"{number:02d}.png" for number in range(12)]
    for image, path in zip(pixels, paths, strict=True):
        Image.fromarray(image).save(path)
    streams = [encode_samples(folder, "c1", given, block_size=5) for given in (paths, [tmp_path / "all.npy"])]
    assert streams[0].data == streams[1].data
    assert parse(streams[0].data).header.samples == 12
    assert len(_decoded(folder, "c1", streams[0].data, tmp_path)) == 12


def test_a_transparent_file_is_laid_on_what_the_data_set_was(folder: SweepFolder, tmp_path: Path) -> None:
    """The sweep's ledger says on what; where it says nothing, such a file is refused."""
    clear = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 2), dtype=np.uint8))
    clear.save(tmp_path / "clear.png")
    laid = Image.alpha_composite(Image.new("RGBA", (8, 8), "white"), clear.convert("RGBA"))
    laid.convert("L").save(tmp_path / "laid.png")
    expected = encode_samples(folder, "c0", [tmp_path / "laid.png"]).data
    with pytest.raises(InputError, match=r"clear.png: .*has transparent pixels"):
        encode_samples(folder, "c0", [tmp_path / "clear.png"])
    dataset = {"name": "image_folder", "root": "/gone", "background": "white"}
    sweep = FakeSweep(tmp_path / "sweep", spec(dataset=dataset)).folder
    shutil.copytree(folder.trial("c0").path, sweep.trial("c0").path)
    assert encode_samples(sweep, "c0", [tmp_path / "clear.png"]).data == expected


def test_another_codecs_or_a_damaged_stream_is_refused(
    folder: SweepFolder, digits: Path, tmp_path: Path
) -> None:
    data = encode_samples(folder, "c0", [digits]).data
    for trial_id, content, reason in (
        ("c1", data, "another codec"),
        ("c0", data[:-9], "truncated or altered"),
        ("c0", b"\x89PNG", "not a ratefront stream"),
    ):
        with pytest.raises(InputError, match=rf"coded\.rf: .*{reason}"):
            _decoded(folder, trial_id, content, tmp_path)


def test_without_a_ledger_the_codecs_that_are_there_are_named(folder: SweepFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no codec of a trial 'c9'; found: .*c0, c1"):
        codec_of(folder, "c9")
    with pytest.raises(InputError, match="found: none"):
        codec_of(SweepFolder(tmp_path), "c0")


def test_why_a_trial_has_no_codec_is_said(folder: SweepFolder, tmp_path: Path) -> None:
    """From the ledger: 24 trials finished, whose files are not here, others were pruned or failed."""
    sweep = full_sweep(tmp_path / "sweep")
    for trial_id, reason in (
        ("t0000", "is gone: this sweep keeps the files of trials as `keep: "),
        ("t0026", "is pruned: it has left no codec"),
        ("t0028", "is failed: it has left no codec"),
        ("t9999", "no trial 't9999'; "),
        ("x", "no trial 'x'; valid: t0000 to t0029"),
    ):
        with pytest.raises(InputError, match=reason):
            codec_of(sweep, trial_id)
    shutil.copytree(folder.trial("c0").path, sweep.trial("t0000").path)
    assert codec_of(sweep, "t0000").codec_config.is_file()


def test_a_codec_without_its_weights_is_none(folder: SweepFolder, tmp_path: Path) -> None:
    copied = SweepFolder(tmp_path)
    shutil.copytree(folder.trial("c0").path, copied.trial("c0").path)
    copied.trial("c0").codec_weights.unlink()
    with pytest.raises(InputError, match="no codec of a trial 'c0'"):
        codec_of(copied, "c0")
