"""``ratefront sweep``: which options go together, and what they ask of the driver."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import FakeSweep, label
from typer.testing import CliRunner, Result

import ratefront as rf
from ratefront.api import run_sweep
from ratefront.cli import app
from ratefront.cli.next_command import ratefront_command, resume_command
from ratefront.cli.shared_arguments import overrides_of
from ratefront.errors import EngineError, InputError, SpecError
from ratefront.history.events import LEDGER_FORMAT, BudgetSpent, Created, Ended, Reconfigured
from ratefront.history.repeat_counts import RepeatCounts
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec, to_plain
from ratefront.store.forecast_file import CalibrationTrial, Forecast, ForecastRange
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


def ratefront(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A sweep that was begun with other settings than its file's."""
    loaded = load_spec(DIGITS, {"sampler.seed": 5, "trials": 7})
    with Ledger(SweepFolder(tmp_path).ledger) as ledger:
        ledger.append(Created(loaded.spec.name, to_plain(loaded.spec), "0.1.0", LEDGER_FORMAT))
    return tmp_path


@pytest.fixture
def run_arguments(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks of ``ratefront.run``."""
    arguments: dict[str, Any] = {}

    def run(spec: LoadedSpec, folder: Path, **options: Any) -> SimpleNamespace:
        arguments.update(spec=spec, folder=folder, **options)
        summary = SimpleNamespace(
            trials_finished=3,
            trials_requested=7,
            repeats=RepeatCounts(0, 0, 2),
            front=(None,),
            ended_early="nothing is left",
            is_budget_spent=False,
            warnings=("the bounds are off",),
        )
        return SimpleNamespace(summary=summary, folder=folder)

    monkeypatch.setattr(run_sweep, "run", run)
    return arguments


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give SPEC, a sweep file"),
        (["--out", "x"], "give SPEC, a sweep file"),
        ([str(DIGITS), "--resume"], "need --out DIR"),
        (["--extend", "3"], "need --out DIR"),
        ([str(DIGITS), "--retry-failed"], "need --out DIR"),
        (["--out", "x", "--resume", "--trials", "9"], "--extend N"),
        (["--set", "keep=none"], "give SPEC, a sweep file"),
        (["--out", "x", "--extend", "0"], "greater than or equal to 1"),
        (["--out", "nowhere", "--resume"], "nowhere is not a sweep's folder"),
        (["--out", "nowhere", "--extend", "2"], "nowhere is not a sweep's folder"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    words: list[str],
    message: str,
    run_arguments: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ratefront("sweep", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert run_arguments == {}
    assert list(tmp_path.iterdir()) == [], "nothing was started"


@pytest.mark.parametrize(
    ("words", "resume", "extend", "retry_failed"),
    [
        (["--resume"], True, None, False),
        (["--extend", "4"], False, 4, False),
        (["--retry-failed"], False, None, True),
        (["--resume", "--extend", "2", "--retry-failed"], True, 2, True),
    ],
)
def test_a_resumed_sweep_needs_no_sweep_file(
    words: list[str],
    resume: bool,
    extend: int | None,
    retry_failed: bool,
    begun: Path,
    run_arguments: dict[str, Any],
) -> None:
    done = ratefront("sweep", "--out", begun, *words)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(begun)
    assert "3 of 7 trials finished (nothing is left), 1 on the front" in done.stderr
    assert (run_arguments["spec"].spec.sampler.seed, run_arguments["spec"].spec.trials) == (5, 7)
    assert (run_arguments["resume"], run_arguments["extend"], run_arguments["retry_failed"]) == (
        resume,
        extend,
        retry_failed,
    )


def test_settings_are_changed_without_the_file(begun: Path, run_arguments: dict[str, Any]) -> None:
    done = ratefront("sweep", "--out", begun, "--resume", "--set", "keep=none", "--set", "resources.cpus=2")
    assert done.exit_code == 0, done.stderr
    spec = run_arguments["spec"].spec
    assert (spec.keep, spec.resources.cpus) == ("none", 2)
    assert (spec.sampler.seed, spec.trials) == (5, 7), "the rest is as the sweep has it"


def test_an_unknown_setting_is_refused(begun: Path, run_arguments: dict[str, Any]) -> None:
    done = ratefront("sweep", "--out", begun, "--resume", "--set", "keeep=none")
    assert done.exit_code == 2
    assert "keeep" in done.stderr
    assert run_arguments == {}


def test_a_changed_setting_stays_changed(begun: Path, run_arguments: dict[str, Any]) -> None:
    with Ledger(SweepFolder(begun).ledger) as ledger:
        ledger.append(Reconfigured({"keep": "none"}))
    ratefront("sweep", "--out", begun, "--resume")
    assert run_arguments["spec"].spec.keep == "none"


def test_a_given_sweep_file_is_the_one_that_is_compared(begun: Path, run_arguments: dict[str, Any]) -> None:
    ratefront("sweep", DIGITS, "--out", begun, "--resume", "--trials", "9")
    assert (run_arguments["spec"].spec.sampler.seed, run_arguments["spec"].spec.trials) == (0, 9)


@pytest.mark.parametrize("option", [{"extend": 3}, {"retry_failed": True}, {"resume": True}])
def test_extend_and_retry_failed_resume_a_sweep(
    option: dict[str, Any], begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratefront.orchestrate import sweep_driver

    run_arguments: dict[str, Any] = {}
    monkeypatch.setattr(
        sweep_driver,
        "run_sweep",
        lambda loaded, folder, **options: run_arguments.update(options, loaded=loaded),
    )
    run_sweep.run(None, begun, progress=False, **option)
    assert run_arguments["resume"] is True
    assert run_arguments["extend"] == option.get("extend")
    assert run_arguments["retry_failed"] is option.get("retry_failed", False)
    assert run_arguments["loaded"].spec.trials == 7


def test_a_spec_of_another_version_is_refused(tmp_path: Path) -> None:
    with Ledger(SweepFolder(tmp_path).ledger) as ledger:
        ledger.append(Created("old", {"name": "old", "colour": "red"}, "0.0.1", LEDGER_FORMAT))
    with pytest.raises(SpecError, match=r"ledger\.jsonl: [0-9]+ problem"):
        rf.open(tmp_path).spec  # noqa: B018


def test_a_sweep_without_events_says_how_to_begin(tmp_path: Path) -> None:
    SweepFolder(tmp_path).ledger.touch()
    with pytest.raises(InputError, match="has not begun; give its file"):
        rf.open(tmp_path).spec  # noqa: B018


def _interrupted(_: object, folder: Path, **__: object) -> None:
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").touch()
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "change", [lambda words: words, lambda words: [*words, "--tracking-uri", "http://bob:secret@lab:5000"]]
)
def test_an_interrupted_sweep_says_how_to_resume(
    change: Callable[[list[str]], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sweep, "run", _interrupted)
    words = change(["sweep", str(DIGITS), "--set", "keep=none", "--out", str(tmp_path / "a b")])
    done = ratefront(*words)
    assert done.exit_code == 130
    command = shlex.split(done.stderr.partition("go on with: ")[2])
    expected = ["sweep", "--out", str(tmp_path / "a b"), "--resume"]
    assert command[1:5] == expected
    assert ("--tracking-uri" in command) == ("--tracking-uri" in words)
    assert "secret" not in done.stderr


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_failed_sweep_says_how_to_resume_later(
    has_begun: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_room(_: object, folder: Path, **__: object) -> None:
        folder.mkdir()
        if has_begun:
            (folder / "ledger.jsonl").touch()
        raise EngineError("no space left; make room, then go on with the sweep")

    monkeypatch.setattr(run_sweep, "run", without_room)
    done = ratefront("sweep", DIGITS, "--out", tmp_path / "new")
    first, *then = done.stderr.splitlines()
    assert (done.exit_code, first) == (1, "ratefront: no space left; make room, then go on with the sweep")
    again = f"when the cause is gone, go on with: ratefront sweep --out {tmp_path / 'new'} --resume"
    assert then == [again] * has_begun


def test_an_interrupt_before_the_start_leaves_nothing_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_sweep, "run", at_once)
    done = ratefront("sweep", str(DIGITS), "--out", str(tmp_path / "new"))
    assert (done.exit_code, done.stderr) == (130, "interrupted; nothing was started\n")


def test_the_command_to_resume_is_short(tmp_path: Path) -> None:
    assert resume_command(Path("runs/x")) == "ratefront sweep --out runs/x --resume"


def test_missing_data_give_the_command_with_another_path(tmp_path: Path) -> None:
    plain = to_plain(load_spec(DIGITS).spec) | {"dataset": {"name": "arrays", "path": "/no/where.npz"}}
    with Ledger(SweepFolder(tmp_path).ledger) as ledger:
        ledger.append(Created("old", plain, "0.1.0", LEDGER_FORMAT))
    done = ratefront("sweep", "--out", tmp_path, "--resume")
    assert done.exit_code == 2
    assert "/no/where.npz: cannot be read" in done.stderr.replace("\n", "")
    assert "go on with --set dataset.path=" in done.stderr


def test_warnings_of_bounds_are_printed_at_the_end(run_arguments: dict[str, Any], tmp_path: Path) -> None:
    done = ratefront("sweep", DIGITS, "--out", tmp_path / "digits")
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines()[-1] == "warning: the bounds are off"


def test_check_prints_what_is_tried_first_and_learned_from(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, to_plain(load_spec(DIGITS).spec))
    sweep.finish(label(), 3.3, 0.9, 100)
    sweep.fail(label())
    sweep.end()
    named = (f"learn_from=[{tmp_path}]", f"start_with=[{{family: label, method: lossless}}, {tmp_path}]")
    done = ratefront("check", DIGITS, *(word for change in named for word in ("--set", change)))
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert "tried first family label, method lossless learns from" in words
    assert ": 1 trial left out learn_from: " in words
    assert ": 1 failed" in words
    refused = ratefront("check", DIGITS, "--set", f"learn_from=[{tmp_path}/x]")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "learn_from: " in refused.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("trials", "--set trials: must be key=value, with a dotted key (training.epochs=5)"),
        ("sampler..seed=1", "--set sampler..seed=1: must be key=value, with a dotted key"),
        ("trials=[1", "--set trials=[1: line 1, column 3: expected ',' or ']', but got '<stream end>'"),
        ("trials.x=3", "trials.x: trials is 56, not a mapping"),
    ],
)
def test_an_invalid_set_option_is_quoted_in_the_error(change: str, message: str) -> None:
    done = ratefront("check", DIGITS, "--set", change)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_key_given_twice_counts_at_its_last_position() -> None:
    found = overrides_of(["training.epochs=2", "training={epochs: 5}", "training.epochs=3"], trials=4)
    assert list(found.items()) == [("training", {"epochs": 5}), ("training.epochs", 3), ("trials", 4)]


def test_a_folder_that_begins_with_a_dash_is_no_option(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(begun.parent)
    begun.rename("--json")
    for command in (ratefront_command("status", Path("--json")), resume_command(Path("--json"))):
        _, *words = shlex.split(command)
        assert "./--json" in words
        assert "--json" not in words
    result = ratefront(*shlex.split(ratefront_command("status", Path("--json")))[1:])
    assert result.exit_code == 0, result.output


def test_a_forecast_is_printed_and_lies_in_the_sweeps_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = CalibrationTrial("label", {"method": "lossless"}, 0.0, 0.0, 0, 0.05, 80_000)
    hours = ForecastRange(0.5, 1.0, 2.0)
    made = Forecast("digits", 56, 2, 9.0, 0.0, hours, ForecastRange(0, 0, 0), hours, (trial,))
    monkeypatch.setattr("ratefront.orchestrate.forecast_sweep.forecast_sweep", lambda *_: made)
    folder = tmp_path / "sweep"
    result = ratefront("check", DIGITS, "--cost", "--out", folder, "--set", "budget.hours=1.5")
    assert result.exit_code == 0, result.output
    assert "1:00:00, between 30:00 and 2:00:00" in result.output
    assert "budget.hours 1.5 may be spent before the last trial" in result.output
    assert json.loads((folder / "forecast.json").read_text()) == made.to_json()
    assert result.output.endswith(f"sweep {DIGITS} --out {folder} --set budget.hours=1.5\n")
    again = ratefront("check", DIGITS, "--cost", "--out", folder, "--json")
    assert json.loads(again.stdout) == made.to_json()
    assert again.stderr.endswith(f"sweep {DIGITS} --out {folder}\n")


@pytest.mark.parametrize("option", [("--json",), ("--out", "there")])
def test_options_of_the_forecast_need_it(option: tuple[str, ...]) -> None:
    result = ratefront("check", DIGITS, *option)
    assert result.exit_code == 2
    assert f"{option[0]} goes with --cost" in result.stderr


def test_no_forecast_is_written_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    result = ratefront("check", DIGITS, "--cost", "--out", tmp_path)
    assert result.exit_code == 2
    assert "is not empty" in result.stderr


@pytest.mark.parametrize(
    ("end", "is_offered"),
    [
        (Ended("the budget of 0.5 hours is spent", is_budget_spent=True), True),
        (Ended("the space holds no more configurations"), False),
    ],
)
def test_a_larger_budget_is_offered_where_it_helps(tmp_path: Path, end: Ended, is_offered: bool) -> None:
    loaded = load_spec(DIGITS, {"budget.hours": 0.5})
    with Ledger(SweepFolder(tmp_path).ledger) as ledger:
        ledger.append(Created(loaded.spec.name, to_plain(loaded.spec), "0.1.0", LEDGER_FORMAT))
        ledger.append(BudgetSpent(0.6, 0.0))
        ledger.append(end)
    result = ratefront("status", tmp_path)
    assert f"has ended: {end.reason}" in result.output
    assert ("--resume --set budget.hours=1.2" in result.output) == is_offered
    assert ("--set" in result.output) == is_offered
