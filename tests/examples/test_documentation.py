"""What the documentation shows is valid: commands, parameters, sweep files, links."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
import typer
import yaml

from ratefront.api.one_trial import checked_params
from ratefront.catalogue import CATALOGUE
from ratefront.cli import app
from ratefront.spec.known_facts import known_facts
from ratefront.spec.load_spec import load_spec
from ratefront.spec.settings.end_settings import EndWhen, WithinBound
from ratefront.spec.space.parse_space import parse_space
from ratefront.spec.sweep_spec import Budget, Resources

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DIGITS = ROOT / "sweeps" / "digits.yaml"


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def _commands() -> list[str]:
    """Every ``ratefront …`` line of a shell block, continuation lines joined."""
    shell = "\n".join(block for page in PAGES for block in _blocks(page, "sh")).replace("\\\n", " ")
    return [line for line in shell.splitlines() if re.match(r"(\.venv/bin/)?ratefront ", line)]


@pytest.mark.parametrize("line", _commands())
def test_every_command_shown_parses(line: str) -> None:
    _, name, *arguments = shlex.split(line, comments=True)
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    command = group.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= known


def test_the_documentation_shows_commands() -> None:
    assert len(_commands()) >= 6


def _shown_parameters() -> list[str]:
    in_commands = [
        shlex.split(line)[shlex.split(line).index("--params") + 1]
        for line in _commands()
        if "--params" in line
    ]
    return [*in_commands, *(block for page in PAGES for block in _blocks(page, "json"))]


@pytest.mark.parametrize("params", _shown_parameters())
def test_the_parameters_shown_are_valid(params: str) -> None:
    assert checked_params(load_spec(DIGITS), json.loads(params), 0).family in CATALOGUE.families


def test_the_space_shown_is_valid() -> None:
    (shown,) = [
        block for block in _blocks(ROOT / "docs" / "sweep-file.md", "yaml") if block.startswith("space:")
    ]
    space, problems = parse_space(
        yaml.safe_load(shown)["space"], CATALOGUE, known_facts(CATALOGUE, "small_cnn", "digits")
    )
    assert problems == []
    assert "family" in space


def test_the_sections_shown_of_a_sweep_file_are_valid() -> None:
    resources, budget, end = map(yaml.safe_load, _blocks(ROOT / "docs" / "running.md", "yaml"))
    assert Resources.model_validate(resources["resources"]).for_family("label") == (1, 0)
    assert Budget.model_validate(budget["budget"]) == Budget(hours=6, gpu_hours=40, grace_minutes=10)
    assert EndWhen.model_validate(end["end_when"]) == EndWhen(no_gain_for=50, within=WithinBound())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    missing = [t for t in targets if not t.startswith(("http:", "https:")) and not (page.parent / t).exists()]
    assert missing == []
