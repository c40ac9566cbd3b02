"""An error as the engine needs it: one name for each kind of failure, whatever library raised the error."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from ratefront.errors import RatefrontError, StorageFullError

#: One name for every full memory: the host's, a GPU's, or that of a node as Ray watches it.
OUT_OF_MEMORY = "OutOfMemoryError"

#: What torch says in a plain RuntimeError when memory is full; the last is oneDNN's, which says no more than that.
_FULL_MEMORY = re.compile(
    r"can't allocate memory|out of memory|_ALLOC_FAILED|could not create a primitive(?! desc)", re.IGNORECASE
)

#: What libraries say that write files without Python, when the disk is full.
_FULL_STORAGE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True)
class ErrorSummary:
    """An error: its name, its text, and whether another attempt may succeed."""

    error: str
    reason: str
    retryable: bool


def summarise_error(error: BaseException) -> ErrorSummary:
    """Summarise the error of a trial; a full memory and a full disk have one name each."""
    retryable = isinstance(error, RatefrontError) and error.retryable
    reason = str(error).strip() or type(error).__name__
    if is_full_memory(error):
        return ErrorSummary(OUT_OF_MEMORY, reason, True)
    if _is_full_storage(error):
        return ErrorSummary(StorageFullError.__name__, reason, True)
    return ErrorSummary(type(error).__name__, reason, retryable)


def is_full_memory(error: BaseException) -> bool:
    """Whether memory was full, also where a reader of files took that for a fault of the file."""
    if isinstance(error, MemoryError) or any(cls.__name__ == OUT_OF_MEMORY for cls in type(error).__mro__):
        return True
    if isinstance(error, RuntimeError) and _FULL_MEMORY.search(str(error)):
        return True
    return error.__cause__ is not None and is_full_memory(error.__cause__)


def _is_full_storage(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return not isinstance(error, RatefrontError) and bool(_FULL_STORAGE.search(str(error)))
