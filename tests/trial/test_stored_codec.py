"""A trial's codec on a user's samples: the same classes and bits as in the trial, or an error that says why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.builders import FakeSweep, full_sweep, spec
from tests.small_sweep import CODEC_CONFIGURATIONS

from ratefront.bitstream.container import parse
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import BitstreamError, InputError
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.run_trial import run_trial
from ratefront.trial.stored_codec import StoredCodec, find_codec_files, load_stored_codec
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams

TRIALS = {"c0": "label-lossless", "c1": "label-time-shared"}
COUNT = 360


@pytest.fixture(scope="module")
def folder(context: TrialContext) -> SweepFolder:
    """Two trials that really ran; no ledger."""
    for trial_id, example in TRIALS.items():
        run_trial(TrialParams(trial_id, 0, CODEC_CONFIGURATIONS[example]), context)
    return SweepFolder(context.folder)


@pytest.fixture(scope="module")
def digits(context: TrialContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test digits, as floats, in an array."""
    path = tmp_path_factory.mktemp("digits") / "digits.npy"
    np.save(path, load_dataset(context.spec.dataset).test.images[:])
    return path


def _codec(folder: SweepFolder, trial_id: str) -> StoredCodec:
    return load_stored_codec(find_codec_files(folder, trial_id))


@pytest.mark.parametrize("trial_id", TRIALS)
def test_the_trials_samples_are_coded_to_the_trials_bytes(
    folder: SweepFolder, digits: Path, trial_id: str
) -> None:
    codec = _codec(folder, trial_id)
    stream = codec.compress_files([digits], block_size=150)
    assert bytes(stream) == folder.trial(trial_id).stream.read_bytes()
    decoded = codec.decompress(bytes(stream))
    assert np.array_equal(decoded, np.load(folder.trial(trial_id).samples)["decoded"])


def test_image_files_are_coded_in_their_order(folder: SweepFolder, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "all.npy", pixels)
    paths = [tmp_path / f"{number:02d}.png" for number in range(12)]
    for image, path in zip(pixels, paths, strict=True):
        Image.fromarray(image).save(path)
    codec = _codec(folder, "c1")
    streams = [codec.compress_files(sources, block_size=5) for sources in (paths, [tmp_path / "all.npy"])]
    assert streams[0].data == streams[1].data
    assert parse(streams[0].data).header.samples == 12
    assert len(codec.decompress(streams[0])) == 12


