"""Lets a test that runs as root meet permissions as any user does: root may read every file otherwise."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_VERSION = 0x20080522  # of linux/capability.h: three masks twice, effective, permitted and inheritable
_READS_EVERYTHING = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_Masks = ctypes.c_uint32 * 6
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def permissions_apply() -> Iterator[None]:
    """In this thread, within the block, a file of mode 0 may not be read, even by root."""
    usual, less = _Masks(), _Masks()
    _call(_libc.capget, usual)
    less[:] = usual[:]
    less[0] &= ~_READS_EVERYTHING
    _call(_libc.capset, less)
    try:
        yield
    finally:
        _call(_libc.capset, usual)


def _call(function: Callable[..., int], masks: ctypes.Array[ctypes.c_uint32]) -> None:
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    if function(header, masks) != 0:
        raise OSError(ctypes.get_errno(), "capabilities")
