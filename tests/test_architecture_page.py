"""docs/architecture.md: what it names exists, and it stays short."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROWS = re.findall(r"^\| ([a-z, ]+) \| (.+) \| `([\w.]+)` \|$", PAGE, re.MULTILINE)
NAMES = sorted(set(re.findall(r"`([A-Za-z]+(?:\.[a-z_]+)?)`", PAGE)) - {"code", "pyproject.toml"})
DRAWN = sorted(set(re.findall(r"\b[A-Z][a-z]+[A-Za-z]*\b", PAGE.split("```")[1])) - {"Textual"})


def read() -> tuple[set[str], dict[str, set[str]], dict[str, list[str]]]:
    """The product's names, the methods of its classes, and what those inherit from."""
    names: set[str] = {"max_held"}
    methods: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for path in (ROOT / "chaostui").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.ClassDef(name=name, body=body):
                    names.add(name)
                    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
                    mine = {f.name for f in body if isinstance(f, functions)}
                    methods[name] = methods.get(name, set()) | mine
                    bases[name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.Assign(targets=[ast.Name(id=name)]):
                    names.add(name)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    names.add(name)
    return names, methods, bases


DEFINED, METHODS, BASES = read()


def has(kind: str, method: str) -> bool:
    """Whether a class, or one that it inherits from, defines a method."""
    return method in METHODS.get(kind, ()) or any(has(base, method) for base in BASES.get(kind, ()))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_page_is_one_of_the_source(name: str) -> None:
    """Classes, methods and functions that the walks and the words name are there."""
    kind, _, method = name.partition(".")

    assert kind in DEFINED
    assert not method or has(kind, method)


def test_the_drawing_names_what_there_is() -> None:
    """Each class in the drawing exists."""
    assert set(DRAWN) - DEFINED - {"HTTP", "TOML"} == set()


def test_one_word_has_one_meaning() -> None:
    """About 25 words, each explained once, each standing for another thing of the source."""
    words = [word for word, _, _ in ROWS]
    names = [name for _, _, name in ROWS]

    assert 20 <= len(words) <= 32
    assert len(set(words)) == len(words)
    assert len(set(names)) == len(names)


def test_each_room_of_the_engine_is_told() -> None:
    """The table of rooms has every folder of the engine, and none besides."""
    told = re.findall(r"^\| `(chaostui/engine/\w+)` \| .+ \|$", PAGE, re.MULTILINE)
    rooms = (path.parent for path in (ROOT / "chaostui" / "engine").glob("*/__init__.py"))

    assert sorted(told) == sorted(str(room.relative_to(ROOT)) for room in rooms)
