"""The tests' own PostgreSQL and MLflow: benchmarks run as scripts, which do not see the package that holds these."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from tests.tracking.mlflow_servers import MlflowServer, Postgres

logging.getLogger("pgserver").setLevel(logging.CRITICAL)  # it complains of a server that was ended before it

__all__ = ["MlflowServer", "Postgres"]
