"""The audit of coded files of any system: counted bytes and the verdict, with NumPy and SciPy alone."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy
from tests.bitstream.small_coders import IDENTITY, TwoColumns, latents_of_two_columns

import ratefront
from ratefront.audit import Claim, audit
from ratefront.bitstream.coded_stream import write_stream
from ratefront.bounds import oracle_rate_bits
from ratefront.errors import InputError

SAMPLES, CLASSES = 400, 10


@pytest.fixture
def decoded(tmp_path: Path) -> Path:
    """Labels of ten classes, and classes of which 10 % are wrong."""
    return _save(tmp_path, *_decisions())


def _decisions(errors: int = SAMPLES // 10) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(SAMPLES) % CLASSES
    predicted = labels.copy()
    predicted[:errors] = (predicted[:errors] + 1) % CLASSES
    return labels, predicted


def _save(folder: Path, labels: np.ndarray, predicted: np.ndarray, name: str = "predicted") -> Path:
    path = folder / "decoded.npz"
    np.savez(path, labels=labels, **{name: predicted})
    return path


def _file(folder: Path, size: int) -> Path:
    path = folder / "streams.bin"
    path.write_bytes(b"\x5a" * size)
    return path


@pytest.mark.parametrize("classes", [1_000_001, 2**31, 2**63, 10**30])
def test_more_classes_than_any_task_has_are_refused(tmp_path: Path, decoded: Path, classes: int) -> None:
    with pytest.raises(InputError, match="at most 1000000 classes"):
        audit(_file(tmp_path, 150), decoded, classes=classes)


def test_a_file_of_any_system_counts_whole(tmp_path: Path, decoded: Path) -> None:
    found = audit(_file(tmp_path, 150), decoded)
    assert (found.payload_bytes, found.bytes, found.ratefront_streams) == (150, 150, 0)
    assert found.rate_bits == found.rate_total_bits == 8 * 150 / SAMPLES
    assert found.accuracy == pytest.approx(0.9)
    oracle = oracle_rate_bits(np.full(CLASSES, 0.1), 0.1)
    assert found.oracle_bits == pytest.approx(float(oracle))
    assert found.gap_bits == pytest.approx(3.0 - float(oracle))
    assert found.possible
    assert found.rate_bits_alone is None


def test_a_ratefront_stream_is_split_into_payload_and_overhead(tmp_path: Path, decoded: Path) -> None:
    stream = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(SAMPLES), 150)
    path = tmp_path / "stream.bin"
    path.write_bytes(stream.data)
    found = audit(path, decoded)
    assert found.ratefront_streams == 1
    assert found.rate_bits == stream.rate_bits
    assert found.rate_total_bits == pytest.approx(stream.rate_bits + stream.overhead_bits)


def test_streams_of_another_number_of_samples_are_refused(tmp_path: Path, decoded: Path) -> None:
    folder = tmp_path / "streams"
    folder.mkdir()
    for number, samples in enumerate((300, 100)):
        latents = latents_of_two_columns(samples)
        (folder / f"{number}.bin").write_bytes(write_stream(TwoColumns(), IDENTITY, latents, 150).data)
    assert audit(folder, decoded).ratefront_streams == 2
    (folder / "1.bin").unlink()
    with pytest.raises(InputError, match="hold 300 samples, but 400 were decoded"):
        audit(folder, decoded)


def test_a_damaged_ratefront_stream_is_not_counted_as_something_else(tmp_path: Path, decoded: Path) -> None:
    data = write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(SAMPLES), 150).data
    path = tmp_path / "stream.bin"
    path.write_bytes(data[:-1])
    with pytest.raises(InputError, match=r"stream\.bin: begins as a ratefront stream does, but .*truncated"):
        audit(path, decoded)


def test_one_file_for_each_sample_gives_the_rates_alone(tmp_path: Path, decoded: Path) -> None:
    folder = tmp_path / "streams"
    for number in range(SAMPLES):
        path = folder / f"class{number % 4}" / f"{number}.bin"  # however they are laid out
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1 + number % 3))
    found = audit(folder, decoded)
    assert (found.files, found.bits_alone_least, found.bits_alone_most) == (SAMPLES, 8, 24)
    assert found.rate_bits_alone == found.rate_bits == pytest.approx(16, abs=0.05)


def test_a_point_below_the_oracle_is_impossible(tmp_path: Path) -> None:
    """The oracle's rate at 90 % of ten equal classes is 2.536 bit: 126 bytes are too few, 127 are not."""
    decoded = _save(tmp_path, *_decisions())
    for size, possible in ((125, False), (126, False), (127, True)):
        found = audit(_file(tmp_path, size), decoded)
        assert found.possible is possible
        if found.missing_bits is not None:
            assert found.missing_bits == pytest.approx(-found.gap_bits)


def test_a_codec_that_draws_is_tested_at_the_limit_of_its_accuracy(tmp_path: Path) -> None:
    decoded = _save(tmp_path, *_decisions())
    exact, lenient = (audit(_file(tmp_path, 120), decoded, random=random) for random in (False, True))
    assert (exact.test, lenient.test) == ("exact", "clopper_pearson")
    assert exact.accuracy_tested == exact.accuracy == lenient.accuracy > lenient.accuracy_tested
    assert not exact.possible
    assert lenient.possible
    assert not audit(_file(tmp_path, 80), decoded, random=True).possible


