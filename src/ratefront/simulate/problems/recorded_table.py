"""A problem recorded from a real sweep: what each trial measured and reported, and how long it took.

The file is a gzipped JSON object ``{"format": 1, "sweep": …, "spec": {…}, "reference": {…}, "bounds": {…}, "trials":
[{"values": {…}, "seconds": […], "metrics": [{…}, …], "closing_s": …, "result": {…}, "error": "", "reason": ""}, …]}``;
``bounds`` may be missing. A stranger may have made the file: it is unpacked up to a limit, and every value is checked.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from ratefront.bounded_files import decompress_gzip, parse_json, read_regular_file
from ratefront.engine.measurement_check import invalid_result
from ratefront.errors import InputError, UnknownCostError
from ratefront.history.events import BoundPoints, BoundsReady
from ratefront.history.recorded_spec import check_recorded_spec
from ratefront.record_fields import record_check
from ratefront.simulate.problems.simulated_problem import KnownResults, Step, TrialCourse
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec_without_data
from ratefront.spec.space.dimensions import Choice, Space
from ratefront.spec.space.space_coordinates import lies_in, searched_values, unit_position
from ratefront.store.files.output_file import write_output
from ratefront.trial_records import (
    OBJECTIVES,
    Scalar,
    TrialParams,
    TrialResult,
    is_trial_id,
    metric_names,
    objectives_of,
)

FORMAT = 1
SUFFIX = ".json.gz"
#: The largest table, unpacked: about 40 000 trials of 20 reports.
LARGEST_BYTES = 64 << 20

#: How long a step may take, in seconds.
_Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]

#: Tables that come with the package, by name.
SHIPPED: Mapping[str, Path] = {
    path.name.removesuffix(SUFFIX): path
    for path in sorted(Path(__file__).with_name("tables").glob(f"*{SUFFIX}"))
}


@dataclass(frozen=True)
class RecordedTrial:
    """A recorded trial: its configuration and what it did."""

    values: Mapping[str, Scalar]
    course: TrialCourse


class RecordedTable:
    """Answers a trial with the nearest recorded one.

    Attributes:
        sweep: The recorded sweep's name.
        spec: Its settings, as its ledger has them.
        rows: Its trials.
        reference: The corner of its hypervolume.
        bounds: The bounds that its ledger holds, by the curve's name.
    """

    def __init__(
        self,
        sweep: str,
        spec: Mapping[str, Any],
        rows: Iterable[RecordedTrial],
        reference: Mapping[str, float],
        bounds: Mapping[str, BoundPoints] | None = None,
    ) -> None:
        """Make a table of recorded trials.

        Where ``reference`` lacks an objective, the worst recorded value is taken. A metric that no trial could measure
        has no reference.

        Raises:
            InputError: No trial came to an end that could be recorded.
            ValueError: A bound rises.
        """
        self.sweep, self.spec, self.rows = sweep, dict(spec), tuple(rows)
        if not any(row.course.result for row in self.rows):
            raise InputError(f"{sweep} has no finished trial to simulate with")
        self.reference = self._reference(reference)
        self.bounds = BoundsReady("validation", 0, bounds or {}).curves

    @cached_property
    def loaded(self) -> LoadedSpec:
        """The recorded sweep's spec, checked.

        Raises:
            SpecError: This version of ratefront cannot run it any more.
        """
        return load_spec_without_data(self.spec, name=f"the recorded sweep {self.sweep}")

    def course(self, params: TrialParams) -> TrialCourse:
        """Return the course of the nearest recorded trial, under this trial's name.

        The nearest trial is of the same family, then has the fewest choices that differ, then the least distance
        between the other values, each on its unit interval. A value that only one of the two trials has counts as the
        whole interval.

        Raises:
            InputError: No trial of this family was recorded.
        """
        rows = self._by_family.get(params.family)
        if rows is None:
            known = ", ".join(sorted(self._by_family))
            raise InputError(f"no trial of family {params.family!r} was recorded; there are {known}")
        position = self._position(params.values)
        course = min(rows, key=lambda row: _distance(position, row[0]))[1].course
        if course.result is None:
            return course
        return replace(course, result={**course.result, "trial_id": params.trial_id})

    def known_results(self, space: Space) -> KnownResults:
        """Return the results of the recorded configurations that lie in a space.

        Of trials with the same configuration it is the first, which ``course`` answers with.
        """
        rows: dict[frozenset[tuple[str, Scalar]], RecordedTrial] = {}
        for row in self.rows:
            if lies_in(space, row.values):
                rows.setdefault(frozenset(row.values.items()), row)
        results = (row.course.result for row in rows.values())
        return KnownResults([None if result is None else TrialResult.from_json(result) for result in results])

    @cached_property
    def _by_family(self) -> dict[str, list[tuple[_Position, RecordedTrial]]]:
        by_family: dict[str, list[tuple[_Position, RecordedTrial]]] = {}
        for row in self.rows:
            by_family.setdefault(str(row.values["family"]), []).append((self._position(row.values), row))
        return by_family

    def _position(self, values: Mapping[str, Scalar]) -> _Position:
        position = _Position()
        for path, leaf, value in searched_values(self.loaded.space, values):
            if isinstance(leaf, Choice):
                position.choices.add((path, value))
            else:
                position.numbers[path] = unit_position(leaf, float(value))
        return position

    def _reference(self, reference: Mapping[str, float]) -> dict[str, float]:
        """Return the reference of each objective that the recorded sweep could have optimised."""
        metrics = self.spec.get("metrics") or ()
        known = objectives_of({"metrics": metrics, "objectives": (*OBJECTIVES, *metric_names(self.spec))})
        results = [TrialResult.from_json(row.course.result) for row in self.rows if row.course.result]
        complete: dict[str, float] = {}
        for name, direction in known.items():
            values = [value for result in results if (value := _known(result, name)) is not None]
            if values or name in OBJECTIVES:
                worst = max(values, default=0.0) if direction == "minimise" else min(values)
                complete[name] = reference.get(name, worst)
        return complete

    def save(self, path: Path, reads: Iterable[Path] = ()) -> None:
        """Write the table as a file; ``reads`` are those that it is made of, which it must not replace.

        The file is for other machines too: it names the data set's files without their folders, and no tracking server.

        Raises:
            InputError: The name does not end in .json.gz, the table is too large, or the file cannot be written.
        """
        if not path.name.endswith(SUFFIX):
            raise InputError(f"{path}: a table's name ends in {SUFFIX}")
        document = {
            "format": FORMAT,
            "sweep": self.sweep,
            "spec": _portable(self.spec),
            "reference": self.reference,
            "bounds": self.bounds,
            "trials": [_plain(row) for row in self.rows],
        }
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        if len(text) > LARGEST_BYTES:
            raise InputError(
                f"{self.sweep} has too many trials for a table, which holds {LARGEST_BYTES} bytes"
            )
        write_output(path, gzip.compress(text, mtime=0), reads)

    @classmethod
    def load(cls, path: Path) -> RecordedTable:
        """Read a table from its file.

        Raises:
            InputError: The file cannot be read or is no table; says what is wrong.
        """
        try:
            content = read_regular_file(path, LARGEST_BYTES)
            document = parse_json(decompress_gzip(content, LARGEST_BYTES))
            record_check(_Document)(document)
            check_recorded_spec(document["spec"])
            rows = [_row(plain) for plain in document["trials"]]
            return cls(
                document["sweep"], document["spec"], rows, document["reference"], document.get("bounds")
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} is no table of a recorded sweep: {type(error).__name__}: {error}"
            ) from error


@dataclass(frozen=True)
class _Row:
    values: Mapping[str, Scalar]
    seconds: Sequence[_Seconds]
    metrics: Sequence[Mapping[str, float]]
    closing_s: _Seconds
    result: Mapping[str, object] | None
    error: str
    reason: str


@dataclass(frozen=True)
class _Document:
    format: Literal[1]
    sweep: str
    spec: Mapping[str, Any]
    reference: Mapping[str, float]
    trials: Sequence[_Row]
    bounds: Mapping[str, BoundPoints] = field(default_factory=dict)


def _known(result: TrialResult, objective: str) -> float | None:
    try:
        return result.objective(objective)
    except UnknownCostError:
        return None


@dataclass
class _Position:
    choices: set[tuple[str, Scalar]] = field(default_factory=set)
    numbers: dict[str, float] = field(default_factory=dict)


def _distance(first: _Position, second: _Position) -> tuple[int, float]:
    shared = first.numbers.keys() & second.numbers.keys()
    far = len(first.numbers.keys() ^ second.numbers.keys())
    return len(first.choices ^ second.choices), far + sum(
        (first.numbers[path] - second.numbers[path]) ** 2 for path in shared
    )


def _portable(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded settings without what is only true, or private, where they were recorded."""
    changed = {name: _without_folders(spec[name]) for name in ("dataset", "task_model") if name in spec}
    if "tracking" in spec:
        changed["tracking"] = {**spec["tracking"], "uri": None}
    return {**spec, **changed}


