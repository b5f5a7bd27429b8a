"""Each module of the product has a test module of its name, in the folder that mirrors its own."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT, TESTS = ROOT / "chaostui", ROOT / "tests"

LISTED = Path(__file__).with_name("untested.txt")
"""Modules that others' tests cover, and none of their own. The list only shrinks."""
MOST = 155


AT_THE_TOP = ("cli", "profiles")
"""Rooms of the program, whose tests may stand beside those of the whole program."""


def room(path: Path, top: Path) -> str:
    """The first folder that a file is in; empty: none."""
    parts = path.relative_to(top).parts
    return parts[0] if len(parts) > 1 else ""


def without_tests() -> set[str]:
    """The modules that have no test module of their name in their room."""
    found = TESTS.rglob("test_*.py")
    tested = {(room(path, TESTS), path.stem.removeprefix("test_")) for path in found}
    return {
        ".".join(path.relative_to(PRODUCT).with_suffix("").parts)
        for path in PRODUCT.rglob("*.py")
        if not path.stem.startswith("__")
        and (room(path, PRODUCT), path.stem) not in tested
        and not (room(path, PRODUCT) in AT_THE_TOP and ("", path.stem) in tested)
    }


def test_a_module_has_a_test_module_of_its_own() -> None:
    """A new one comes with its tests; those that are listed get theirs, and leave the list."""
    listed = LISTED.read_text().split()
    missing = without_tests()

    assert sorted(missing - set(listed)) == []
    assert sorted(set(listed) - missing) == []
    assert listed == sorted(listed)
    assert len(listed) <= MOST
