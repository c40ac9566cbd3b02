"""Metrics of a split, against other libraries, and with functions that misbehave."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec

from ratefront import metrics as shipped
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DivergedError, MetricError
from ratefront.metrics import balanced_accuracy, log_loss_bits, top5_accuracy
from ratefront.spec.sweep_spec import SHIPPED_METRICS, Metric
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.decoded_metrics import finite_log_loss, metric_values
from ratefront.trial.error_summary import summarise_error
from ratefront.trial.receiver import Decoded, shared_receiver
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams, TrialResult

OWN = """
import torch
import numpy as np
from fractions import Fraction
first = None

def right(labels, classes):
    return np.float32((labels == classes).mean())

def scored(labels, classes, scores):
    return None if scores is None else float(scores[:, 0].mean())

def raises(labels, classes):
    return labels / 0 if False else [][3]

def nothing(labels, classes):
    return None

def silent(labels, classes, scores):
    return None

def infinite(labels, classes):
    return float("inf")

def yes(labels, classes):
    return True

def leaves(labels, classes):
    raise SystemExit(3)

def zero_dimensional(labels, classes):
    return np.array(0.5)

def large(labels, classes):
    return 10**400

def large_fraction(labels, classes):
    return Fraction(10**400, 3)

def third(labels, classes):
    return Fraction(-1, 3)

def writes_scores(labels, classes, scores):
    return float(torch.from_numpy(scores).zero_().sum())


def sees_scores(labels, classes, scores):
    return float(scores.sum())


def spoils_by_torch(labels, classes):
    for array in (labels, classes):
        torch.from_numpy(array).zero_()
    return 1

def text(labels, classes):
    return "0.5"

def seen(labels, classes):
    return labels.sum() + classes.sum()

def greedy(labels, classes):
    raise MemoryError("so many pairs")

def greedy_on_gpu(labels, classes):
    import torch
    raise torch.OutOfMemoryError("CUDA out of memory")

def spoils(labels, classes, scores):
    labels[:] = 0

def spoils_scores(labels, classes, scores):
    scores[:] = 0
"""


@pytest.fixture(autouse=True)
def metrics_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module own_metrics, importable."""
    (tmp_path / "own_metrics.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("own_metrics", None)


def metric(name: str) -> Metric:
    return Metric.model_validate(f"own_metrics:{name}")


def drawn(samples: int, classes: int, scale: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(samples + classes)
    return random.integers(classes, size=samples), scale * random.normal(size=(samples, classes)).astype("f4")


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=30),
    shift=st.integers(0, 4),
    every=st.integers(1, 7),
)
def test_balanced_accuracy_equals_that_of_scikit_learn(labels: list[int], shift: int, every: int) -> None:
    known = np.array([*labels, 0, 1])  # scikit-learn warns of a single class
    decoded = known.copy()
    decoded[::every] = known[(np.arange(len(known)) + shift) % len(known)][::every]  # of classes that occur
    assert balanced_accuracy(known, decoded) == pytest.approx(balanced_accuracy_score(known, decoded))


@pytest.mark.parametrize("classes", [6, 40])
@pytest.mark.parametrize("samples", [1, 4096, 9001])
def test_top5_accuracy_equals_that_of_scikit_learn(samples: int, classes: int) -> None:
    labels, scores = drawn(samples, classes)
    expected = top_k_accuracy_score(labels, scores, k=5, labels=np.arange(classes))
    assert top5_accuracy(labels, scores.argmax(axis=1), scores) == pytest.approx(expected)


def test_the_first_of_equal_scores_ranks_first() -> None:
    """The order is that of ``argmax``, so that a class decoded right is among the five best."""
    labels, scores = np.arange(8), np.zeros((8, 8), dtype=np.float32)
    assert top5_accuracy(labels, np.zeros(8, dtype=np.int64), scores) == 5 / 8


@pytest.mark.parametrize("classes", [2, 5])
def test_top5_accuracy_of_up_to_five_classes_is_one(classes: int) -> None:
    labels, scores = drawn(100, classes)
    assert top5_accuracy(labels, scores.argmin(axis=1), scores) == 1


@pytest.mark.parametrize("samples", [1, 4096, 9001])
def test_the_log_loss_equals_torchs_cross_entropy_in_bits(samples: int) -> None:
    labels, scores = drawn(samples, 10)
    nats = torch.nn.functional.cross_entropy(torch.from_numpy(scores).double(), torch.from_numpy(labels))
    assert log_loss_bits(labels, labels, scores) == pytest.approx(float(nats) / np.log(2), rel=1e-12)


def test_the_log_loss_is_right_for_large_and_for_constant_scores() -> None:
    labels, scores = drawn(50, 10, scale=1e30)
    values = log_loss_bits(labels, labels, scores)
    assert values is not None
    assert np.isfinite(values)
    assert log_loss_bits(labels, labels, np.full_like(scores, -7e5)) == pytest.approx(np.log2(10), rel=1e-12)
    sure = np.where(np.arange(10) == labels[:, None], 0, -3e4).astype("f4")
    assert log_loss_bits(labels, labels, sure) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_fail_the_trial(bad: float) -> None:
    labels, scores = drawn(50, 10)
    scores[7, labels[7]] = bad
    with pytest.raises(DivergedError, match=r"test: the log loss of the decoded scores is (nan|inf)"):
        finite_log_loss(labels, Decoded(labels, scores), "test")


def test_the_sweep_file_knows_exactly_the_metrics_that_ship() -> None:
    assert {*SHIPPED_METRICS, "log_loss_bits"} == set(shipped.__all__)


