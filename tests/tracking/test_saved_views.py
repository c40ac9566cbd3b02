"""Views that MLflow's page reads: what they show, and that addresses name the ones that are written."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from ratefront.tracking.mlflow.saved_views import (
    SWEEPS_KEY,
    VIEW_TAG,
    sweeps_address,
    trials_address,
    view_tags,
)
from ratefront.trial_records import OBJECTIVES, Objectives, objectives_of

USUAL = objectives_of({})
SWEEP_ID = "0123456789abcdef"
#: What the longest tag of an experiment may hold on servers that are older than ours.
TAG_CHARACTERS = 5000


def view_of_trials(objectives: Objectives) -> dict[str, Any]:
    """What the page of a sweep's trials shows."""
    tags = view_tags(objectives, SWEEP_ID)
    return view_at(trials_address("http://h", "1", SWEEP_ID, objectives, tags), tags)


def view_of_all_trials(tags: dict[str, str]) -> dict[str, Any]:
    """The view of all trials, as the menu names it."""
    views = map(json.loads, tags.values())
    (view,) = (view for view in views if view.get("name", "").startswith("ratefront: trials"))
    return dict(json.loads(view["state"]))


def view_at(address: str, tags: dict[str, str]) -> dict[str, Any]:
    """The state that MLflow's page reads for this address."""
    (key,) = parse_qs(address.partition("?")[2])["viewStateShareKey"]
    view = json.loads(tags[VIEW_TAG + key])
    return dict(json.loads(view["state"]) if "name" in view else view)


def test_a_sweep_has_a_view_of_its_trials_and_no_others() -> None:
    view = view_of_trials(USUAL)
    assert view["searchFilter"] == f"tags.sweep_id = '{SWEEP_ID}' AND tags.trial_id LIKE '%'"


def test_a_sweeps_view_differs_from_the_common_one_in_its_filter() -> None:
    everything, own = view_of_all_trials(view_tags(USUAL, SWEEP_ID)), view_of_trials(USUAL)
    assert {**own, "searchFilter": everything["searchFilter"]} == everything
    assert everything["searchFilter"] == "tags.trial_id LIKE '%'"


def test_opposite_directions_share_no_view() -> None:
    few: Objectives = {"rate_bits": "minimise", "miss": "minimise"}
    assert not view_tags(few, "a").keys() & view_tags({**few, "miss": "maximise"}, "b").keys() - {
        VIEW_TAG + SWEEPS_KEY
    }
    assert len(view_tags(few, "a").keys() & view_tags(dict(few), "b").keys()) == 2


def test_columns_are_objectives_test_values_and_gap_by_accuracy() -> None:
    view = view_of_trials(USUAL)
    assert view["selectedColumns"] == [
        "tags.`pareto`",
        "metrics.`obj/rate_bits`",
        "metrics.`obj/accuracy`",
        "metrics.`obj/transmitter_bytes`",
        "metrics.`test/rate_bits`",
        "metrics.`test/accuracy`",
        "metrics.`gap/oracle_bits`",
        "params.`hp/family`",
        "tags.`status_reason`",
    ]
    assert set(view["columnWidths"]) == set(view["columnOrder"]) > set(view["selectedColumns"])
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`obj/accuracy`", False)


def test_without_accuracy_the_first_objective_gives_the_order() -> None:
    ordered = {}
    for objectives in ({"encode_ms": "minimise"}, {"own": "maximise"}, {"own": "minimise"}):
        view = view_of_trials(objectives)
        ordered[tuple(objectives.items())] = (view["orderByKey"], view["orderByAsc"])
    assert ordered == {
        (("encode_ms", "minimise"),): ("metrics.`obj/encode_ms`", True),
        (("own", "maximise"),): ("metrics.`obj/own`", False),
        (("own", "minimise"),): ("metrics.`obj/own`", True),
    }


def test_charts_show_accuracy_over_rate_and_other_objectives() -> None:
    objectives: Objectives = {**USUAL, "balanced_accuracy": "maximise"}
    view = view_of_trials(objectives)
    axes = [
        (chart["type"], chart["xaxis"]["key"], chart["yaxis"]["key"]) for chart in view["compareRunCharts"]
    ]
    assert axes == [
        ("SCATTER", "test/rate_bits", "test/accuracy"),
        ("SCATTER", "cost/transmitter_bytes", "test/accuracy"),
        ("SCATTER", "test/rate_bits", "test/balanced_accuracy"),
    ]
    sections = {section["uuid"] for section in view["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in view["compareRunCharts"]} == sections
    assert len({chart["uuid"] for chart in view["compareRunCharts"]}) == 3


def test_without_the_view_trials_and_order_are_the_same() -> None:
    view = view_of_trials(USUAL)
    query = parse_qs(trials_address("http://h", "1", SWEEP_ID, USUAL, ()).partition("?")[2])
    assert query == {
        "workflowType": ["machine_learning"],
        "searchFilter": [view["searchFilter"]],
        "orderByKey": [view["orderByKey"]],
        "orderByAsc": ["false"],
    }


def test_all_sweeps_are_a_table_without_their_trials() -> None:
    tags = view_tags(USUAL, SWEEP_ID)
    view = view_at(sweeps_address("http://h", "1", tags), tags)
    assert view["searchFilter"] == "tags.sweep LIKE '%'"
    assert "metrics.`hypervolume`" in view["selectedColumns"]


def test_sweeps_with_the_same_objectives_share_named_views() -> None:
    first, second = view_tags(USUAL, "a" * 16), view_tags(USUAL, "b" * 16)
    assert first == view_tags(USUAL, "a" * 16)
    assert dict(first.items() - second.items()).keys() == {f"{VIEW_TAG}ratefront-{'a' * 16}"}


def test_the_menu_has_a_view_per_set_of_objectives() -> None:
    tags = view_tags(USUAL, SWEEP_ID) | view_tags({"rate_bits": "minimise", "accuracy": "maximise"}, "b" * 16)
    named = {key: json.loads(value) for key, value in tags.items() if "name" in json.loads(value)}
    assert sorted(view["name"] for view in named.values()) == [
        "ratefront: sweeps",
        "ratefront: trials (rate_bits, accuracy)",
        "ratefront: trials (rate_bits, accuracy, transmitter_bytes)",
    ]
    assert VIEW_TAG + SWEEPS_KEY in named
    assert all(type(view["createdAt"]) is int for view in named.values())


@pytest.mark.parametrize("objectives", [OBJECTIVES, USUAL])
def test_a_view_fits_into_a_tag(objectives: Objectives) -> None:
    assert max(map(len, view_tags(objectives, SWEEP_ID).values())) < TAG_CHARACTERS
