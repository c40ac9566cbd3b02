"""``ratefront simulate``: what it prints, and its exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ratefront.cli import app

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


def simulate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["simulate", *map(str, words)])


def outcome(*words: str | Path) -> dict[str, object]:
    done = simulate(*words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_sweep_file_is_simulated_and_summarised() -> None:
    done = simulate(DIGITS, "--trials", 8, "--slots", 4, "--sampler", "random", "--set", "sampler.seed=3")
    assert done.exit_code == 0, done.output
    for part in ("digits, random, 4 slots", "virtual time", "slots busy", "8 finished", "25 %: ", "100 %: "):
        assert part in done.output


def test_the_built_in_sweep_needs_no_arguments() -> None:
    found = outcome("--trials", 6, "--slots", 3, "--sampler", "random", "--trial-s", 10, "--latency-ms", 0)
    assert (found["trials_requested"], found["trials_failed"], found["faults"]) == (6, 0, {})
    assert found["virtual_seconds"] == pytest.approx(20, rel=0.1)
    assert found == outcome(
        "--trials", 6, "--slots", 3, "--sampler", "random", "--trial-s", 10, "--latency-ms", 0
    )


def test_what_it_takes_to_close_the_gap_is_printed() -> None:
    words = ("--table", "mnist", "--trials", 40, "--sampler", "random", "--no-stopping", "--latency-ms", 1)
    found = outcome(*words)
    costs = found["busy_s_to_gap"]
    assert isinstance(costs, dict)
    assert [*costs] == ["50", "90", "95", "99"]
    assert 60 < costs["50"] < 600
    assert costs["99"] is None
    text = simulate(*words).output
    assert "99 %: not reached" in text
    assert "of slots at work until closed" in text
    assert found["trials_pruned"] == 0


def test_a_problem_of_codec_families_has_a_sweep_of_its_own() -> None:
    words = ("--problem", "codec_families", "--trials", 6, "--sampler", "random", "--latency-ms", 1)
    assert outcome(*words)["sweep"] == "codec-families"
    assert outcome(*words, "--trial-s", 60)["virtual_seconds"] < 0.2 * outcome(*words)["virtual_seconds"]  # type: ignore[operator]


def test_faults_are_counted_and_seeds_tried() -> None:
    words = ("--trials", 8, "--slots", 3, "--sampler", "random", "--latency-ms", 1)
    assert outcome(*words, "--faults", 3)["faults_seed"] == 3
    assert "all that must hold held" in simulate(*words, "--faults", 3).output
    assert "3 seeds, 0 failed" in simulate(DIGITS, *words, "--seeds", "2:5").output
    found = outcome("--seeds", "0:4")
    assert (found["seeds"], found["failed"]) == (4, {})


def test_a_failing_seed_names_the_command_that_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from ratefront.engine.engine import Engine

    monkeypatch.setattr(Engine, "_requeue", lambda self: None)  # what ran when a driver died is forgotten
    done = simulate("--seeds", "0:3")
    assert done.exit_code == 1
    assert "seed 0, after " in done.stderr
    assert "again: ratefront simulate --seeds 0:1" in done.stderr
    words = [str(DIGITS), "--seeds", "0:4", "--sampler", "random", "--trials", "8"]
    monkeypatch.setattr(sys, "argv", ["ratefront", "simulate", *words])
    done = simulate(*words)
    assert done.exit_code == 1
    assert f"simulate {DIGITS} --sampler random --trials 8 --faults " in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table", "nowhere"], "there is no table nowhere"),
        (["--sampler", "best"], "unknown sampler 'best'; valid: auto, tpe, "),
        (["--problem", "mine"], "unknown problem 'mine'; valid: dtlz2, codec_families"),
        (["--problem", "dtlz2", "--table", "mnist"], "give either --table or --problem"),
        ([str(DIGITS), "--problem", "codec_families"], "cannot answer {'family': "),
        (["--seeds", "7"], "takes two numbers"),
        (["--seeds", "7:7"], "takes two numbers"),
        (["--seeds", "0:2", "--faults", "1"], "either"),
        (["--seeds", "0:2", "--trials", "9"], "draws its own sweep"),
        (["--record", "there"], "belong together"),
        (["--set", "trials=3"], "give SPEC"),
        (["--record", "nowhere", "--out", "t.json.gz"], "not a sweep's folder"),
    ],
)
def test_wrong_arguments_are_refused_with_a_reason(words: list[str], message: str) -> None:
    done = simulate(*words)
    assert done.exit_code == 2
    assert message in done.stderr
