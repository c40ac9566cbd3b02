"""Problems recorded from real sweeps: what each trial measured, reported, and how long it took.

As a file: a gzipped JSON object ``{"format": 1, "sweep": …, "spec": {…}, "reference": {…}, "trials": [{"values": {…},
"seconds": […], "metrics": [{…}, …], "closing_s": …, "result": {…}, "error": "", "reason": ""}, …]}``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ratefront.engine.measurement_check import invalid_result
from ratefront.errors import InputError, UnknownCostError
from ratefront.records import OBJECTIVES, Scalar, TrialParams, TrialResult, metric_names, objectives_of
from ratefront.simulate.simulated_problem import Course, Step
from ratefront.simulate.space_coordinates import on_unit, searched
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.space.dimensions import Choice
from ratefront.store.files.atomic_files import write_bytes

FORMAT = 1
SUFFIX = ".json.gz"

#: Tables that come with the package, by name.
SHIPPED: Mapping[str, Path] = {
    path.name.removesuffix(SUFFIX): path
    for path in sorted(Path(__file__).with_name("tables").glob(f"*{SUFFIX}"))
}


@dataclass(frozen=True)
class Row:
    """A recorded trial."""

    values: Mapping[str, Scalar]
    course: Course


class Table:
    """Answers a trial with the nearest recorded one.

    ``spec`` is the recorded sweep's, as its ledger has it; ``reference`` the corner of its hypervolume, the worst
    recorded value where it lacks an objective; it has none for a metric that no trial could tell.

    Raises:
        InputError: No trial came to an end that could be recorded.
    """

    def __init__(
        self, sweep: str, spec: Mapping[str, Any], rows: Iterable[Row], reference: Mapping[str, float]
    ) -> None:
        self.sweep, self.spec, self.rows = sweep, dict(spec), tuple(rows)
        if not any(row.course.result for row in self.rows):
            raise InputError(f"{sweep} has no finished trial to simulate with")
        self.reference = self._reference(reference)

    @cached_property
    def loaded(self) -> LoadedSpec:
        """The recorded sweep's spec, checked.

        Raises:
            SpecError: This version of ratefront cannot run it any more.
        """
        return spec_from_plain(self.spec, source=f"the recorded sweep {self.sweep}")

    def course(self, params: TrialParams) -> Course:
        """The course of the nearest recorded trial, under this trial's name.

        Nearest: of the same family, then with the fewest choices that differ, then with the least distance between the
        other values (each on its unit interval); a value that only one of the two has counts as far as can be.

        Raises:
            InputError: No trial of this family was recorded.
        """
        rows = self._places.get(params.family)
        if rows is None:
            known = ", ".join(sorted(self._places))
            raise InputError(f"no trial of family {params.family!r} was recorded; there are {known}")
        place = self._place(params.values)
        course = min(rows, key=lambda row: _distance(place, row[0]))[1].course
        if course.result is None:
            return course
        return replace(course, result={**course.result, "trial_id": params.trial_id})

    @cached_property
    def _places(self) -> dict[str, list[tuple[_Place, Row]]]:
        found: dict[str, list[tuple[_Place, Row]]] = {}
        for row in self.rows:
            found.setdefault(str(row.values["family"]), []).append((self._place(row.values), row))
        return found

    def _place(self, values: Mapping[str, Scalar]) -> _Place:
        place = _Place()
        for path, leaf, value in searched(self.loaded.space, values):
            if isinstance(leaf, Choice):
                place.choices.add((path, value))
            else:
                place.real[path] = on_unit(leaf, float(value))
        return place

    def _reference(self, given: Mapping[str, float]) -> dict[str, float]:
        """Of all that the recorded sweep could have optimised."""
        metrics = self.spec.get("metrics") or ()
        known = objectives_of({"metrics": metrics, "objectives": (*OBJECTIVES, *metric_names(self.spec))})
        results = [TrialResult.from_json(row.course.result) for row in self.rows if row.course.result]
        found: dict[str, float] = {}
        for name, direction in known.items():
            values = [value for result in results if (value := _known(result, name)) is not None]
            if values or name in OBJECTIVES:
                worst = max(values, default=0.0) if direction == "minimise" else min(values)
                found[name] = given.get(name, worst)
        return found

    def save(self, path: Path) -> None:
        """
        Raises:
            InputError: The name does not end in .json.gz, or the file cannot be written.
        """
        if not path.name.endswith(SUFFIX):
            raise InputError(f"{path}: a table's name ends in {SUFFIX}")
        document = {
            "format": FORMAT,
            "sweep": self.sweep,
            "spec": self.spec,
            "reference": self.reference,
            "trials": [_plain(row) for row in self.rows],
        }
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
        try:
            write_bytes(path, gzip.compress(text.encode(), mtime=0))
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: Path) -> Table:
        """
        Raises:
            InputError: The file cannot be read or is no table; says what is wrong.
        """
        try:
            document = json.loads(gzip.decompress(path.read_bytes()))
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']}, expected {FORMAT}")
            rows = [_row(plain) for plain in document["trials"]]
            return cls(str(document["sweep"]), document["spec"], rows, document["reference"])
        except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{path} is no table of a recorded sweep: {type(error).__name__}: {error}"
            ) from error


def _known(result: TrialResult, objective: str) -> float | None:
    try:
        return result.objective(objective)
    except UnknownCostError:
        return None


@dataclass
class _Place:
    choices: set[tuple[str, Scalar]] = field(default_factory=set)
    real: dict[str, float] = field(default_factory=dict)


def _distance(mine: _Place, its: _Place) -> tuple[int, float]:
    shared = mine.real.keys() & its.real.keys()
    far = len(mine.real.keys() ^ its.real.keys())
    return len(mine.choices ^ its.choices), far + sum(
        (mine.real[path] - its.real[path]) ** 2 for path in shared
    )


def _plain(row: Row) -> dict[str, Any]:
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


def _row(plain: Mapping[str, Any]) -> Row:
    pairs = zip(plain["seconds"], plain["metrics"], strict=True)
    steps = tuple(Step(float(seconds), dict(metrics)) for seconds, metrics in pairs)
    result = plain["result"]
    if result is not None:
        params = TrialParams(result["trial_id"], 0, plain["values"])
        fault = invalid_result(params, result, objectives=())
        if fault:
            raise ValueError(fault.reason)
    return Row(
        dict(plain["values"]),
        Course(steps, float(plain["closing_s"]), result, str(plain["error"]), str(plain["reason"])),
    )
