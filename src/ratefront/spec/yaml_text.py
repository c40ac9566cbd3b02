"""Reads and writes YAML with the scalars of YAML 1.2: ``1e-3`` is a number, ``no`` is text, keys are unique."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any

import yaml

_NUMBER_STARTS = list("-+.0123456789")


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses duplicate keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own declaration)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} stands twice in one mapping", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """A safe dumper that quotes exactly what ``_Loader`` would read as something else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own declaration)

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _class in (_Loader, _Dumper):
    for _tag, _pattern, _starts in (
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?[0-9]+", _NUMBER_STARTS),
        (
            "float",
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
            _NUMBER_STARTS,
        ),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("merge", r"<<", ["<"]),
    ):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _starts)


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    # PyYAML's own would read 010 as 8.
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def read_yaml(text: str) -> Any:
    """Return the plain data of a YAML document.

    Raises:
        ValueError: The text is no YAML (the message names line and column), a mapping holds a key twice, or the data
            are not plain (a set, a date, a mapping that holds itself).
    """
    try:
        data = yaml.load(text, _Loader)  # noqa: S506  (_Loader is a SafeLoader)
        json.dumps(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{place}{error.problem or error.context}") from error
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no plain YAML: {error}") from error
    return data


def write_yaml(data: Any) -> str:
    """Return plain data as YAML that ``read_yaml`` reads back; keys keep their order."""
    return yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
