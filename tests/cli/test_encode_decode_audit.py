"""``ratefront encode``, ``decode`` and ``audit``: what they print, how they exit, and that they fit together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from typer.testing import CliRunner, Result

from ratefront.cli import app
from ratefront.data.load_dataset import load_dataset
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams

pytestmark = pytest.mark.medium


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ratefront.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _audit(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture(scope="module")
def sweep(task_model_folder: Path) -> Path:
    params = TrialParams("cli", 0, CODEC_CONFIGURATIONS["label-lossless"])
    run_trial(params, TrialContext(small_sweep_spec(), task_model_folder.parent))
    return task_model_folder.parent


def test_images_are_encoded_decoded_and_audited(sweep: Path, tmp_path: Path) -> None:
    """Encoded, decoded and audited by three processes, of which the last needs only the files of the first two."""
    test = load_dataset(small_sweep_spec().dataset).test
    images, coded, classes = tmp_path / "x.npy", tmp_path / "x.rf", tmp_path / "classes.npz"
    np.save(images, test.images[:])
    encoded = _run("encode", sweep, "cli", images, "--out", coded, "--block-size", "150")
    size = coded.stat().st_size
    payload = size - 56 - 8 * 3 - 4
    assert (encoded.returncode, encoded.stderr) == (0, "")
    assert encoded.stdout.splitlines() == [
        f"360 samples: {payload} bytes of payload, {8 * payload / 360:.4f} bit/sample; "
        f"{size} bytes in all, {8 * size / 360:.4f} bit/sample",
        str(coded),
    ]
    decoded = _run("decode", sweep, "cli", coded, "--out", classes)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    assert decoded.stdout.splitlines() == ["360 samples", str(classes)]
    predicted = np.load(classes)["predicted"]
    assert (predicted == test.labels).mean() > 0.9
    np.savez(tmp_path / "decoded.npz", labels=test.labels, predicted=predicted)
    judged = _run("audit", coded, tmp_path / "decoded.npz", "--json")
    found = json.loads(judged.stdout)
    assert judged.returncode == 0
    assert found["holds"] is found["possible"] is True
    assert (found["payload_bytes"], found["bytes"], found["ratefront_streams"]) == (payload, size, 1)


def test_bad_arguments_give_one_line_and_write_nothing(sweep: Path, tmp_path: Path) -> None:
    out, nowhere = tmp_path / "out.rf", tmp_path / "no" / "folder.rf"
    (tmp_path / "broken.png").write_bytes(b"no image")
    done = _run("encode", sweep, "cli", tmp_path / "broken.png", "--out", out)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"ratefront: {tmp_path / 'broken.png'}: ")
    assert not out.exists()
    for command, given in (("encode", tmp_path / "broken.png"), ("decode", tmp_path / "x.rf")):
        before_any_work = CliRunner().invoke(
            app, [command, str(sweep), "cli", str(given), "--out", str(nowhere)]
        )
        assert before_any_work.exit_code == 2
        assert f"{nowhere} cannot be written" in before_any_work.stderr


@pytest.fixture
def claimed(tmp_path: Path) -> tuple[Path, Path]:
    """100 samples of four classes, all decoded rightly, from 20 bytes: 1.6 of the 2 bit that this needs."""
    streams, decoded = tmp_path / "streams.bin", tmp_path / "decoded.npz"
    streams.write_bytes(bytes(20))
    np.savez(decoded, labels=np.arange(100) % 4, predicted=np.arange(100) % 4)
    return streams, decoded


def test_audit_calls_an_impossible_claim_impossible(claimed: tuple[Path, Path]) -> None:
    done = _audit(*claimed)
    assert done.exit_code == 1
    assert "rate          1.6000 bit/sample  20 bytes" in done.stdout
    assert "gap          -0.4000 bit/sample" in done.stdout
    assert (
        "IMPOSSIBLE: at the measured accuracy no codec can do with less than 2.0000 bit/sample" in done.stdout
    )
    assert "--random" in done.stdout


def test_audit_tests_a_random_codec_at_its_confidence_limit(claimed: tuple[Path, Path]) -> None:
    done = _audit(*claimed, "--random")
    assert done.exit_code == 0
    assert "possible: at 93.3254 %, the 99.9 % limit of the accuracy," in done.stdout


def test_audit_compares_claims_with_measurements(claimed: tuple[Path, Path]) -> None:
    streams, decoded = claimed
    streams.write_bytes(bytes(26))
    assert _audit(streams, decoded, "--claimed-rate", "2.1", "--claimed-accuracy", "1").exit_code == 0
    better = _audit(streams, decoded, "--claimed-rate", "2.0")
    assert better.exit_code == 1
    assert "overclaimed: rate: claimed 2, measured 2.08" in better.stdout
    assert "possible: " in better.stdout
    assert _audit(streams, decoded, "--claimed-rate", "two").exit_code == 2


def test_audit_gives_the_bits_of_each_file_of_one_sample(tmp_path: Path, claimed: tuple[Path, Path]) -> None:
    folder = tmp_path / "streams"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.bin").write_bytes(bytes(1 + number % 2))
    done = _audit(folder, claimed[1])
    assert done.exit_code == 0
    assert "alone        12.0000 bit/sample  a file each, of 8 to 16 bit" in done.stdout