def test_metrics_are_called_with_two_or_three_arrays() -> None:
    labels, scores = drawn(50, 10)
    values = metric_values([metric("right"), metric("scored")], labels, Decoded(labels, scores), "test")
    assert values == {"right": 1.0, "scored": pytest.approx(float(scores[:, 0].mean()))}
    assert type(values["right"]) is float, "what the ledger can hold"
    without = metric_values([metric("right"), metric("scored")], labels, Decoded(labels), "test")
    assert without == {"right": 1.0, "scored": None}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", "raised IndexError: list index out of range"),
        ("leaves", "raised SystemExit: 3"),
        ("silent", "gave None, which is no finite number"),
        ("infinite", "gave inf"),
        ("yes", "gave True"),
        ("text", "gave '0.5'"),
        ("zero_dimensional", r"gave array\(0.5\)"),
        ("large", "gave 1000*, which"),
        ("large_fraction", "gave Fraction.1000*"),
        ("spoils", "raised ValueError: .*read-only"),
        ("spoils_scores", "raised ValueError: .*read-only"),
    ],
)
def test_a_metric_that_misbehaves_fails_the_trial_by_its_name(name: str, message: str) -> None:
    labels, scores = drawn(50, 10)
    kept = labels.copy(), scores.copy()
    with pytest.raises(
        MetricError, match=rf"test: the metric {name} \(own_metrics:{name}\) {message}"
    ) as caught:
        metric_values([metric(name)], labels, Decoded(labels, scores), "test")
    assert not summarise_error(caught.value).retryable
    assert np.array_equal(labels, kept[0])
    assert np.array_equal(scores, kept[1])


def test_a_metric_may_return_any_real_number() -> None:
    values = metric_values([metric("third")], np.arange(3), Decoded(np.arange(3)), "test")
    assert values == {"third": -1 / 3}


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_writes_by_torch_do_not_reach_other_metrics() -> None:
    labels, decoded = np.arange(1, 7), Decoded(np.arange(1, 7))
    values = metric_values([metric("spoils_by_torch"), metric("seen")], labels, decoded, "test")
    assert values == {"spoils_by_torch": 1, "seen": 42}
    assert np.array_equal(labels, np.arange(1, 7))
    assert np.array_equal(decoded.classes, np.arange(1, 7))


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_writes_by_torch_do_not_change_the_file_of_scores(tmp_path: Path) -> None:
    """Writing into a read-only mapping would end the process."""
    before = np.arange(12, dtype=np.float32).reshape(6, 2)
    (tmp_path / "scores").write_bytes(before.tobytes())
    scores = np.memmap(tmp_path / "scores", np.float32, mode="r", shape=(6, 2))
    decoded, metrics = Decoded(np.arange(6), scores), [metric("writes_scores"), metric("sees_scores")]
    values = metric_values(metrics, np.arange(6), decoded, "test")
    assert values == {"writes_scores": 0, "sees_scores": 66}
    assert (tmp_path / "scores").read_bytes() == before.tobytes()


@pytest.mark.parametrize("name", ["greedy", "greedy_on_gpu"])
def test_a_metric_that_runs_out_of_memory_is_retryable(name: str) -> None:
    with pytest.raises((MemoryError, torch.OutOfMemoryError)) as caught:
        metric_values([metric(name)], *[np.arange(3)], Decoded(np.arange(3)), "test")
    assert summarise_error(caught.value).retryable


def test_a_metric_may_return_none_where_there_are_no_scores() -> None:
    assert metric_values([metric("nothing")], np.arange(3), Decoded(np.arange(3)), "test") == {
        "nothing": None
    }


@pytest.fixture(scope="module")
def sweep(task_model_folder: Path) -> TrialContext:
    spec = small_sweep_spec(
        training={"epochs": 2}, metrics=["balanced_accuracy", "top5_accuracy", "own_metrics:scored"]
    )
    return TrialContext(spec, task_model_folder.parent)


def run(context: TrialContext, example: str) -> TrialResult:
    return run_trial(TrialParams(f"figures-{example}", 3, CODEC_CONFIGURATIONS[example]), context)


@pytest.mark.parametrize("example", ["split-categorical", "image-jpeg"])
def test_a_trial_measures_what_the_receiver_decoded(
    sweep: TrialContext, example: str, tmp_path: Path
) -> None:
    result = run(sweep, example)
    files = SweepFolder(sweep.folder).trial(result.trial_id)
    (decoded,) = shared_receiver().decode(files.codec_config, files.codec_weights, [files.stream], tmp_path)
    labels = load_dataset(sweep.spec.dataset).test.labels
    assert decoded.scores is not None
    assert decoded.scores.shape == (len(labels), 10)
    assert np.array_equal(decoded.scores.argmax(axis=1), decoded.classes)
    assert result.test.accuracy == (decoded.classes == labels).mean()
    assert result.test.log_loss_bits == log_loss_bits(labels, decoded.classes, decoded.scores)
    assert result.test.metrics == {
        "balanced_accuracy": balanced_accuracy(labels, decoded.classes),
        "top5_accuracy": top5_accuracy(labels, decoded.classes, decoded.scores),
        "scored": pytest.approx(float(decoded.scores[:, 0].mean())),
    }
    assert result.validation.metrics != result.test.metrics
    assert TrialResult.from_json(result.to_json()) == result


def test_a_codec_that_sends_classes_has_no_log_loss(sweep: TrialContext) -> None:
    result = run(sweep, "label-lossless")
    for measured in (result.validation, result.test):
        assert measured.log_loss_bits is None
        assert (measured.metrics["top5_accuracy"], measured.metrics["scored"]) == (None, None)
        assert measured.metrics["balanced_accuracy"] == pytest.approx(measured.accuracy, abs=0.01)
