"""Reads and writes YAML with the scalars of YAML 1.2: ``1e-3`` is a number, ``no`` is text, keys are unique.

What is read is bounded, since a kilobyte of aliases can stand for gigabytes: text, values and levels. Of all tags, only
those of plain data are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any, ClassVar

import yaml

from ratefront.bounded_files import MOST_LEVELS

#: PyYAML reads about 100 KB a second; the largest shipped sweep file has 2 KB.
MOST_YAML_BYTES = 256 * 2**10
#: Values and keys, each counted as often as aliases and merges repeat it; the largest shipped file has about 150.
MOST_VALUES = 10_000

_NUMBER_STARTS = list("-+.0123456789")

_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+", _NUMBER_STARTS),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        _NUMBER_STARTS,
    ),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "merge": (r"<<", ["<"]),
}
_PATTERNS = {name: re.compile(f"^(?:{pattern})$") for name, (pattern, _) in _SCALARS.items()}


def _tag(name: str) -> str:
    return f"tag:yaml.org,2002:{name}"


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses duplicate keys, unknown tags and texts that stand for too many values."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own declaration)
    yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level, self._nodes = 0, 0
        #: How many nodes each anchored node stands for; 0 while it is being read.
        self._size_of: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node as PyYAML does, and count what it stands for."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) and event.anchor in self._size_of:
            size = self._size_of[event.anchor]
            if not size:
                raise _refusal(f"the alias *{event.anchor} stands inside what it stands for", event)
            self._count(size, event)
            return super().compose_node(parent, index)
        if self._level >= MOST_LEVELS:
            raise _refusal(f"nested deeper than {MOST_LEVELS} levels", event)
        before = self._nodes
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._size_of[anchor] = 0
        self._count(1, event)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        if anchor is not None:
            self._size_of[anchor] = self._nodes - before
        return node

    def _count(self, nodes: int, event: yaml.Event) -> None:
        self._nodes += nodes
        if self._nodes > MOST_VALUES:
            raise _refusal(f"more than {MOST_VALUES} values (aliases count as what they stand for)", event)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(
                None, None, f"expected a mapping, but found a {node.id}", node.start_mark
            )
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _tag("merge"):
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} stands twice in one mapping", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)

    def matching_scalar(self, node: yaml.ScalarNode, kind: str) -> str:
        """Return the text of a scalar, which has the form of its tag also where the tag is written out."""
        text = str(self.construct_scalar(node))
        if not _PATTERNS[kind].match(text):
            raise yaml.constructor.ConstructorError(None, None, f"{text!r} is no {kind}", node.start_mark)
        return text

    def construct_truth(self, node: yaml.ScalarNode) -> bool:
        """Return whether the text is true in any case."""
        return self.matching_scalar(node, "bool").lower() == "true"

    def construct_null(self, node: yaml.ScalarNode) -> None:
        """Return None, if the text means it."""
        self.matching_scalar(node, "null")

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Return a float; YAML writes .inf and .nan where Python reads inf and nan."""
        text = self.matching_scalar(node, "float").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """PyYAML's own would read 010 as 8."""
        text = self.matching_scalar(node, "int")
        try:
            return int(text)
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(text)} digits", node.start_mark
            ) from None

    def refuse_tag(self, node: yaml.Node) -> None:
        """Refuse a tag that is not of plain data, such as a date."""
        raise yaml.constructor.ConstructorError(
            None, None, f"the tag {node.tag!r} is none of plain data", node.start_mark
        )


def _refusal(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)  # type: ignore[arg-type]


class _Dumper(yaml.SafeDumper):
    """A safe dumper that quotes exactly what ``_Loader`` would read as something else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own declaration)

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _class in (_Loader, _Dumper):
    for _name, (_, _starts) in _SCALARS.items():
        _class.add_implicit_resolver(_tag(_name), _PATTERNS[_name], _starts)

for _name, _construct in {
    "bool": _Loader.construct_truth,
    "int": _Loader.construct_whole,
    "float": _Loader.construct_number,
    "null": _Loader.construct_null,
    "str": yaml.SafeLoader.construct_yaml_str,
    "seq": yaml.SafeLoader.construct_yaml_seq,
    "map": yaml.SafeLoader.construct_yaml_map,
}.items():
    _Loader.add_constructor(_tag(_name), _construct)
_Loader.add_constructor(None, _Loader.refuse_tag)


def read_yaml(text: str) -> Any:
    """Return the plain data of a YAML document.

    Raises:
        ValueError: The text is no YAML (the message names line and column), a mapping holds a key twice, the data
            are not plain (a set, a date, a mapping that holds itself), or the text is too large or stands for too much.
    """
    if len(text) > MOST_YAML_BYTES:
        raise ValueError(f"is longer than {MOST_YAML_BYTES} characters, the most that is read")
    try:
        data = yaml.load(text, _Loader)  # noqa: S506  (_Loader is a SafeLoader)
        json.dumps(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{place}{error.problem or error.context}") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(f"no plain YAML: {' '.join(str(error).split())}") from error
    return data


def write_yaml(data: Any) -> str:
    """Return plain data as YAML that ``read_yaml`` reads back; keys keep their order."""
    return yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