def test_more_classes_change_only_the_allowed_labels(tmp_path: Path, decoded: Path) -> None:
    """Classes that no label has are no part of the labels' own counts."""
    file = _file(tmp_path, 150)
    assert audit(file, decoded, classes=1000).oracle_bits == pytest.approx(audit(file, decoded).oracle_bits)
    with pytest.raises(InputError, match=r"0\.\.8"):
        audit(file, decoded, classes=9)


def test_a_trials_own_samples_can_be_audited(tmp_path: Path) -> None:
    decoded = _save(tmp_path, *_decisions(), name="decoded")
    assert audit(_file(tmp_path, 150), decoded).accuracy == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("rate", "accuracy", "overclaimed"),
    [
        ("3.0", "0.90", []),
        ("3", "0.9", []),
        ("2.9", None, ["rate"]),
        ("2.96", "0.91", ["rate", "accuracy"]),
        ("4", "0.5", []),
        (None, "0.905", ["accuracy"]),
        ("2.999", None, ["rate"]),
        ("3e0", "1", []),
    ],
)
def test_a_claim_is_checked_to_its_last_digit(
    tmp_path: Path, decoded: Path, rate: str | None, accuracy: str | None, overclaimed: list[str]
) -> None:
    claims = [None if text is None else Claim.parse(text) for text in (rate, accuracy)]
    found = audit(_file(tmp_path, 150), decoded, claimed_rate=claims[0], claimed_accuracy=claims[1])
    assert [line.split(":")[0] for line in found.overclaimed] == overclaimed
    assert found.possible
    assert found.holds is not bool(overclaimed)


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "three", ""])
def test_a_claim_that_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="at least 0"):
        Claim.parse(text)


def test_files_that_do_not_fit_are_named_in_the_error(tmp_path: Path, decoded: Path) -> None:
    file = _file(tmp_path, 10)
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "single.npy", np.arange(3))
    np.savez(tmp_path / "unlabelled.npz", predicted=np.arange(3))
    np.savez(tmp_path / "unequal.npz", predicted=np.arange(3), labels=np.arange(4))
    np.savez(tmp_path / "objects.npz", predicted=np.array([None]), labels=np.arange(1))
    (tmp_path / "torn.npz").write_bytes(decoded.read_bytes()[:-30])
    for streams, arrays, reason in (
        ("none", decoded.name, "no such file"),
        ("empty", decoded.name, "holds no files"),
        (file.name, "none.npz", "No such file"),
        (file.name, "single.npy", "as an npz file"),
        (file.name, "unlabelled.npz", "needs the arrays labels"),
        (file.name, "unequal.npz", "length of labels"),
        (file.name, "objects.npz", "cannot be read"),
        (file.name, "torn.npz", "as an npz file"),
    ):
        with pytest.raises(InputError, match=reason):
            audit(tmp_path / streams, tmp_path / arrays)


def test_the_exact_test_passes_every_real_code(tmp_path: Path) -> None:
    """An ideal code for the decoded classes themselves, in whole bytes, at any accuracy."""
    rng = np.random.default_rng(0)
    for errors in (0, 40, 200, 399):
        labels, predicted = _decisions(errors)
        order = rng.permutation(SAMPLES)
        frequency = np.bincount(predicted) / SAMPLES
        content = -np.log2(frequency[predicted]).sum()
        file = _file(tmp_path, math.ceil(content / 8))
        assert audit(file, _save(tmp_path, labels[order], predicted[order])).possible


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
for name in ("torch", "ray", "constriction", "pydantic", "typer"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"this environment is not bare: it has {name}")
import ratefront.audit

found = ratefront.audit.audit(Path(sys.argv[2]), Path(sys.argv[3]))
assert found.ratefront_streams == 1 and found.accuracy == 0.9, found
ours = {name for name in sys.modules if name.startswith("ratefront.")}
allowed = ("ratefront.bounds", "ratefront.errors", "ratefront.wording", "ratefront.bitstream",
           "ratefront.audit", "ratefront.array_files", "ratefront.bounded_files")
assert not (foreign := {name for name in ours if not name.startswith(allowed)}), foreign
"""


def test_the_audit_needs_numpy_and_scipy_alone(tmp_path: Path, decoded: Path) -> None:
    bare, site = tmp_path / "bare", Path(np.__file__).parents[1]
    bare.mkdir()
    packages = [Path(module.__file__).parent for module in (np, scipy, ratefront)]
    for package in (*packages, *(p for p in (site / "numpy.libs", site / "scipy.libs") if p.exists())):
        (bare / package.name).symlink_to(package)
    stream = tmp_path / "stream.bin"
    latents = latents_of_two_columns(SAMPLES)
    stream.write_bytes(write_stream(TwoColumns(), IDENTITY, latents, 150).data)
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", PROGRAM, str(bare), str(stream), str(decoded)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
