"""A prior from a file: accepted forms, the oracle, and an error for every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ratefront.bounds import (
    from_counts_file,
    from_prior,
    load_prior,
    modelnet40_test_counts,
    oracle_rate_bits,
    uniform_rate_bits,
)
from ratefront.errors import InputError


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str) -> Path:
        path = tmp_path / "prior.json"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def test_a_counts_object_keeps_its_names_and_order(write) -> None:
    names, counts = load_prior(write('{"zebra": 3, "ant": 0, "bée": 1.5}'))
    assert names == ("zebra", "ant", "bée")
    assert counts.tolist() == [3.0, 0.0, 1.5]


def test_a_counts_list_has_no_names(write) -> None:
    names, counts = load_prior(str(write("[980, 1135, 0]")))
    assert names is None
    assert counts.tolist() == [980.0, 1135.0, 0.0]


def test_the_packaged_counts_give_the_published_oracle(write) -> None:
    bounds = from_counts_file(write(json.dumps(dict(modelnet40_test_counts()))))
    assert bounds.class_names == tuple(modelnet40_test_counts())
    assert (bounds.classes, bounds.samples) == (40, 2468)
    assert bounds.label_entropy_bits == pytest.approx(5.00697, abs=1e-5)
    assert bounds.zero_rate_distortion == pytest.approx(1 - 100 / 2468)
    assert bounds["oracle"].rate_at(0.38313) == pytest.approx(2.02910, abs=1e-4)


def test_the_document_has_its_keys_and_the_curve_is_exact() -> None:
    prior = np.array([0.5, 0.3, 0.15, 0.05])
    bounds = from_prior(prior)
    document, curve = bounds.to_json(), bounds["oracle"]
    assert curve.rate_bits.size >= 200
    assert set(document) == {
        "classes",
        "class_names",
        "samples",
        "zero_rate_distortion",
        "label_entropy_bits",
        "curves",
    }
    assert document["samples"] is None, "relative frequencies say nothing of the number of samples"
    assert (curve.distortion[0], curve.rate_bits[-1]) == (0.0, 0.0)
    assert curve.rate_bits[0] == pytest.approx(document["label_entropy_bits"])
    for distortion in np.linspace(0, 0.5, 31):
        exact = float(oracle_rate_bits(prior, distortion))
        assert exact - 1e-9 <= curve.rate_at(distortion) <= exact + 1e-3


def test_counts_and_relative_frequencies_give_the_same_bounds() -> None:
    counts = np.array([7, 2, 1])
    by_count, by_frequency = from_prior(counts), from_prior(counts / 10)
    assert (by_count.samples, by_frequency.samples) == (10, None)
    assert by_count.label_entropy_bits == pytest.approx(by_frequency.label_entropy_bits)
    assert by_count["oracle"].rate_bits == pytest.approx(by_frequency["oracle"].rate_bits, abs=1e-9)


@pytest.mark.parametrize("names", [["cat"], ["cat", "dog", "eel"]])
def test_each_class_needs_its_name(names: list[str]) -> None:
    with pytest.raises(InputError, match=f"each of the 2 classes needs one name, there are {len(names)}"):
        from_prior([1, 2], names)


def test_equal_counts_are_ra_equation_4() -> None:
    curve = from_prior([6] * 10)["oracle"]
    assert curve.rate_at(0.0056) == pytest.approx(float(uniform_rate_bits(10, 0.0056)), abs=1e-3)


def test_one_class_costs_nothing() -> None:
    for counts in ([5], [0, 5, 0]):
        bounds = from_prior(counts)
        assert bounds.label_entropy_bits == bounds.zero_rate_distortion == 0.0
        assert bounds["oracle"].rate_bits.tolist() == [0.0]
        assert bounds.samples == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JSON file"),
        ("[1, 2", "not a JSON file"),
        ("[" * 100_000, "not a JSON file"),
        ("3", "must be a list of counts or an object"),
        ('"ant"', "must be a list of counts or an object"),
        ("null", "must be a list of counts or an object"),
        ("[]", "at least one class"),
        ("{}", "at least one class"),
        ("[0, 0.0]", "all counts are zero"),
        ('{"ant": 0}', "all counts are zero"),
        ('{"ant": 1, "bee": 2, "ant": 1}', "the class 'ant' stands there twice"),
        ("[1, true]", "entry 1 .* true"),
        ('{"ant": false}', "the class 'ant' .* false"),
        ("[1, 2, NaN]", "entry 2 .* nan"),
        ("[Infinity]", "entry 0 .* inf"),
        ("[1e999]", "entry 0 .* inf"),
        ("[1" + "0" * 400 + "]", "entry 0 .* too large"),
        ("[1e308, 1e308]", "sum of the counts is too large"),
        ("[3, -1]", "entry 1 .* -1"),
        ('["7"]', 'entry 0 .* "7"'),
        ("[null]", "entry 0 .* null"),
        ('{"ant": {"train": 1}}', "the class 'ant' .* nested"),
        ("[[1, 2]]", "entry 0 .* nested"),
    ],
)
def test_a_bad_prior_file_is_refused_with_entry_and_rule(write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(InputError, match=message) as caught:
        load_prior(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, message in (
        (tmp_path / "none.json", "No such file"),
        (tmp_path, "directory"),
        (binary, "not a JSON"),
    ):
        with pytest.raises(InputError, match=message):
            load_prior(path)


@pytest.mark.parametrize("counts", [[], [0, 0], [1, -1], [1, np.nan]])
def test_a_bad_prior_is_refused(counts: list[float]) -> None:
    with pytest.raises(InputError):
        from_prior(counts)
