"""Damages sweep files at random, the same way for the same seed: their data, and their text."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

#: Values that no setting expects everywhere, of all types that YAML can hold.
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3.5, 0.0, -0.0, 5e-324, 1e-300, 1e308, -1e308, float("inf"), float("-inf"),
    float("nan"), 10**22, 2**31, 2**63, -(2**63) - 1, 10**400, "", " ", "a", "x" * 5000, "a\0b", "\x1b[31m",
    "\ud800", "é\u202e", "../../x", "/dev/zero", "/dev/null", "/etc/passwd", "/nowhere/x.npz", "~nobody/x",
    "http://[::1", "http://u:p@h", "http://h:x", "sqlite:///x.db", "file:///x", "2001-01-01", "no", "1e3", "a:b",
    "ratefront.metrics:top5_accuracy", "os.path:join", "auto", [], {}, [[]], [None], [1, 2], [2, 1], [1, "a"],
    {"": {}}, {"int": [1, 2]}, {"float": [0, 1], "log": True}, {"int": [1, 10**9]}, {"float": [1e-5, 1e5]},
    {"name": []}, {"name": {}}, {"name": None}, {"name": "arrays"}, {"name": "arrays", "path": "/dev/zero"},
    {"name": "arrays", "path": "/nowhere"}, {"name": "image_folder", "root": "/proc/self/fd"},
    {"name": "module", "target": "nowhere:f"}, {"name": "small_cnn", "weights": "/dev/zero"}, "arrays", "images",
    "mnist", "lenet", "module", "pointnet", ["a", "a"], list(range(3000)), {str(i): i for i in range(800)},
)  # fmt: skip
_KEYS = (
    "name", "family", "label", "split", "sample", "student", "image", "method", "int", "float", "log", "cpus", "gpus",
    "families", "seed", "beta", "width", "", "a.b", "<<", "x\0", "reference", "metrics", "tracking", "uri", "path",
    "weights", "target", "epochs", "resources", "keep", "retries", "register_as", "experiment", "slope", "group",
)  # fmt: skip
_SNIPPETS = (
    "!!timestamp 5", "!!bool abc", '!!float ""', "!!int x", "!!python/object/apply:os.system [ls]", "!!binary x",
    "!!set {a}", "!!omap [a: 1]", "!!null x", "!!str ", "!!map ", "!!seq ", "!x ", "&a ", "*a", "&a [*a]", "<<: *a",
    "<<: {a: 1}", "? ", "- ", "---\n", "...\n", "%YAML 1.2\n", "%TAG ! x\n", "|", ">", "[", "]", "{", "}", ",", ":",
    "#", "'", '"', "\t", "\0", "\x07", "\u2028", "\ufeff", "'\\u0000'", '"\\ud800"', "`", "@", "~", "1e999", "0x1f",
    "9" * 5000, "[" * 500, "{a: " * 500, "- " * 500,
)  # fmt: skip

Place = tuple[Any, Any]
Mutation = Callable[[Any, Random], None]


def places(data: Any) -> Iterator[Place]:
    """Yield each container with each of its keys or indices."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key
        yield from places(value)


def _replace(data: Any, draw: Random) -> None:
    container, key = draw.choice(list(places(data)))
    container[key] = copy.deepcopy(draw.choice(NASTY))


def _delete(data: Any, draw: Random) -> None:
    container, key = draw.choice(list(places(data)))
    del container[key]


def _rename(data: Any, draw: Random) -> None:
    container, key = draw.choice([place for place in places(data) if isinstance(place[0], dict)])
    value = container.pop(key)
    others = [key for _, key in places(data) if isinstance(key, str)]
    container[draw.choice([*_KEYS, *others, f"{key}x", str(key)[1:]])] = value


def _add(data: Any, draw: Random) -> None:
    container, _ = draw.choice([place for place in places(data) if isinstance(place[0], dict)])
    container[draw.choice(_KEYS)] = copy.deepcopy(draw.choice(NASTY))


def _move(data: Any, draw: Random) -> None:
    """Copy one part of the file to the place of another."""
    (source, source_key), (target, target_key) = (draw.choice(list(places(data))) for _ in range(2))
    target[target_key] = copy.deepcopy(source[source_key])


def _wrap(data: Any, draw: Random) -> None:
    container, key = draw.choice(list(places(data)))
    value = container[key]
    for _ in range(draw.choice((1, 1, 2, 30, 100))):
        value = draw.choice(([value], {"a": value}))
    container[key] = value


def _resize(data: Any, draw: Random) -> None:
    lists = [container[key] for container, key in places(data) if isinstance(container[key], list)]
    if lists:
        chosen = draw.choice(lists)
        chosen[:] = draw.choice(
            (chosen[:1], chosen * 2, chosen * 100, chosen[::-1], [*chosen, draw.choice(NASTY)])
        )


_MUTATIONS: tuple[Mutation, ...] = (
    _replace,
    _replace,
    _replace,
    _delete,
    _rename,
    _add,
    _move,
    _wrap,
    _resize,
)


def damaged_data(plain: Any, seed: int) -> Any:
    """Return the data of a sweep file with one to three changes."""
    draw, data = Random(seed), copy.deepcopy(plain)
    for _ in range(draw.choice((1, 1, 2, 3))):
        if any(isinstance(container, dict) for container, _ in places(data)):
            draw.choice(_MUTATIONS)(data, draw)
    return data


def as_text(data: Any) -> str:
    """Return data as YAML: JSON, with YAML's names of the numbers that JSON lacks."""
    text = json.dumps(data)
    for json_name, yaml_name in (("-Infinity", "-.inf"), ("Infinity", ".inf"), ("NaN", ".nan")):
        text = text.replace(json_name, yaml_name)
    return text


def damaged_text(text: str, seed: int) -> bytes:
    """Return the text of a sweep file with one to three changes of its lines and characters."""
    draw = Random(seed)
    for _ in range(draw.choice((1, 1, 2, 3))):
        text = draw.choice((_with_snippet, _with_snippet, _with_other_lines, _with_other_characters))(
            text, draw
        )
    content = text.encode("utf-8", "surrogatepass")
    if draw.random() < 0.2 and content:
        place = draw.randrange(len(content))
        content = content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :]
    return content


def _with_snippet(text: str, draw: Random) -> str:
    starts = [place for place, character in enumerate(text) if character in " :[,{\n"] or [0]
    place = draw.choice(starts) + 1
    return text[:place] + draw.choice(_SNIPPETS) + text[place:]


def _with_other_lines(text: str, draw: Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
    match draw.randrange(5):
        case 0:
            del lines[first]
        case 1:
            lines.insert(second, lines[first])
        case 2:
            lines[first], lines[second] = lines[second], lines[first]
        case 3:
            lines[first] = draw.choice(("  ", " ", "\t")) + lines[first]
        case _:
            lines[first] = lines[first][draw.randrange(1, 4) :]
    return "".join(lines)


def _with_other_characters(text: str, draw: Random) -> str:
    place = draw.randrange(len(text) + 1)
    match draw.randrange(3):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + text[place + draw.randrange(1, 20) :]
        case _:
            return (
                text[:place] + chr(draw.choice((0, 9, 34, 39, 58, 123, 0x85, 0xD7FF, 0x1F600))) + text[place:]
            )
