"""Strangers find their way by names: what holds for every file, room and test name of this repository."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ratefront"
MOST_FILES, SMALL_LINES, TEST_NAME = 12, 40, 70

#: Words that an international reader stumbles over.
ARCHAIC = re.compile(
    r"\b(whoever|whomever|nobody|in vain|be they|be it|manieth|ere|thereof|heretofore|of one's own accord)\b",
    re.I,
)


def modules() -> dict[str, Path]:
    """Dotted name → file of every module that is no room's ``__init__``."""
    return {
        ".".join(("ratefront", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__init__.py"
    }


def rooms() -> list[Path]:
    return sorted({path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE})


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def importers() -> dict[str, set[str]]:
    """Module → the modules that import it, also inside functions."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        user = ".".join(("ratefront", *path.relative_to(PACKAGE).with_suffix("").parts))
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                found[node.module].add(user)
                for alias in node.names:
                    found[f"{node.module}.{alias.name}"].add(user)
    return found


def test_file_names_are_unique_in_the_package() -> None:
    names = Counter(path.name for path in modules().values())
    assert [name for name, count in names.items() if count > 1] == []


def test_class_names_are_unique_in_the_package() -> None:
    names = Counter(
        node.name
        for path in modules().values()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_room_has_at_most_a_dozen_files() -> None:
    sizes = {str(room.relative_to(PACKAGE)): len(list(room.glob("*.py"))) - 1 for room in rooms()}
    assert {room: size for room, size in sizes.items() if size > MOST_FILES} == {}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: str(room.relative_to(PACKAGE)))
def test_a_room_says_what_lives_there(room: Path) -> None:
    """In about three sentences: what lives there, what may be imported from it, and what not."""
    text = ast.get_docstring(tree_of(room / "__init__.py")) or ""
    assert len(re.findall(r"[.!?](?:\s|$)", text.replace("``.", "`` ."))) >= 3, text


def test_a_small_file_has_more_than_one_user() -> None:
    """A file of under 40 lines with one user is part of that user."""
    users = importers()
    small = {
        name: users[name]
        for name, path in modules().items()
        if len(path.read_text().splitlines()) < SMALL_LINES
    }
    assert {name for name, by in small.items() if len(by) == 1} == set()


def test_sentences_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word.group()}"
        for path in (*PACKAGE.rglob("*.py"), ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (word := ARCHAIC.search(line))
    ]
    assert found == []


def test_test_names_are_under_seventy_characters() -> None:
    names = [
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert [name for name in names if len(name) >= TEST_NAME] == []


def test_the_glossary_points_at_code_that_exists() -> None:
    """Every `file.py` and `room/` in its tables, and every `Name` beside a file in the last column."""
    sources = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}
    missing = []
    for line in (ROOT / "docs" / "glossary.md").read_text().splitlines():
        if not line.startswith("| "):
            continue
        quoted = re.findall(r"`([^`]+)`", line)
        missing += [one for one in quoted if one.endswith(".py") and one not in sources]
        missing += [one for one in quoted if one.endswith("/") and not (PACKAGE / one).is_dir()]
        place = re.findall(r"`([^`]+)`", line.rstrip(" |").rpartition("|")[2])
        if len(place) == 2 and not place[1].endswith((".py", "/")):
            declared = re.search(rf"(class|def) {place[1]}\b", sources.get(place[0], ""))
            missing += [] if declared else [": ".join(place)]
    assert missing == []
