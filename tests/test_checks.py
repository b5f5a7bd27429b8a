"""The checks: each stands in the Makefile once, and CI and the hooks run them from there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGETS = dict(re.findall(r"^([a-z]+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
LINTERS = ("ruff", "mypy", "lint-imports", "interrogate")


def test_the_hooks_run_what_the_makefile_has() -> None:
    """Each hook calls a target by its name, and none is fetched from elsewhere."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    called = re.findall(r"entry: make (\S+)", hooks)

    assert called
    assert len(called) == len(re.findall("- id:", hooks))
    assert set(called) <= set(TARGETS)
    assert set(re.findall(r"- repo: (\S+)", hooks)) == {"local"}


def test_ci_lints_by_the_makefile_alone() -> None:
    """CI runs ``make lint`` and names no linter of its own; its failure fails CI."""
    ci = (ROOT / ".ci" / "run").read_text()

    assert "make --keep-going lint || failed=1" in ci
    assert [linter for linter in LINTERS if linter in ci] == []


def test_one_command_checks_all() -> None:
    """``make check`` reaches every target that checks something, and every linter."""
    reached, queue = set(), ["check"]
    while queue:
        target = queue.pop()
        reached.add(target)
        queue.extend(TARGETS[target].split())
    makefile = (ROOT / "Makefile").read_text()

    assert reached == set(TARGETS) - {"coverage"}  # it runs some of the tests once more
    assert [linter for linter in LINTERS if f"$(bin){linter}" not in makefile] == []
