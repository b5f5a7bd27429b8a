"""The soak itself, for some seconds: what it finds is found by command too."""

from __future__ import annotations

from tests.soak.__main__ import soak


async def test_a_short_soak_leaves_nothing() -> None:
    """All protocols, all ways to leave, changes by all APIs; how long steps take is not judged."""
    found = await soak(4, seed=3)

    assert [line for line in found if "a step of the loop" not in line] == []
