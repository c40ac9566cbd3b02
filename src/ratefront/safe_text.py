"""Makes text safe to show: without passwords, markup, or characters that command a terminal; checks addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_USER_INFO = re.compile(r"//[^/@\s]*@")
_SECRET_IN_QUERY = re.compile(r"([?&](?:password|passwd|sslpassword|token)=)[^&\s'\"]+", re.IGNORECASE)
#: Characters that command a terminal (C0, DEL, C1), change the order in which others are shown or where lines end, or
#: stand for no character (lone surrogates).
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|])")


def has_credentials(uri: str) -> bool:
    """Tell whether an address holds a user's name or password, before the host or in its query."""
    return _USER_INFO.search(uri) is not None or _SECRET_IN_QUERY.search(uri) is not None


def address_problem(uri: str) -> str | None:
    """Return why a text cannot be an address (URL) at all; None if it can. It is not quoted: it may hold a password."""
    if not uri.isprintable():
        return "holds a control character"
    try:
        parts = urlsplit(uri)
        host, _ = parts.netloc, parts.port
    except ValueError:
        return "is no address: no host and port can be read from it"
    if "\\" in host or " " in host:  # some programs read A as the host of http://A\@B, others read B
        return "holds a space or a backslash before its path"
    if parts.scheme == "sqlite" and not host and not parts.path.strip("/"):
        return "names no file"
    return None


def without_credentials(text: str) -> str:
    """Replace user names and passwords in all addresses of a text by ``***``."""
    return _SECRET_IN_QUERY.sub(r"\1***", _USER_INFO.sub("//***@", text))


def plain_markdown(text: str) -> str:
    """Escape a text, so that Markdown shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


def visible(text: str, keep: str = "\n\t") -> str:
    """Show the control characters of a text escaped, as in Python's source; those in ``keep`` stay."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def visible_line(text: str) -> str:
    """Show all control characters of a text escaped, so that it is one line."""
    return visible(text, keep="")


def visible_json(text: str) -> str:
    """Escape the control characters of a JSON text that JSON itself allows in strings; its meaning stays."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in "\n\r\t" else f"\\u{ord(found[0]):04x}", text)


def _escape(character: str) -> str:
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
