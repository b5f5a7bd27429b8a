"""The ring of events: numbered, bounded, never waiting for its readers."""

from __future__ import annotations

import asyncio

from chaostui.engine.observe.bus import Bus
from chaostui.events import Warned


def publish(bus: Bus, count: int) -> None:
    """Publish warnings that say their number."""
    for _ in range(count):
        bus.publish(Warned, proxy="a", message=str(bus.newest + 1))


def test_events_are_numbered_from_one_without_gaps() -> None:
    """The number of an event is how many came before it, and one."""
    bus = Bus()
    publish(bus, 5)
    events, lost = bus.since(0)

    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert (lost, bus.newest, bus.dropped) == (0, 5, 0)


def test_a_reader_gets_what_is_newer_than_it_has() -> None:
    """Asked for what came after 3, the ring gives 4 and 5; after 5 or later nothing."""
    bus = Bus()
    publish(bus, 5)

    assert [event.seq for event in bus.since(3)[0]] == [4, 5]
    assert bus.since(5) == ([], 0)
    assert bus.since(99) == ([], 0)


def test_a_full_ring_drops_the_oldest_and_counts_them() -> None:
    """Of 10 events in a ring of 4 the newest 4 are left, and a reader is told of 6 lost."""
    bus = Bus(size=4)
    publish(bus, 10)

    assert ([event.seq for event in bus.since(0)[0]], bus.since(0)[1]) == ([7, 8, 9, 10], 6)
    assert bus.since(8)[1] == 0
    assert bus.dropped == 6


def test_a_limit_keeps_the_newest() -> None:
    """With a limit of 2 the older ones count as lost."""
    bus = Bus()
    publish(bus, 5)
    events, lost = bus.since(1, limit=2)

    assert ([event.seq for event in events], lost) == ([4, 5], 2)


async def test_a_waiting_reader_wakes_soon_after_an_event() -> None:
    """``wait`` returns when there is something newer, and at once when there is already."""
    bus = Bus()
    waiting = asyncio.ensure_future(bus.wait(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    publish(bus, 3)
    await asyncio.wait_for(waiting, 1)

    await asyncio.wait_for(bus.wait(2), 0.01)


async def test_a_burst_wakes_a_reader_once() -> None:
    """1,000 events in a row are one wake-up, not a thousand."""
    bus = Bus()
    wakes = 0

    async def read() -> None:
        nonlocal wakes
        while bus.newest < 2000 or not wakes:
            await bus.wait(bus.newest)
            wakes += 1

    reading = asyncio.ensure_future(read())
    for _ in range(2):
        await asyncio.sleep(0.03)
        publish(bus, 1000)
    await asyncio.wait_for(reading, 1)

    assert wakes == 2


async def test_a_reader_that_stalls_holds_up_nobody() -> None:
    """A reader that never comes back costs the ring nothing; another reads on."""
    bus = Bus(size=16)
    stalled = asyncio.ensure_future(bus.wait(10_000_000))
    await asyncio.sleep(0)
    publish(bus, 50_000)

    assert len(bus.since(0)[0]) == 16
    stalled.cancel()
    await asyncio.gather(stalled, return_exceptions=True)
    publish(bus, 1)
    await asyncio.sleep(0.05)
    assert bus.newest == 50_001
