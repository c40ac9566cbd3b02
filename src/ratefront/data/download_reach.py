"""Finds out whether a file could be downloaded, without downloading it."""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

#: A host that answers does so within a second or two.
REACH_WITHIN_S = 5.0

_GONE = (404, 410)


def why_not_reached(url: str) -> str:
    """Return why nothing could be downloaded from an http(s) address; empty if its host offers the file.

    Proxies count, as for the download itself. Only the head of the answer is read.
    """
    try:
        urlopen(url, timeout=REACH_WITHIN_S).close()  # noqa: S310  (torchvision's own addresses)
    except HTTPError as error:
        with error:
            return f"HTTP status {error.code}" if error.code in _GONE or error.code >= 500 else ""
    except (OSError, HTTPException, ValueError) as error:
        return str(getattr(error, "reason", "") or error)
    return ""
