"""Text on its way to where people read it: no passwords in it, and no markup that nobody meant."""

from __future__ import annotations

import re

_USER_INFO = re.compile(r"//[^/@\s]*@")
_SECRET_IN_QUERY = re.compile(r"([?&](?:password|passwd|sslpassword|token)=)[^&\s'\"]+", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|])")


def has_credentials(uri: str) -> bool:
    """True where the address holds a user's name or password, before the host or in its query."""
    return _USER_INFO.search(uri) is not None or _SECRET_IN_QUERY.search(uri) is not None


def without_credentials(text: str) -> str:
    """The text with ``***`` in place of what stands before the host of every address in it, and of passwords in its
    query.
    """
    return _SECRET_IN_QUERY.sub(r"\1***", _USER_INFO.sub("//***@", text))


def plain_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", text)
