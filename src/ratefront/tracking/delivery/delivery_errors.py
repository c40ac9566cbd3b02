"""Describes the errors of a tracker in words that say what to do, and decides whether to try again.

The HTTP statuses are documented. The texts of MLflow's exceptions, which contain the causes, are not. If a later MLflow
words them differently, they are shown as they are. Tried with MLflow 3.17.
"""

from __future__ import annotations

import re

from ratefront.errors import InputError
from ratefront.safe_text import without_credentials

#: The HTTP statuses for an unknown user, and for a user without permission.
REFUSALS = (401, 403)
MOST_CHARACTERS = 500  # a proxy may answer with a whole page
_REQUEST = re.compile(r"API request to (\S+?)/api/\S+ failed with (?:timeout )?exception (.+)", re.DOTALL)
#: Patterns of the innermost cause.
_CAUSES = tuple(
    re.compile(cause)
    for cause in (
        r"\[Errno -?\d+\] ([^'\")]+)",
        r"\[SSL: \w+\] ([^'(]+[^'( ])",
        r"(timed out)",
        r"'([^']+)'\)+$",
    )
)
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_BODY = re.compile(r"Response body: '(.*?)'?$", re.DOTALL)


def is_refusal(error: Exception) -> bool:
    """Return whether a new try would fail until a person changes something."""
    return isinstance(error, InputError) or _status(error) in REFUSALS or _UNTRUSTED in str(error)


def describe_error(error: Exception) -> str:
    """Describe the error in one line, without passwords."""
    lines = without_credentials(_describe(error)).splitlines() or [type(error).__name__]
    return lines[0][:MOST_CHARACTERS]


def _describe(error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    match _status(error):
        case 401:
            return (
                "the tracking server does not know this user and password (401): set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            )
        case 403:
            return f"the tracking server forbids it (403): {_body(error)}"
    request = _REQUEST.search(str(error))
    return _unanswered(*request.groups()) if request else f"{type(error).__name__}: {error}"


def _unanswered(address: str, cause_text: str) -> str:
    matches = filter(None, (cause.search(cause_text) for cause in _CAUSES))
    return f"{address} does not answer: {next((cause[1] for cause in matches), cause_text)}"


def _status(error: Exception) -> int | None:
    """Return the HTTP status in an exception of MLflow's, or of requests below it."""
    get_status = getattr(error, "get_http_status_code", None)
    if get_status is not None:
        return int(get_status())
    return getattr(getattr(error, "response", None), "status_code", None)


def _body(error: Exception) -> str:
    """Return the body of the server's answer, if MLflow's text has it."""
    body = _BODY.search(str(error))
    return " ".join((body[1] if body else str(error)).split())
