"""Messages that name arguments and functions: in the library's words, and in those of another interface."""

import pickle

import pytest

from ratefront.errors import InputError, SpecError
from ratefront.wording import Argument, Call, Message, Named

RESUME = Argument("resume", True)


def in_capitals(named: Named) -> str:
    return (named.name if isinstance(named, Argument) else named.function).upper()


@pytest.mark.parametrize(
    ("named", "text"),
    [
        (RESUME, "resume=True"),
        (Argument("port"), "port=…"),
        (Argument("read_as", "logits"), "read_as='logits'"),
        (
            Argument("overrides", {"dataset.path": ..., "trials": 8}),
            "overrides={'dataset.path': …, 'trials': 8}",
        ),
        (Call("sweep.track"), "sweep.track()"),
        (Call("rf.run", Argument("folder", "a b"), RESUME), "rf.run(folder='a b', resume=True)"),
    ],
)
def test_the_library_names_arguments_in_python(named: Named, text: str) -> None:
    assert str(named) == text
    assert Message("give ", named, ", please") == f"give {text}, please"


def test_another_interface_has_its_own_words() -> None:
    message = Message("go on with ", RESUME, ", or ", Call("rf.run"))
    assert message.worded(in_capitals) == "go on with RESUME, or RF.RUN"


def test_messages_made_of_messages_keep_what_they_name() -> None:
    inner = InputError(Message("choose ", Argument("port")))
    outer = SpecError("a.yaml", [Message("p: ", inner), "plain"])
    assert str(outer) == "a.yaml: 2 problem(s)\n  p: choose port=…\n  plain"
    assert Message("! ", outer).worded(in_capitals) == "! a.yaml: 2 problem(s)\n  p: choose PORT\n  plain"
    assert Message(pickle.loads(pickle.dumps(inner))).worded(in_capitals) == "choose PORT"


@pytest.mark.parametrize("error", [KeyError("x"), OSError(2, "gone", "f"), ValueError(), InputError("plain")])
def test_the_message_of_another_error_is_its_text(error: Exception) -> None:
    assert Message("why: ", error).worded(in_capitals) == f"why: {error}"
