"""The tests' own PostgreSQL and MLflow: benchmarks run as scripts, which do not see the package that holds these."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from tests.tracking.servers import MlflowServer, Postgres

__all__ = ["MlflowServer", "Postgres"]
