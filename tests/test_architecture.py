"""The shape of the source: what a reader may count on in every file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaostui import registry

ROOT = Path(__file__).parent.parent
SOURCE = sorted((ROOT / "chaostui").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HANDLERS = [path for path in SOURCE if path.parent.name == "handlers" and path.stem != "__init__"]
PROTOCOLS = [path for path in SOURCE if path.parent.name == "protocols" and path.stem != "__init__"]

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def name(path: Path) -> str:
    """Name a file as people do: by its path in the repository."""
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Find every function and method of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def empty(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether all that a function does is to say that it is not written yet."""
    match node.body[-1]:
        case ast.Raise(exc=ast.Name("NotImplementedError")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name("NotImplementedError"))):
            return len(node.body) - (ast.get_docstring(node) is not None) == 1
    return False


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    documented = ast.get_docstring(node) is not None
    text = node.body[0] if documented else None
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    return length - ((text.end_lineno or 0) - text.lineno + 1 if text else 0)


@pytest.mark.parametrize("path", SOURCE, ids=name)
def test_a_source_file_is_small_documented_and_finished(path: Path) -> None:
    """A source file has at most 400 lines, says what it is, and leaves nothing for later."""
    text = path.read_text()

    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text))
    assert UNFINISHED.findall(text) == []
    assert [function.name for function in functions(path) if empty(function)] == []


@pytest.mark.parametrize("path", SOURCE, ids=name)
def test_functions_are_short(path: Path) -> None:
    """No function has more than 60 lines beside its docstring."""
    assert [f"{f.name}: {lines(f)} lines" for f in functions(path) if lines(f) > 60] == []


@pytest.mark.parametrize("path", HANDLERS, ids=name)
def test_a_handler_is_one_small_class_in_the_registry(path: Path) -> None:
    """A handler's file has under 90 lines, its module names what is seen, and users find it."""
    text = path.read_text()
    module = f"chaostui.handlers.{path.stem}"

    assert len(text.splitlines()) <= 90
    assert (ast.get_docstring(ast.parse(text)) or "").startswith(f"{path.stem}: ")
    assert [kind.name for kind in registry.HANDLERS if kind.__module__ == module] == [path.stem]


@pytest.mark.parametrize("path", PROTOCOLS, ids=name)
def test_a_protocol_is_in_the_registry(path: Path) -> None:
    """A file that defines a protocol's name is one of the registry's protocols."""
    defined = re.findall(r'^    name(?:: \S+)? = "(\w+)"', path.read_text(), re.MULTILINE)

    assert set(defined) <= set(registry.builtin().protocols)


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_every_test_says_what_it_shows(path: Path) -> None:
    """A test function has a docstring; its module has one too."""
    silent = [
        f.name for f in functions(path) if f.name.startswith("test_") and not ast.get_docstring(f)
    ]

    assert silent == []
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_no_part_is_replaced_by_a_mock(path: Path) -> None:
    """Tests run the real thing: nothing of unittest.mock is imported."""
    assert not re.search(r"^\s*(from unittest|import unittest)", path.read_text(), re.MULTILINE)