def test_arrays_and_tensors_are_coded_as_their_files_are(folder: SweepFolder, digits: Path) -> None:
    codec, images = _codec(folder, "c0"), np.load(digits)[:9]
    expected = bytes(codec.compress_files([digits], block_size=9))
    whole = codec.compress(np.load(digits), block_size=9)
    assert bytes(whole) == expected
    channels_last = (255 * images.transpose(0, 2, 3, 1)).round().astype(np.uint8)
    as_bytes = (channels_last / 255).astype(np.float32).transpose(0, 3, 1, 2)
    assert bytes(codec.compress(channels_last)) == bytes(codec.compress(as_bytes))
    tensor = torch.from_numpy(images).requires_grad_()
    assert bytes(codec.compress(tensor)) == bytes(codec.compress(images))
    assert bytes(codec.compress(images.astype(np.float64))) == bytes(codec.compress(images))
    assert bytes(codec.compress(images[:, 0])) == bytes(codec.compress(images))
    assert bytes(codec.compress(images[::-1])) == bytes(codec.compress(images[::-1].copy()))


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.zeros((1, 8, 8), np.float32)[0], r"samples: must be .*\(8, 8\)"),
        (np.zeros((2, 1, 9, 8), np.float32), "8×9 pixels, this codec takes 8×8"),
        (np.zeros((2, 2, 8, 8), np.float32), "has 2 channels, this codec takes 1"),
        (np.zeros(0), r"must hold samples \(N, ...\)"),
        (np.array("text"), "samples"),
        (np.zeros((2, 1, 8, 8), np.complex64), "complex64"),
        ([[1, 2], [3, 4]], "samples: "),
    ],
)
def test_an_array_that_does_not_fit_is_refused(folder: SweepFolder, images: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        _codec(folder, "c0").compress(images)  # type: ignore[arg-type]


def test_no_samples_are_coded_to_a_stream_of_none(folder: SweepFolder) -> None:
    coded = _codec(folder, "c0").compress(np.zeros((0, 1, 8, 8), np.float32))
    assert (coded.samples, coded.rate_bits, len(_codec(folder, "c0").decompress(coded))) == (0, 0.0, 0)


def test_the_module_is_the_network_that_codes(folder: SweepFolder, digits: Path) -> None:
    codec, images = _codec(folder, "c0"), np.load(digits)[:20]
    latents = codec.module.analyse(torch.from_numpy(images))
    assert np.array_equal(codec.module.classify(latents).numpy(), codec.decompress(codec.compress(images)))
    assert not codec.module.training
    assert codec.sample_shape == (1, 8, 8)


def test_a_transparent_file_gets_the_data_sets_background(folder: SweepFolder, tmp_path: Path) -> None:
    """The sweep's ledger has the background; where it has none, a transparent file is refused."""
    clear = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 2), dtype=np.uint8))
    clear.save(tmp_path / "clear.png")
    laid = Image.alpha_composite(Image.new("RGBA", (8, 8), "white"), clear.convert("RGBA"))
    laid.convert("L").save(tmp_path / "laid.png")
    expected = bytes(_codec(folder, "c0").compress_files([tmp_path / "laid.png"]))
    with pytest.raises(InputError, match=r"clear.png: .*has transparent pixels"):
        _codec(folder, "c0").compress_files([tmp_path / "clear.png"])
    dataset = {"name": "image_folder", "root": "/gone", "background": "white"}
    sweep = FakeSweep(tmp_path / "sweep", spec(dataset=dataset)).folder
    shutil.copytree(folder.trial("c0").path, sweep.trial("c0").path)
    assert bytes(_codec(sweep, "c0").compress_files([tmp_path / "clear.png"])) == expected


def test_a_damaged_stream_or_one_of_another_codec_is_refused(folder: SweepFolder, digits: Path) -> None:
    data = bytes(_codec(folder, "c0").compress_files([digits]))
    for trial_id, content, reason in (
        ("c1", data, "another codec"),
        ("c0", data[:-9], "truncated or altered"),
        ("c0", b"\x89PNG", "not a ratefront stream"),
    ):
        with pytest.raises(BitstreamError, match=reason):
            _codec(folder, trial_id).decompress(content)


def test_without_a_ledger_the_existing_codecs_are_named(folder: SweepFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no codec of a trial 'c9'; found: .*c0, c1"):
        find_codec_files(folder, "c9")
    with pytest.raises(InputError, match="found: none"):
        find_codec_files(SweepFolder(tmp_path), "c0")


def test_the_error_says_why_a_trial_has_no_codec(folder: SweepFolder, tmp_path: Path) -> None:
    """From the ledger: 24 trials finished, whose files are not here, others were pruned or failed."""
    sweep = full_sweep(tmp_path / "sweep")
    for trial_id, reason in (
        ("t0000", r"the codec of trial t0000 is gone.*; `trial.reproduce\(\)` makes it again"),
        ("t0026", "is pruned: it has left no codec"),
        ("t0028", "is failed: it has left no codec"),
        ("t9999", "no trial 't9999'; "),
        ("x", "no trial 'x'; valid: t0000 to t0029"),
    ):
        with pytest.raises(InputError, match=reason):
            find_codec_files(sweep, trial_id)
    shutil.copytree(folder.trial("c0").path, sweep.trial("t0000").path)
    assert find_codec_files(sweep, "t0000").codec_config.is_file()


def test_a_codec_without_its_weights_is_refused(folder: SweepFolder, tmp_path: Path) -> None:
    copied = SweepFolder(tmp_path)
    shutil.copytree(folder.trial("c0").path, copied.trial("c0").path)
    copied.trial("c0").codec_weights.unlink()
    with pytest.raises(InputError, match="no codec of a trial 'c0'"):
        find_codec_files(copied, "c0")
