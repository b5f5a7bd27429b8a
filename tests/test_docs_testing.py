"""docs/testing.md: every example runs, with a real Redis."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.servers.server import Server

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parent.parent / "docs" / "testing.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def named(example: str) -> str:
    """The name of an example's test."""
    [found] = re.findall(r"def (test_\w+)", example)
    return str(found)


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_of_the_page_runs(
    example: str, pytester: pytest.Pytester, redis_server: Server
) -> None:
    """Each block is a whole test file; only Redis' port is another one here."""
    pytester.makepyfile(example.replace("6379", str(redis_server.port)))
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "--chaos-seed=7")

    result.assert_outcomes(passed=1)


def test_the_page_names_what_testers_look_for() -> None:
    """The fixture, the proof, waiting, seeds, the asyncio client and xdist are on the page."""
    text = PAGE.read_text("utf-8")
    words = ("fixture `chaos`", "must_hit", "wait_for_hit", "--chaos-seed", "AsyncClient", "xdist")

    assert [word for word in words if word not in text] == []
