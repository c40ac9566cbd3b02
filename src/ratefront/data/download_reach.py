"""Finds out whether a file could be downloaded, without downloading it."""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

#: A host that answers does so within a second or two.
REACH_WITHIN_S = 5.0

#: A host that says so offers the file, by another method or in a while.
_OFFERS = (405, 429)

#: As torchvision's downloads do; some hosts refuse urllib's own.
_USER_AGENT = {"User-Agent": "pytorch/vision"}


def why_not_reached(url: str) -> str:
    """Return why nothing could be downloaded from an http(s) address; empty if its host offers the file.

    Proxies count, as for the download itself. Only the head of the answer is read.
    """
    try:
        request = Request(url, headers=_USER_AGENT)  # noqa: S310  (torchvision's own addresses)
        urlopen(request, timeout=REACH_WITHIN_S).close()  # noqa: S310
    except HTTPError as error:
        with error:
            return "" if error.code in _OFFERS else f"HTTP status {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        return str(getattr(error, "reason", "") or error)
    return ""