def _without_folders(plain: Any) -> Any:
    """Return plain data in which each absolute path is a file's name."""
    match plain:
        case str() if Path(plain).is_absolute():
            return Path(plain).name
        case Mapping():
            return {key: _without_folders(value) for key, value in plain.items()}
        case list() | tuple():
            return [_without_folders(value) for value in plain]
        case _:
            return plain


def _plain(row: RecordedTrial) -> dict[str, Any]:
    course = row.course
    return {
        "values": dict(row.values),
        "seconds": [step.seconds for step in course.steps],
        "metrics": [dict(step.metrics) for step in course.steps],
        "closing_s": course.closing_s,
        "result": course.result,
        "error": course.error,
        "reason": course.reason,
    }


def _row(plain: Mapping[str, Any]) -> RecordedTrial:
    pairs = zip(plain["seconds"], plain["metrics"], strict=True)
    steps = tuple(Step(float(seconds), dict(metrics)) for seconds, metrics in pairs)
    result = plain["result"]
    if result is not None:
        trial_id = result.get("trial_id")
        if not is_trial_id(trial_id):
            raise ValueError(f"a trial is named as t0000 is, got {trial_id!r}")
        invalid = invalid_result(TrialParams(trial_id, 0, plain["values"]), result, objectives=())
        if invalid:
            raise ValueError(invalid.reason)
    return RecordedTrial(
        dict(plain["values"]),
        TrialCourse(steps, float(plain["closing_s"]), result, plain["error"], plain["reason"]),
    )
