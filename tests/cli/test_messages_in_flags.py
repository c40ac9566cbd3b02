"""Only the command line names flags. Each argument and function in a message has a flag or a command."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import ratefront
from ratefront.cli import app
from ratefront.cli.app import errors_as_exit_codes
from ratefront.cli.messages_in_flags import COMMANDS, FLAGS, with_flags
from ratefront.wording import Argument, Call, Message

SOURCE = Path(ratefront.__file__).parent

#: They start other programs, whose flags these are.
STARTS = {
    "tracking/browsing/mlflow_ui.py": "mlflow server",
    "orchestrate/environment/git_tree.py": "git",
    "orchestrate/doctor/node_state.py": "nvidia-smi",
    "orchestrate/environment/describe_environment.py": "git",
}
FLAG = re.compile(r"(?<![\w-])--[a-z]")


def trees() -> Iterator[tuple[str, ast.Module]]:
    """The modules outside of ``cli/``."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith("cli/"):
            yield name, ast.parse(path.read_text())


def texts_with_flags(tree: ast.Module) -> list[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [text for text in constants if isinstance(text, str) and FLAG.search(text)]


def named(what: str) -> set[str]:
    """The first argument of every ``Argument(…)``, or ``Call(…)``, in the library."""
    calls = (node for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call))
    first = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == what]
    assert all(isinstance(name, ast.Constant) for name in first), "a name that nobody can look up"
    return {str(name.value) for name in first if isinstance(name, ast.Constant)}


def test_only_the_command_line_names_flags() -> None:
    found = {name: texts for name, tree in trees() if (texts := texts_with_flags(tree))}
    assert found.keys() == STARTS.keys(), found


@pytest.mark.parametrize(
    "text", ["'go on with --resume'", "'``--json``'", "f'{x}(--as logits)'", "f'--port {x}'"]
)
def test_a_flag_is_seen(text: str) -> None:
    assert texts_with_flags(ast.parse(text))


def test_each_argument_in_a_message_has_a_flag_or_a_command() -> None:
    assert named("Argument") == FLAGS.keys()
    assert named("Call") == COMMANDS.keys()


def test_flags_and_commands_exist() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {flag for command in commands.values() for option in command.params for flag in option.opts}
    assert set(FLAGS.values()) <= options
    assert {words[0] for words in COMMANDS.values()} <= commands.keys()
    for name, *operands in COMMANDS.values():
        assert set(operands) <= {option.metavar for option in commands[name].params}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Message("go on with ", Argument("resume", True)), "go on with --resume"),
        (Message("another with ", Argument("port")), "another with --port"),
        (Message("give ", Argument("extend", 3)), "give --extend 3"),
        (Message(Argument("overrides", {"dataset.path": ...})), "--set dataset.path=…"),
        (Message(Argument("overrides", {"trials": 3, "name": "a b"})), "--set trials=3 --set name='a b'"),
        (Message("`", Call("sweep.track"), "`"), "`ratefront track DIR`"),
        (
            Message(Call("rf.run", Argument("folder", "a b"), Argument("resume", True))),
            "ratefront sweep --out 'a b' --resume",
        ),
        (ValueError("plain"), "plain"),
    ],
)
def test_messages_are_worded_with_flags(message: object, text: str) -> None:
    assert with_flags(message) == text


def test_an_error_is_worded_with_flags(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").touch()
    done = CliRunner().invoke(app, ["sweep", "--out", str(tmp_path), "--resume"])
    assert done.exit_code == 2
    assert done.stderr.endswith("the sweep has not begun; give its file, as at first, and --resume\n")


def test_a_warning_is_worded_with_flags_while_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.LogRecord(
        "ratefront.x", logging.WARNING, "x.py", 1, Message("with ", Argument("port")), (), None
    )

    @errors_as_exit_codes
    def command() -> None:
        assert logging.lastResort is not None
        logging.lastResort.handle(record)

    command()
    assert capsys.readouterr().err == "with --port\n"
    assert logging.lastResort is not None
    assert not logging.lastResort.filters
