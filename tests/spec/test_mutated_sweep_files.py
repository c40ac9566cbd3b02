"""However a sweep file is damaged: exit 0 or 2, one sentence a problem, no traceback, and soon."""

from __future__ import annotations

import contextlib
import io
import json
import time
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import typer
from tests.builders import FakeSweep, label
from tests.spec.sweep_file_mutants import NASTY, as_text, damaged_data, damaged_text, places

from ratefront.api import one_trial
from ratefront.cli.app import errors_as_exit_codes
from ratefront.cli.commands import trial_and_reproduce
from ratefront.cli.commands.check_and_sweep import check, sweep
from ratefront.errors import InputError
from ratefront.orchestrate import sweep_driver
from ratefront.simulate.run_simulation import run
from ratefront.simulate.simulation_input import make_scenario
from ratefront.spec.load_spec import load_spec, load_spec_without_data, to_plain
from ratefront.spec.yaml_text import read_yaml

pytestmark = pytest.mark.medium

SWEEPS = Path(__file__).parents[2] / "sweeps"
FILES = ("digits.yaml", "mnist.yaml")
TEXTS = {name: (SWEEPS / name).read_text(encoding="utf-8") for name in FILES}
PLAIN = {name: read_yaml(text) for name, text in TEXTS.items()}
#: Mutants of the data are handed over as they are: to read them as YAML takes most of the time, and is tried below.
DATA_MUTANTS, TEXT_MUTANTS = 1000, 200
#: Of CPU time, which other processes do not lengthen.
LONGEST_S = 5.0


def outcome(command: Callable[..., Any], *arguments: Any, **options: Any) -> int:
    """Run a command as the program does, and check what holds of every outcome. Return its exit code."""
    printed = io.StringIO()
    start = time.process_time()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            errors_as_exit_codes(command)(*arguments, **options)
            code = 0
        except typer.Exit as end:
            code = end.exit_code
    text = printed.getvalue()
    assert code in (0, 2), text
    assert code == 0 or text.startswith("ratefront: "), text
    odd = {one for one in text if unicodedata.category(one) in ("Cc", "Cs") and one != "\n"}
    assert not odd, text
    assert time.process_time() - start < LONGEST_S
    return code


def try_all(attempt: Callable[[int], tuple[Any, Callable[[], int]]], seeds: range) -> dict[int, int]:
    """Make and run the mutant of each seed; a failure shows the mutant. Return the exit code of each seed."""
    codes = {}
    for seed in seeds:
        mutant, run_mutant = attempt(seed)
        try:
            codes[seed] = run_mutant()
        except Exception as error:
            shown = mutant if isinstance(mutant, str | bytes) else as_text(mutant)
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\n{shown[:4000]!r}") from error
    return codes


@pytest.mark.parametrize("name", FILES)
def test_check_survives_damaged_data(name: str) -> None:
    def attempt(seed: int) -> tuple[Any, Callable[[], int]]:
        mutant = damaged_data(PLAIN[name], seed)
        return mutant, lambda: outcome(check, mutant)

    codes = try_all(attempt, range(DATA_MUTANTS))
    assert set(codes.values()) == {0, 2}


