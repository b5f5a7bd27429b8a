"""CONTRIBUTING.md and docs/debugging.md: the files, commands and knobs that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaostui.cli.ctl import ctl

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
DEBUGGING = (ROOT / "docs" / "debugging.md").read_text()
PATHS = sorted(
    path
    for path in set(re.findall(r"[`( ]((?:[\w.]+/)[\w./]+\.?\w+)[`) ]", CONTRIBUTING + DEBUGGING))
    if path.startswith(("chaostui/", "tests/", "docs/", "benchmarks/", ".ci/"))
    and "NAME" not in path
)
NOT_OF_TESTS = {"CHAOSTUI_API", "CHAOSTUI_TOKEN", "CHAOSTUI_COMPLETE"}


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_is_named_exists(path: str) -> None:
    """Whoever follows the steps finds each file where they say."""
    assert (ROOT / path).exists()


def test_the_knobs_are_those_that_tests_read() -> None:
    """Every environment variable of the tests is told, and no other."""
    told = set(re.findall(r"CHAOSTUI_[A-Z]+(?:_[A-Z]+)*", CONTRIBUTING))
    texts = (path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    read = {
        knob
        for text in texts
        for knob in re.findall(r"environ\.get\(\s*\"(CHAOSTUI_[A-Z_]+)\"", text)
    }

    assert told == read - NOT_OF_TESTS


def test_the_make_targets_exist() -> None:
    """Each ``make`` command of the page is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make (\w+)`", CONTRIBUTING)) <= targets


def test_the_ctl_commands_of_the_page_exist() -> None:
    """What docs/debugging.md tells to type is there."""
    named = set(re.findall(r"`chaostui ctl (\w+)`", DEBUGGING))

    assert len(named) >= 4
    assert named <= set(ctl.commands)


def test_the_lines_of_the_log_are_told_as_they_are() -> None:
    """The example has a line for each step that the log tells of."""
    told = re.findall(r"debug connection: shop #7: (\w+)", DEBUGGING)
    source = "".join(path.read_text() for path in (ROOT / "chaostui/engine/relay").rglob("*.py"))

    assert told == ["open", "dial", "draw", "release", "close"]
    assert [step for step in told if not re.search(rf'f"{step}[ :]', source)] == []
