"""Memory that is not needed any more goes back to the system."""

from __future__ import annotations

from chaostui.engine.observe.memory import LOOK_INTERVAL, SPARE, Memory, give_back, resident

CHUNK = 65_536


def test_freed_chunks_go_back_at_the_next_look() -> None:
    """M03: 128 MiB of chunks that are freed under one that stays leave the process."""
    give_back()
    memory = Memory()
    before = resident()
    memory.look(100.0)
    held = [bytes(CHUNK) for _ in range(2048)]
    kept = [bytes(CHUNK)]
    assert resident() > before + 3 * SPARE
    del held

    memory.look(100.0 + LOOK_INTERVAL)
    assert resident() < before + SPARE
    assert len(kept[0]) == CHUNK


def test_a_look_too_soon_does_nothing() -> None:
    """Between two looks lie some seconds, whatever happens."""
    memory = Memory()
    memory.look(100.0)
    held = [bytes(CHUNK) for _ in range(2048)]
    kept = bytes(CHUNK)
    del held
    full = resident()

    memory.look(100.0 + LOOK_INTERVAL - 0.01)
    assert resident() >= full - SPARE
    assert len(kept) == CHUNK


def test_resident_memory_is_told_in_bytes() -> None:
    """A Python process has between 5 MB and 5 GB."""
    assert 5e6 < resident() < 5e9
