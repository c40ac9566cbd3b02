"""Whether a sweep would run on this machine or on a cluster, and what to do where it would not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.argument_checks import checked_folder, checked_path
from ratefront.errors import InputError
from ratefront.readiness import CheckLine, Readiness
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import to_plain

if TYPE_CHECKING:
    from ratefront.orchestrate.doctor.examination import Question


def doctor(
    spec: Path | str | Mapping[str, Any] | LoadedSpec | None = None,
    folder: Path | str | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    tracking_uri: str | None = None,
    address: str | None = None,
    autoscaling: bool = False,
    on_line: Callable[[CheckLine], None] | None = None,
) -> Readiness:
    """Look whether a sweep would run: software, cores, GPUs, storage, tracking, data and ports of each node.

    It takes a minute at most, and changes nothing. Without a cluster this machine is looked at, without starting Ray.

    Args:
        spec: As ``load_spec`` takes it. None: what no sweep file needs is looked at.
        folder: The folder that the sweep will use. None: where ``rf.run`` would make one.
        overrides: As ``load_spec`` takes them.
        tracking_uri: As ``rf.run`` takes it.
        address: As ``rf.run`` takes it.
        autoscaling: As ``rf.run`` takes it.
        on_line: Called with each line as soon as it is known.

    Returns:
        What was found: ``found.lines``, each with ``level`` (``ok``, ``warning``, ``error``), ``check``, ``nodes``,
        ``text`` and ``advice``. ``found.is_ready`` says whether no line is an error.

    Raises:
        InputError: An argument is not of its kind. What is wrong with the sweep file is a line.

    Example:
        >>> import ratefront as rf
        >>> found = rf.doctor("sweeps/digits.yaml", folder / "new")
        >>> [line.text for line in found.lines if line.check == "sweep file"]
        ['digits: 56 trials of label, split']
    """
    from ratefront.orchestrate.doctor.examine_apart import examine_apart

    return examine_apart(_question(spec, folder, overrides, tracking_uri, address, autoscaling), on_line)


def _question(
    spec: Path | str | Mapping[str, Any] | LoadedSpec | None,
    folder: Path | str | None,
    overrides: Mapping[str, Any] | None,
    tracking_uri: str | None,
    address: str | None,
    autoscaling: bool,
) -> Question:
    from ratefront.orchestrate.doctor.examination import Question

    if not isinstance(overrides, Mapping | None):
        raise InputError(f"overrides: pass a value for each dotted key, got {overrides!r}")
    if overrides and spec is None:
        raise InputError("overrides change a sweep file, and none is given")
    source: Any = to_plain(spec.spec) if isinstance(spec, LoadedSpec) else spec
    if not isinstance(source, Path | str | Mapping | None):
        raise InputError(f"spec: pass a sweep file's path, a mapping or a loaded spec, got {source!r}")
    return Question(
        source=checked_path(source, "spec") if isinstance(source, str | Path) else source,
        folder=Path("runs").absolute() if folder is None else checked_folder(folder),
        is_folder_given=folder is not None,
        overrides=dict(overrides or {}),
        tracking_uri=tracking_uri,
        address=address,
        is_autoscaling=autoscaling,
    )
