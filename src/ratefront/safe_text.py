"""Makes text safe to show: without passwords, and without accidental markup; checks addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_USER_INFO = re.compile(r"//[^/@\s]*@")
_SECRET_IN_QUERY = re.compile(r"([?&](?:password|passwd|sslpassword|token)=)[^&\s'\"]+", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|])")


def has_credentials(uri: str) -> bool:
    """Tell whether an address holds a user's name or password, before the host or in its query."""
    return _USER_INFO.search(uri) is not None or _SECRET_IN_QUERY.search(uri) is not None


def address_problem(uri: str) -> str | None:
    """Return why a text cannot be an address (URL) at all; None if it can. It is not quoted: it may hold a password."""
    if not uri.isprintable():
        return "holds a control character"
    try:
        _ = urlsplit(uri).port
    except ValueError:
        return "is no address: no host and port can be read from it"
    return None


def without_credentials(text: str) -> str:
    """Replace user names and passwords in all addresses of a text by ``***``."""
    return _SECRET_IN_QUERY.sub(r"\1***", _USER_INFO.sub("//***@", text))


def plain_markdown(text: str) -> str:
    """Escape a text, so that Markdown shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", text)
