"""The settings of a sweep file that may change when a sweep is resumed: those that decide no result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.file_locations import file_location_parameters
from ratefront.errors import SweepMismatchError
from ratefront.spec.load_spec import to_plain
from ratefront.spec.spec_difference import spec_difference
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.wording import Argument, Message

#: How trials are run, tried again, kept, shown and drawn. Every other key decides what is tried or measured.
CHANGEABLE = frozenset(
    {"resources", "retries", "trial_hours", "budget", "end_when", "keep", "bounds", "reference", "tracking"}
)


@dataclass(frozen=True)
class Change:
    """What changes in a sweep file when its sweep is resumed.

    ``settings`` holds the keys with new values, ``lines`` describes them to people. ``moves_files`` is True where files
    have a new location: then their content must be compared.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    moves_files: bool = False


def settings_change(old: Mapping[str, Any], spec: SweepSpec) -> Change:
    """Return the change from the spec in a sweep's ledger to ``spec``.

    Args:
        old: The spec in the ledger, as plain data; empty before the sweep begins.
        spec: The spec to resume with.

    Raises:
        SweepMismatchError: The specs differ in more than may change; the message shows the difference.
    """
    if not old:
        return Change()
    before, after = _complete(dict(old)), to_plain(spec)
    if difference := spec_difference(settings_that_decide(before), settings_that_decide(after)):
        lines = "\n".join(f"  {line}" for line in difference)
        raise SweepMismatchError(
            Message(
                f"the sweep began with other settings (ledger → now):\n{lines}",
                *_hint(before, spec, difference),
            )
        )
    settings = {
        key: after.get(key)
        for key in dict.fromkeys((*after, *before))
        if spec_difference({key: before.get(key)}, {key: after.get(key)})
    }
    return Change(settings, tuple(spec_difference(before, after)), not settings.keys() <= CHANGEABLE)


def settings_that_decide(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that decide a sweep's results: all but the changeable ones and the locations of files."""
    deciding = {key: value for key, value in plain.items() if key not in CHANGEABLE}
    for key, registry in (("dataset", CATALOGUE.datasets), ("task_model", CATALOGUE.task_models)):
        described = deciding.get(key)
        if isinstance(described, Mapping) and described.get("name") in registry:
            locations = file_location_parameters(registry[described["name"]].parameters)
            deciding[key] = {name: value for name, value in described.items() if name not in locations}
    return deciding


def _complete(old: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of settings that newer versions introduced: an older sweep ran with them."""
    try:
        return to_plain(SweepSpec.model_validate(old))
    except ValidationError:
        return old


def _hint(old: Mapping[str, Any], spec: SweepSpec, difference: list[str]) -> tuple[object, ...]:
    more_trials = spec.trials - int(old.get("trials", spec.trials))
    if len(difference) > 1 or more_trials <= 0:
        return ()
    return "\nto add trials to a sweep, leave its file as it is and give ", Argument("extend", more_trials)
