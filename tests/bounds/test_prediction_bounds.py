"""The main functions of the bounds: docstring examples hold, and bad arguments are refused."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import numpy as np
import pytest

from ratefront import bounds
from ratefront.bounds import Bounds, Predictions, RateDistortionCurve, bounds_of, from_file, from_predictions
from ratefront.errors import InputError

FUNCTIONS = [name for name in bounds.__all__ if inspect.isfunction(getattr(bounds, name))]
CLASSES = [name for name in bounds.__all__ if inspect.isclass(getattr(bounds, name))]
LABELS = [0, 1, 2, 2]


def examples_of(name: str) -> list[doctest.DocTest]:
    thing = getattr(bounds, name)
    finder = doctest.DocTestFinder(recurse=False)
    namespace = {**vars(bounds), "np": np}
    return [test for test in finder.find(thing, name, globs=namespace) if test.examples]


def test_docstring_examples_hold() -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    output: list[str] = []
    for name in (*FUNCTIONS, *CLASSES):
        for test in examples_of(name):
            runner.run(test, out=output.append, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0, "".join(output)


@pytest.mark.parametrize("name", [*FUNCTIONS, "Bootstrap", "Bounds", "RateDistortionCurve"])
def test_public_functions_have_a_docstring_example(name: str) -> None:
    assert examples_of(name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_describe_every_argument(name: str) -> None:
    function = getattr(bounds, name)
    described = (inspect.getdoc(function) or "").partition("Args:\n")[2]
    missing = [one for one in inspect.signature(function).parameters if f"    {one}: " not in described]
    assert missing == []


def test_every_public_class_has_a_docstring() -> None:
    assert [name for name in CLASSES if not getattr(bounds, name).__doc__] == []


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "given: none"),
        ({"logits": np.eye(3)[LABELS], "predicted": LABELS}, "given: logits, predicted"),
    ],
)
def test_exactly_one_output_is_needed(outputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"exactly one of logits, probabilities, predicted; {message}"):
        from_predictions(LABELS, **outputs)


def test_logits_probabilities_and_decisions_are_told_apart(tmp_path: Any) -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]])
    insisted = bounds_of(Predictions.from_logits(LABELS, p, insist=True), ["task_model"])
    probable = from_predictions(LABELS, probabilities=p, only=["task_model"])
    assert insisted.expected_calibration_error != probable.expected_calibration_error
    logarithms = from_predictions(LABELS, logits=np.log(p), only=["task_model"])
    assert logarithms.expected_calibration_error == pytest.approx(probable.expected_calibration_error)
    decided = from_predictions(LABELS, predicted=p.argmax(axis=1))
    assert (decided.expected_calibration_error, "task_model" in decided) == (None, False)
    np.savez(tmp_path / "p.npz", labels=LABELS, probabilities=p)
    assert from_file(tmp_path / "p.npz", ["task_model"]).to_json() == probable.to_json()


def test_bounds_built_by_hand_write_what_is_known() -> None:
    curve = RateDistortionCurve("mine", np.array([1.0, 0.0]), np.array([0.1, 0.9]))
    mine = Bounds(curves={"mine": curve}, classes=10, zero_rate_distortion=0.9, warnings=("made up",))
    document = mine.to_json()
    assert {name: document[name] for name in document if name != "curves"} == {
        "classes": 10,
        "zero_rate_distortion": 0.9,
        "warnings": ["made up"],
    }
    assert document["curves"]["mine"]["rate_bits"] == [1.0, 0.0]


def test_bounds_are_a_mapping_in_the_requested_order() -> None:
    curves = from_predictions(LABELS, predicted=LABELS, only=["time_sharing", "oracle"])
    assert isinstance(curves, Bounds)
    assert list(curves) == ["time_sharing", "oracle"]
    assert {**curves} == dict(curves.curves)
    assert curves.get("task_model") is None
    assert "4 samples, 3 classes" in repr(curves)
    with pytest.raises(KeyError, match="task_model"):
        curves["task_model"]
    with pytest.raises(AttributeError):
        curves.classes = 4  # type: ignore[misc]
