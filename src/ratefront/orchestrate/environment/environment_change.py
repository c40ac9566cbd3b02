"""What is otherwise here and now than where a sweep ran: why a trial may come out with other bits."""

from __future__ import annotations

from ratefront.orchestrate.environment.describe_environment import describe_environment
from ratefront.orchestrate.environment.environment_difference import all_changes
from ratefront.store.environment_files import environment_descriptions, read_environment
from ratefront.store.sweep_folder import SweepFolder


def environment_changes(folder: SweepFolder) -> list[str]:
    """A line (``environment.json: torch 2.15.0 → 2.16.0``) for each difference to each start of the sweep.

    Raises:
        InputError: A file that should describe an environment does not.
    """
    now = describe_environment()
    files = environment_descriptions(folder)
    return [f"{path.name}: {line}" for path in files for line in all_changes(read_environment(path), now)]
