"""The files of a report: the page, the picture and the tables."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.builders import FakeSweep, biased_predictions, full_sweep, label, spec, split

from ratefront.errors import InputError
from ratefront.history.events import Ended
from ratefront.report.findings import best_learned, findings
from ratefront.report.page.report_page import script_json
from ratefront.report.sweep_view import read_view
from ratefront.report.write_report import write_report
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium

BOUNDS = [
    "oracle",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
]
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Collects every element's attributes and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.scripts, self._raw = [], "", [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._raw = tag if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._raw = None

    def handle_data(self, data):
        if self._raw is None:
            self.text += data
        elif self._raw == "script":
            self.scripts.append(data)

    def tags(self, name):
        return [attrs for tag, attrs in self.elements if tag == name]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write_report(full_sweep(tmp_path_factory.mktemp("sweep")))


@pytest.fixture(scope="module")
def folder(drawn):
    return SweepFolder(drawn.artifacts[0].parent)


@pytest.fixture(scope="module")
def page(folder):
    return Page(folder.report.read_text())


def figures_of(folder):
    stored = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', folder.report.read_text()
    )
    return json.loads(stored.group(1))


def test_all_files_are_written_and_named(drawn, folder):
    assert {path.name for path in drawn.artifacts} == {
        "trials.csv",
        "summary.json",
        "importance.json",
        "front.csv",
        "front.png",
        "report.html",
    }
    assert all(path.stat().st_size for path in drawn.artifacts)
    assert drawn.numbers["trials_finished"] == 24.0
    assert drawn.front == tuple(e["trial_id"] for e in json.loads(folder.summary.read_text())["front"])
    assert f"| {drawn.front[0]} |" in drawn.markdown_note


def test_the_picture_is_a_png_of_a_size_to_publish(folder):
    content = folder.front_png.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    assert width >= 2000
    assert height >= 1200


def test_front_csv_has_the_fronts_trials_with_gaps(folder):
    rows = list(csv.DictReader(folder.front_csv.read_text().splitlines()))
    summary = json.loads(folder.summary.read_text())
    assert [row["trial_id"] for row in rows] == [entry["trial_id"] for entry in summary["front"]]
    for row, entry in zip(rows, summary["front"], strict=True):
        assert float(row["gap_bits_oracle"]) == entry["gap_bits"]["oracle"]
    assert {f"gap_bits_{name}" for name in BOUNDS} <= rows[0].keys()


def test_front_csv_agrees_with_trials_csv(folder):
    front, trials = (
        list(csv.DictReader(file.read_text().splitlines())) for file in (folder.front_csv, folder.trials_csv)
    )
    columns_of_trial = {row["trial_id"]: row for row in trials}
    assert {"seed", "transmitter_macs", "width", "alphabet", "method"} <= front[0].keys()
    for row in front:
        whole = columns_of_trial[row["trial_id"]]
        assert {name: row[name] for name in row.keys() & whole.keys()}.items() <= whole.items()
        assert {name for name, value in whole.items() if value} <= {*row, "status", "attempts"}


def test_the_page_loads_nothing_from_anywhere(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    policies = [m["content"] for m in page.tags("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policies[0].startswith("default-src 'none';")
    assert "http" not in policies[0]


def test_our_own_style_and_script_name_no_address(folder):
    from ratefront.report.page.report_page import _plotly_source

    assert "://" not in folder.report.read_text().replace(_plotly_source(), "")


def test_the_page_states_the_findings(page):
    text = " ".join(page.text.split())
    assert "Ended: 30 of 30 trials ended (24 finished, 2 collapsed, 1 pruned, 1 stopped, 2 failed)." in text
    assert "The learned codec" in text
    assert "of the task model's 51.1 KiB" in text
    assert "above the oracle" in text
    for short in ("oRD", "iE&C", "E&C", "S&C", "TS"):
        assert short in text


def test_the_figure_holds_every_bound_and_every_measured_trial(folder):
    traces = figures_of(folder)["main"]
    names = [trace["name"] for trace in traces]
    assert {"oRD oracle", "S&C sample and communicate", "overall front", "label: front"} <= set(names)
    markers = [trace for trace in traces if trace["mode"] == "markers"]
    assert sum(len(trace["x"]) for trace in markers if trace.get("yaxis") != "y2") == 26
    assert all(rate is None or rate > 0 for trace in traces for rate in trace["x"])


def test_reasons_of_lost_trials_are_shown_and_escaped(folder, page):
    assert "<b>worker</b> died & was not replaced" in page.text
    assert "<b>worker</b>" not in folder.report.read_text()


def test_user_strings_are_escaped_everywhere(tmp_path):
    sweep = FakeSweep(tmp_path, spec(name=EVIL, dataset={"name": EVIL}))
    values = {**split(EVIL, 1.0), "entropy_model": EVIL}
    sweep.finish(values, 5.0, 0.9, 900)
    sweep.fail(values, EVIL)
    folder = sweep.end()
    folder.environment.write_text(
        json.dumps({"git_diff": EVIL, "packages": {"torch": EVIL}, "command": [EVIL]})
    )
    drawn = write_report(folder)
    page = Page(folder.report.read_text())
    assert len(page.tags("script")) == 3
    assert not [attrs for attrs in page.tags("img") if attrs.get("onerror")]
    hovers = figures_of(folder)["hovers"].values()
    assert hovers
    assert all("<script" not in text and "<img" not in text for text in hovers)
    assert "<script" not in drawn.markdown_note.replace(r"\<", "")


def test_json_cannot_end_its_script_element_and_reads_back():
    assert "<" not in script_json({"a": EVIL})
    assert json.loads(script_json({"a": EVIL, "b": "x & y"})) == {"a": EVIL, "b": "x & y"}


def test_a_running_sweep_says_so(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.plan(split("stem", 1.0))
    write_report(sweep.folder)
    page = Page(sweep.folder.report.read_text())
    assert "Running: 1 of 30 trials ended (1 finished)." in page.text
    assert {"class": "running"} in page.tags("span")


def test_a_sweep_that_ended_early_says_why(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.append(Ended("the space holds no more configurations"))
    write_report(sweep.folder)
    status = "Ended: 1 of 30 trials ended (1 finished): the space holds no more configurations."
    assert status in Page(sweep.folder.report.read_text()).text
    assert (
        json.loads(sweep.folder.summary.read_text())["ended_early"]
        == "the space holds no more configurations"
    )


@pytest.mark.parametrize("task_model", [True, False])
def test_a_sweep_without_finished_trials_is_drawn(tmp_path, task_model):
    sweep = FakeSweep(tmp_path, task_model=task_model)
    sweep.fail(split("stem", 1.0))
    drawn = write_report(sweep.folder)
    text = Page(sweep.folder.report.read_text()).text
    assert "No trial has finished yet" in text
    assert ("the task model is not trained yet" in text.lower()) != task_model
    assert drawn.front == ()
    assert len(sweep.folder.front_csv.read_text().splitlines()) == 1


def test_only_the_bounds_of_the_sweep_file_are_drawn(tmp_path):
    sweep = FakeSweep(tmp_path, spec(bounds=["oracle"]))
    sweep.finish(label(), 3.3, 0.97, 52_000)
    write_report(sweep.end())
    names = {trace["name"] for trace in figures_of(sweep.folder)["main"]}
    assert "oRD oracle" in names
    assert not any(name.startswith(("S&C", "E&C", "iE&C", "TS")) for name in names)
    assert "gap_bits_oracle" in sweep.folder.front_csv.read_text()
    assert json.loads(sweep.folder.summary.read_text())["front"][0]["gap_bits"]["sample_and_communicate"]


def test_real_codes_are_drawn_as_points_beside_the_curves(tmp_path):
    sweep = FakeSweep(tmp_path, spec(bounds=["oracle", "task_model", "huffman", "merged_classes"]))
    sweep.finish(label(), 3.3, 0.97, 52_000)
    drawn = write_report(sweep.end())
    traces = {trace["name"]: trace for trace in figures_of(sweep.folder)["main"]}
    assert traces["TMRD task model"]["mode"] == "lines"
    assert traces["Huffman"]["mode"] == traces["merged classes"]["mode"] == "markers"
    assert len(traces["Huffman"]["x"]) == 1 < len(traces["merged classes"]["x"])
    gaps = json.loads(sweep.folder.summary.read_text())["front"][0]["gap_bits"]
    assert {"task_model", "huffman"} <= set(gaps)
    assert all(path.exists() for path in drawn.artifacts)


def test_drawing_again_gives_the_same_files(drawn, folder):
    before = {path: path.read_bytes() for path in drawn.artifacts}
    for path in before:
        path.unlink()
    assert {path: path.read_bytes() for path in write_report(folder).artifacts} == before


def test_a_front_point_that_is_dominated_on_test_is_marked(tmp_path):
    sweep = FakeSweep(tmp_path)
    better = sweep.finish(split("stem", 1.0), 4.0, 0.95, 100, validation=(4.0, 0.90))
    worse = sweep.finish(split("stem", 2.0), 5.0, 0.93, 100, validation=(5.0, 0.92))
    marked = {trial.trial_id: trial.dominated_on_test for trial in read_view(sweep.end()).front}
    assert marked == {better: False, worse: True}


def test_findings_name_the_cheapest_small_codec_near_the_task_model(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.98, 52_420)
    sweep.finish(split("block2", 1.0), 5.0, 0.975, 40_000)
    sweep.finish(split("stem", 1.0), 4.0, 0.90, 3_000)
    close = sweep.finish(split("stem", 2.0), 9.0, 0.97, 3_000)
    sweep.finish(split("stem", 3.0), 30.0, 0.974, 3_000)
    assert best_learned(read_view(sweep.end())).trial_id == close


def test_warnings_of_bounds_are_in_report_note_and_summary(tmp_path):
    labels, logits = biased_predictions(2)
    sweep = FakeSweep(tmp_path, spec(bounds=[*BOUNDS, "task_model"]))
    np.savez(sweep.folder.predictions, labels_test=labels, logits_test=logits)
    before = read_view(sweep.folder)
    sweep.finish(label(), 3.3, 0.3, 52_420)
    folder = sweep.end()
    note = write_report(folder).markdown_note
    warnings = json.loads(folder.summary.read_text())["warnings"]
    page = html.unescape(folder.report.read_text())
    for start in ("The posteriors are badly calibrated", "S&C lies below TMRD"):
        (warning,) = [warning for warning in warnings if warning.startswith(start)]
        assert f"<p>{warning}</p>" in page
        assert warning in findings(before)
        assert start.partition("&")[0] in note
    assert "task_model_calibrated" in read_view(folder).bound_names
    assert "gap_bits_task_model_calibrated" in folder.front_csv.read_text()


def test_warnings_of_the_task_model_are_in_report_note_and_summary(tmp_path):
    sweep = FakeSweep(tmp_path)
    doubt = "validation is held out of the training split"
    ready = read_history(sweep.folder).task_model
    sweep.append(replace(ready, warnings=(doubt,), accuracy_given=0.9))
    sweep.finish(label(), 3.3, 0.98, 52_420)
    folder = sweep.end()
    note = write_report(folder).markdown_note
    summary = json.loads(folder.summary.read_text())
    assert doubt in summary["warnings"]
    assert summary["task_model_accuracy_given"] == 0.9
    assert f"<p>{doubt}</p>" in folder.report.read_text()
    assert "90.00 %" in folder.report.read_text()
    assert doubt in note


@pytest.mark.parametrize("content", ["{", '{"sweep": "of another version"}'])
def test_a_forecast_that_cannot_be_read_is_left_out_with_a_warning(content, tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.98, 52_420)
    folder = sweep.end()
    folder.forecast.write_text(content)
    note = write_report(folder).markdown_note
    summary = json.loads(folder.summary.read_text())
    (warning,) = summary["warnings"]
    assert f"The forecast is left out: {folder.forecast} cannot be read" in warning
    assert summary["forecast"] is None
    assert "The forecast is left out" in html.unescape(folder.report.read_text())
    assert "The forecast is left out" in note


def test_staircase_rises_through_trials_chosen_on_validation(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 1.0, 0.5, 10)
    sweep.finish(label(), 2.0, 0.45, 10, validation=(2.0, 0.6))
    sweep.finish(label(), 3.0, 0.9, 10)
    sweep.finish(label(), 2.5, 0.8, 10, validation=(3.5, 0.8))
    assert read_view(sweep.end()).staircase("label") == [(1.0, 0.5), (3.0, 0.9)]


def test_a_zero_rate_is_drawn_at_the_left_edge(folder):
    figures = figures_of(folder)
    left = 10 ** figures["windows"]["whole"]["x"][0]
    collapsed = [t for t in figures["main"] if t["name"] == "split (factorized): collapsed"]
    assert collapsed[0]["x"] == [pytest.approx(left, rel=0.05)]
    assert collapsed[0]["marker"]["symbol"] == ["triangle-left"]


def test_a_folder_without_a_sweep_is_refused_and_stays_empty(tmp_path):
    with pytest.raises(InputError, match="not a sweep's folder"):
        write_report(SweepFolder(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_broken_environment_file_is_named_in_the_error(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.folder.environment.write_text("[1")
    with pytest.raises(InputError, match=r"environment\.json"):
        write_report(sweep.folder)


def test_a_report_needs_neither_torch_nor_the_search_nor_pyplot(folder):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ratefront.store.sweep_folder import SweepFolder\n"
        "from ratefront.report.write_report import write_report\n"
        "write_report(SweepFolder(Path(sys.argv[1])))\n"
        "heavy = {'torch', 'ray', 'optuna', 'mlflow', 'compressai', 'matplotlib.pyplot'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)\n"
    )
    command = [sys.executable, "-c", code, str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
