"""Rate–accuracy Pareto fronts of task-oriented codecs, found by a distributed sweep and drawn against the bounds."""

from __future__ import annotations

__version__ = "0.1.0"
