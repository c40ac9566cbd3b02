"""What goes wrong with a tracker, in words that say what to do, and whether waiting mends it.

The statuses of answers are documented; the texts of MLflow's exceptions, which causes are taken from, are not. Where a
later MLflow words them otherwise, they are told as they are. Tried with MLflow 3.17.
"""

from __future__ import annotations

import re

from ratefront.errors import InputError
from ratefront.safe_text import without_credentials

#: The HTTP answers to an unknown user, and to one who may not.
REFUSALS = (401, 403)
MOST_CHARACTERS = 500  # a proxy may answer with a whole page
_REQUEST = re.compile(r"API request to (\S+?)/api/\S+ failed with (?:timeout )?exception (.+)", re.DOTALL)
#: The cause, as deep as it is told.
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
    """True where trying again comes to the same until a person does something."""
    return isinstance(error, InputError) or _status(error) in REFUSALS or _UNTRUSTED in str(error)


def describe_error(error: Exception) -> str:
    """One line, without passwords."""
    words = without_credentials(_describe(error)).splitlines() or [type(error).__name__]
    return words[0][:MOST_CHARACTERS]


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


def _unanswered(address: str, trouble: str) -> str:
    found = filter(None, (cause.search(trouble) for cause in _CAUSES))
    return f"{address} does not answer: {next((cause[1] for cause in found), trouble)}"


def _status(error: Exception) -> int | None:
    """The status of the HTTP answer that MLflow, or below it requests, makes an exception of."""
    ask = getattr(error, "get_http_status_code", None)
    if ask is not None:
        return int(ask())
    return getattr(getattr(error, "response", None), "status_code", None)


def _body(error: Exception) -> str:
    """What the server sent with its answer, as far as MLflow tells."""
    body = _BODY.search(str(error))
    return " ".join((body[1] if body else str(error)).split())