def test_check_survives_damaged_points_and_folders(tmp_path: Path) -> None:
    points = [
        {"family": "split", "split": "conv2", "beta": 80},
        {"family": "label", "method": "lossless"},
        {"family": "split"},
    ]
    FakeSweep(tmp_path, to_plain(load_spec(PLAIN["digits.yaml"]).spec)).finish(label(), 3.0, 0.9, 100)
    known = {"start_with": [*points, str(tmp_path)], "learn_from": [str(tmp_path)]}

    def attempt(seed: int) -> tuple[Any, Callable[[], int]]:
        mutant = {**PLAIN["digits.yaml"], **damaged_data(known, seed)}
        return mutant, lambda: outcome(check, mutant)

    assert outcome(check, PLAIN["digits.yaml"] | known) == 0
    codes = try_all(attempt, range(DATA_MUTANTS // 4))
    assert set(codes.values()) == {0, 2}


@pytest.mark.parametrize("name", FILES)
def test_check_survives_damaged_text(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"

    def attempt(seed: int) -> tuple[Any, Callable[[], int]]:
        text = as_text(damaged_data(PLAIN[name], seed)).encode()
        mutant = text if seed % 4 == 0 else damaged_text(TEXTS[name], seed)
        path.write_bytes(mutant)
        return mutant, lambda: outcome(check, path)

    codes = try_all(attempt, range(TEXT_MUTANTS))
    assert set(codes.values()) == {0, 2}


def accepted_mutants(name: str, count: int, first_seed: int = 0) -> list[dict[str, Any]]:
    """Return mutants that the check accepts, although they differ from the file."""
    found: list[dict[str, Any]] = []
    for seed in range(first_seed, first_seed + 60 * count):
        mutant = damaged_data(PLAIN[name], seed)
        with contextlib.suppress(InputError):
            load_spec(mutant)
            found.append(mutant)
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_sweep_of_what_check_accepts_gets_to_its_cluster(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cluster(*arguments: object) -> None:
        raise InputError("a cluster would start here")

    monkeypatch.setattr(sweep_driver, "joined_cluster", no_cluster)
    for number, mutant in enumerate(accepted_mutants(name, 8)):
        (tmp_path / "sweep.yaml").write_text(as_text(mutant), encoding="utf-8")
        code = outcome(sweep, tmp_path / "sweep.yaml", out=tmp_path / str(number))
        assert code == 2, "the cluster's refusal"


@pytest.mark.parametrize("name", FILES)
def test_what_check_accepts_can_be_searched(name: str) -> None:
    """Every accepted space gives suggestions, and every accepted setting lets the engine run."""
    for mutant in accepted_mutants(name, 8):
        scenario = make_scenario(load_spec_without_data(mutant), None, trials=3, slots=2, latency_s=0.001)
        assert run(scenario).engine.history.trials_ended <= 3


PARAMS: tuple[Mapping[str, Any], ...] = (
    {"family": "label", "method": "time_shared", "share": 0.5},
    {"family": "split", "split": "conv2", "entropy_model": "factorized", "width": 4, "beta": 30, "refine": "sga",
     "refine_steps": 20, "refine_learning_rate": 0.01},
    {"family": "sample", "channel": "sample_and_communicate", "sharpness": 2.0, "group": 2},
    {"family": "image", "codec": "learned", "entropy_model": "factorized", "channels": 8, "latent_channels": 4,
     "distortion": "mse", "beta": 1.0},
)  # fmt: skip


def damaged_json(seed: int) -> str:
    draw = Random(seed)
    if seed % 2:
        return json.dumps(damaged_data(dict(draw.choice(PARAMS)), seed))
    text = json.dumps(draw.choice(PARAMS))
    place = draw.randrange(len(text))
    snippets = (
        "[" * 3000,
        "{",
        "9" * 5000,
        "NaN",
        "-Infinity",
        "\0",
        '"',
        "1e999",
        '"\\ud800"',
        ",",
        "null",
        "",
    )
    return text[:place] + draw.choice(snippets) + text[place + draw.randrange(8) :]


def test_params_of_a_trial_are_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_trial(*arguments: object, **options: object) -> None:
        raise InputError("the trial would start here")

    monkeypatch.setattr(one_trial, "run_trial", no_trial)
    monkeypatch.setattr(trial_and_reproduce, "forbid_sweep_imports", lambda: None)
    loaded = load_spec(SWEEPS / "digits.yaml")

    def attempt(seed: int) -> tuple[Any, Callable[[], int]]:
        mutant = damaged_json(seed)
        return mutant, lambda: outcome(trial_and_reproduce.trial, loaded, mutant)

    assert set(try_all(attempt, range(400)).values()) == {2}


def damaged_setting(seed: int) -> str:
    draw = Random(seed)
    keys = [".".join(path) for path in dotted_paths(PLAIN["digits.yaml"])]
    key = draw.choice(
        (draw.choice(keys), draw.choice(keys) + draw.choice((".x", ".", "..y", "\0", " ", "=", "x")))
    )
    text = damaged_text("{int: [1, 6], log: true}", seed).decode("utf-8", "replace")
    plausible = draw.choice(("1", "2", "0.5", "all", "tpe", "true", "[oracle]"))
    value = draw.choice((as_text(draw.choice(NASTY)), text, plausible))
    return draw.choice((f"{key}={value}", f"{key}={value}", f"{key}{value}"))


def dotted_paths(data: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(data, dict):
        return []
    return [path for key in data for path in ((*above, key), *dotted_paths(data[key], (*above, key)))]


def test_settings_of_the_command_line_are_refused_in_a_sentence() -> None:
    def attempt(seed: int) -> tuple[Any, Callable[[], int]]:
        mutant = [damaged_setting(2 * seed), damaged_setting(2 * seed + 1)][: 1 + seed % 2]
        return "\n".join(mutant), lambda: outcome(check, PLAIN["digits.yaml"], set_=mutant)

    assert set(try_all(attempt, range(400)).values()) == {0, 2}


def test_mutants_are_the_same_for_the_same_seed() -> None:
    plain = PLAIN["digits.yaml"]
    assert as_text(damaged_data(plain, 7)) == as_text(damaged_data(plain, 7))
    assert as_text(damaged_data(plain, 7)) != as_text(plain)
    assert len({as_text(damaged_data(plain, seed)) for seed in range(100)}) > 95
    assert list(places(plain))
