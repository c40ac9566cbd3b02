"""The metrics of a sweep file: how they are named, what their names may be, and the objectives that they become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratefront.errors import SpecError, SweepMismatchError
from ratefront.spec.changeable_settings import settings_change
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.import_paths.metric_functions import function_of
from ratefront.spec.load_spec import dump_yaml, load_spec, load_spec_without_data, spec_from_plain, to_plain
from ratefront.spec.sweep_spec import Metric
from ratefront.trial_records import metric_names

METRIC_MODULE = """
def two(labels, classes, *, weights=None):
    return 2

def three(labels, classes, scores, sharpness=1):
    return 3

def one(labels):
    return 1

def four(a, b, c, d):
    return 4

def may_do_without(labels, classes, scores=None):
    return 6

def tolerant(labels, classes, tolerance=1):
    return 7

constant = 5
"""


@pytest.fixture(autouse=True)
def metric_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "measures_.py").write_text(METRIC_MODULE)
    (tmp_path / "script_.py").write_text("raise SystemExit('usage: script_')")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def load(plain: dict[str, Any], write: Callable[[Any], Path]) -> Callable[..., LoadedSpec]:
    def load_with(*metrics: Any, **changes: Any) -> LoadedSpec:
        return load_spec(write({**plain, "metrics": list(metrics), **changes}))

    return load_with


def test_three_forms_of_a_metric_resolve_to_one(load: Callable[..., LoadedSpec]) -> None:
    loaded = load(
        "top5_accuracy",
        "measures_:two",
        {"target": "measures_:three", "name": "miss", "direction": "minimise"},
        {"name": "balanced_accuracy", "direction": "minimise"},
        {"target": "sklearn.metrics:cohen_kappa_score"},
    )
    plain = to_plain(loaded.spec)
    assert plain["metrics"] == [
        {"name": "top5_accuracy", "target": "ratefront.metrics:top5_accuracy", "direction": "maximise"},
        {"name": "two", "target": "measures_:two", "direction": "maximise"},
        {"name": "miss", "target": "measures_:three", "direction": "minimise"},
        {
            "name": "balanced_accuracy",
            "target": "ratefront.metrics:balanced_accuracy",
            "direction": "minimise",
        },
        {"name": "cohen_kappa_score", "target": "sklearn.metrics:cohen_kappa_score", "direction": "maximise"},
    ]
    assert metric_names(plain) == ("top5_accuracy", "two", "miss", "balanced_accuracy", "cohen_kappa_score")
    assert spec_from_plain(plain) == loaded


def test_the_resolved_file_is_a_sweep_file(
    load: Callable[..., LoadedSpec], write: Callable[[Any], Path]
) -> None:
    loaded = load("top5_accuracy", "measures_:two")
    assert load_spec(write(dump_yaml(loaded.spec))) == loaded


def test_a_metric_as_an_objective_has_its_direction(load: Callable[..., LoadedSpec]) -> None:
    metric = {"target": "measures_:two", "name": "miss", "direction": "minimise"}
    objectives = ["miss", "accuracy", "top5_accuracy"]
    spec = load(
        metric, "top5_accuracy", objectives=objectives, reference={"miss": -1, "top5_accuracy": 0}
    ).spec
    assert list(spec.directions.items()) == [
        ("miss", "minimise"),
        ("accuracy", "maximise"),
        ("top5_accuracy", "maximise"),
    ]


@pytest.mark.parametrize(
    ("metrics", "problem"),
    [
        (
            ["top4_accuracy"],
            'metrics[0]: unknown metric "top4_accuracy"; did you mean "top5_accuracy"? valid: ',
        ),
        (["top5_accuracy", "top5_accuracy"], 'metrics: "top5_accuracy" is listed twice'),
        (
            ["nowhere_:f"],
            "metrics[0]: target nowhere_:f: ModuleNotFoundError: No module named 'nowhere_'; expected ",
        ),
        (["script_:f"], "metrics[0]: target script_:f: SystemExit: usage: script_; expected "),
        (["measures_:gone"], "metrics[0]: target measures_:gone: AttributeError: "),
        (["measures_:one"], "metrics[0]: target measures_:one: takes other arguments; expected "),
        (["measures_:four"], "metrics[0]: target measures_:four: takes other arguments; expected "),
        (["measures_:constant"], "metrics[0]: target measures_:constant: is no function but int; expected "),
        (
            ["measures_:tolerant"],
            "metrics[0]: target measures_:tolerant: its third argument, tolerance, has a default, ",
        ),
        (["__main__:two"], "metrics[0]: target __main__:two: a script or notebook is another one in each "),
        (["measures_ x:two"], "metrics[0].target: must match "),
        ([{"target": "measures_:two", "name": "a b"}], "metrics[0].name: must match "),
        (
            [{"target": "measures_:two", "nam": "x"}],
            'metrics[0].nam: unknown key "nam"; did you mean "name"? valid: ',
        ),
        (
            [{"target": "measures_:two", "direction": "up"}],
            'metrics[0].direction: unknown value "up"; valid: ',
        ),
        ([{"direction": "minimise"}], "metrics[0].name: is required, but missing"),
        ([3], "metrics[0]: must be a mapping, got 3"),
    ],
)
def test_a_wrong_metric_says_what_is_wrong(
    load: Callable[..., LoadedSpec], metrics: list[Any], problem: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load(*metrics)
    assert caught.value.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("accuracy", "an objective"),
        ("log_loss_bits", "a column of every result"),
        ("accuracy_validation", "a column of every result"),
        ("family", "a column of every result"),
    ],
)
def test_a_metric_name_of_another_column_is_refused(
    load: Callable[..., LoadedSpec], name: str, what: str
) -> None:
    with pytest.raises(SpecError, match=rf'metrics\[0\].name: "{name}" is the name of {what}'):
        load({"target": "measures_:two", "name": name})


def test_an_objective_that_is_a_metric_needs_a_reference(load: Callable[..., LoadedSpec]) -> None:
    with pytest.raises(
        SpecError, match=r"reference\.two: is required where two is an objective, but missing"
    ):
        load("measures_:two", objectives=["rate_bits", "two"])


def test_an_unlisted_metric_is_no_objective(load: Callable[..., LoadedSpec]) -> None:
    with pytest.raises(
        SpecError, match=r'objectives\[1\]: unknown objective "top5_accuracy".* encode_ms, two'
    ):
        load("measures_:two", objectives=["rate_bits", "top5_accuracy"])


def test_a_metric_function_gets_only_the_arguments_it_takes() -> None:
    for name, figure in (("two", 2), ("three", 3), ("may_do_without", 6)):
        assert function_of(Metric.model_validate(f"measures_:{name}"))(None, None, None) == figure


def test_reading_a_sweep_again_imports_no_metric_functions(load: Callable[..., LoadedSpec]) -> None:
    """The study of an old sweep is shown where its metrics' module is gone."""
    plain = to_plain(load("measures_:two").spec)
    plain["metrics"][0]["target"] = "gone_:two"
    assert load_spec_without_data(plain).spec.metrics[0].target == "gone_:two"


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ([], r"metrics.two: \{.*\} → \(absent\)"),
        (["measures_:two", "top5_accuracy"], r"metrics.top5_accuracy: \(absent\) → "),
        (
            [{"target": "measures_:two", "direction": "minimise"}],
            'metrics.two.direction: "maximise" → "minimise"',
        ),
        ([{"target": "measures_:three", "name": "two"}], 'metrics.two.target: "measures_:two" → '),
    ],
)
def test_the_metrics_of_a_begun_sweep_may_not_change(
    load: Callable[..., LoadedSpec], changed: list[Any], difference: str
) -> None:
    began = to_plain(load("measures_:two").spec)
    with pytest.raises(SweepMismatchError, match=difference):
        settings_change(began, load(*changed).spec)


def test_the_order_of_metrics_matters(load: Callable[..., LoadedSpec]) -> None:
    began = to_plain(load("measures_:two", "top5_accuracy").spec)
    with pytest.raises(SweepMismatchError, match=r"metrics: \[.* → \["):
        settings_change(began, load("top5_accuracy", "measures_:two").spec)


def test_a_metric_may_share_its_name_with_a_parameter(load: Callable[..., LoadedSpec]) -> None:
    """A plugin that is installed later may have one of any name."""
    assert load({"target": "measures_:two", "name": "alphabet"}).spec.metrics[0].name == "alphabet"
