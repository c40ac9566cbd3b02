"""Errors keep what they know on their way between processes: Ray and pools send them as pickles."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator

import pytest

from ratefront import errors
from ratefront.errors import RatefrontError, SpecError, UnknownCurveError, UnknownNameError, UnknownTrialError
from ratefront.simulate.run_simulation import InvariantBrokenError
from ratefront.wording import Argument, Message

MADE = {
    SpecError: lambda: SpecError("a.yaml", ["trials: must be ≥ 1", "name: is missing"]),
    UnknownCurveError: lambda: UnknownCurveError("tmrd", ["oracle"]),
    UnknownNameError: lambda: UnknownNameError("family", "x", ["label"]),
    UnknownTrialError: lambda: UnknownTrialError("t9", ["t0", "t1"]),
    InvariantBrokenError: lambda: InvariantBrokenError(3, 1.5, "what"),
}


def every() -> Iterator[RatefrontError]:
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RatefrontError)
    ]
    for kind in [*kinds, InvariantBrokenError]:
        yield MADE.get(kind, lambda kind=kind: kind(Message("go on with ", Argument("resume", True))))()


@pytest.mark.parametrize("error", list(every()), ids=lambda error: type(error).__name__)
def test_an_error_arrives_as_it_left(error: RatefrontError) -> None:
    for arrived in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(arrived) is type(error)
        assert str(arrived) == str(error)
        assert arrived.args == error.args
        assert vars(arrived) == vars(error)
        assert Message(arrived).parts == Message(error).parts
