"""What all connections together hold back is bounded, and shared out fairly."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, strategies as st

from chaostui.engine.pace.budget import PIECE, Budget
from chaostui.settings import Profile
from tests.engine.rig import Rig, digest_all, echoing, fill, ping, proxied, send_pieces
from tests.wait import eventually

MIB = 1 << 20


class Direction:
    """Holds bytes, and writes down when it was asked to look whether to read."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.held = 0
        self.asked = 0

    def read_or_not(self) -> None:
        """Be asked."""
        self.asked += 1

    def take(self, size: int) -> None:
        """Hold so many bytes more."""
        self.budget.change(size, 1)
        self.held += size

    def let_go(self) -> None:
        """Hold nothing any more."""
        self.budget.change(-self.held, -1)
        self.held = 0

    @property
    def stops(self) -> bool:
        """Whether it must not read."""
        return self.budget.too_much(self, self.held)


def test_one_alone_may_hold_nearly_everything() -> None:
    """Eight times what is free, and no more."""
    budget = Budget(9 * MIB)
    one = Direction(budget)
    one.take(7 * MIB)
    assert not one.stops
    one.take(MIB + 1)

    assert one.stops
    assert budget.held == 8 * MIB + 1 + 2 * PIECE


def test_one_that_holds_little_reads_on_beside_one_that_holds_much() -> None:
    """What is free is never so little that nobody may come."""
    budget = Budget(9 * MIB)
    much, little = Direction(budget), Direction(budget)
    much.take(9 * MIB - 10_000)
    little.take(1000)

    assert much.stops
    assert not little.stops


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 2 * 262_144)), max_size=300))
def test_the_limit_is_kept_but_for_the_last_chunk_of_each(reads: list[tuple[int, int]]) -> None:
    """Whoever reads, in whatever order, while the budget lets him."""
    budget = Budget(4 * MIB)
    holders = [Direction(budget) for _ in range(21)]
    for who, size in reads:
        if not holders[who].stops:
            holders[who].take(size)

    assert budget.held <= 4 * MIB + 21 * (2 * 262_144 + PIECE)


def test_who_has_stopped_is_told_when_there_is_room() -> None:
    """As soon as half of the memory is free."""
    budget = Budget(9 * MIB)
    stopped, other = Direction(budget), Direction(budget)
    stopped.take(4 * MIB)
    other.take(5 * MIB)
    assert stopped.stops
    assert stopped.asked == 0
    other.let_go()

    assert stopped.asked == 1
    assert not stopped.stops


def test_who_is_gone_is_not_told_any_more() -> None:
    """A connection that closes leaves, and gives its memory back."""
    budget = Budget(MIB)
    gone, other = Direction(budget), Direction(budget)
    gone.take(MIB)
    other.take(MIB)
    assert gone.stops
    budget.forget(gone)
    gone.let_go()
    other.let_go()

    assert (gone.asked, budget.held) == (0, 0)


async def bulk(rig: Rig, size: int, seed: int) -> None:
    """Send so much through a connection of its own; it arrives as it was."""
    client, server = await rig.pair()
    sizes = (65_536 for _ in range(size // 65_536))
    sent, got = await asyncio.gather(
        send_pieces(client, sizes, random.Random(seed)), digest_all(server)
    )
    assert got == sent
    client.close()
    server.close()


async def test_a_delay_takes_as_much_as_its_bandwidth_needs() -> None:
    """64 MiB behind a delay of a minute are all on their way before the first arrive."""
    async with proxied() as rig:
        await rig.fault("delay", sleep=60)
        passing = asyncio.ensure_future(bulk(rig, 64 * MIB, 1))
        await eventually(lambda: rig.supervisor.view().held >= 64 * MIB, within=18)
        assert rig.stats.delay.count == 0
        await rig.mix("")
        await passing
        await rig.empty()

        assert rig.supervisor.view().held == 0


async def test_all_connections_together_stay_within_the_bound() -> None:
    """Eight bulk streams behind a delay hold 8 MiB and a chunk each at most, and end as sent."""
    async with proxied() as rig, echoing(rig):
        await rig.supervisor.apply(
            Profile(proxy=rig.supervisor.profile().proxy, max_held=8 * MIB), "test"
        )
        assert rig.supervisor.view().max_held == 8 * MIB
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, rig.supervisor.view().held)
                await asyncio.sleep(0.001)

        async def stream(seed: int) -> None:
            client = await rig.connect()
            sizes = (65_536 for _ in range(64))
            sent, got = await asyncio.gather(
                send_pieces(client, sizes, random.Random(seed)), digest_all(client)
            )
            assert got == sent

        await rig.fault("delay", sleep=0.1)
        watching = asyncio.ensure_future(watch())
        small = await rig.connect()
        streams = asyncio.gather(*(stream(seed) for seed in range(8)))
        pings = 0
        while not streams.done():
            await ping(small)
            pings += 1
        await streams
        watching.cancel()

        assert 2 * MIB <= most <= 8 * MIB + 9 * 262_144
        assert pings >= 2
        assert rig.supervisor.view().held == 0


async def test_a_reader_that_is_slow_leaves_what_is_due_where_it_is_counted() -> None:
    """Bytes whose delay is over count as held until their reader takes them."""
    async with proxied(receive_buffer=4096) as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.01)
        sent = await fill(client)
        client.half_close()

        assert rig.only.held > 0
        assert await server.receive_all() == sent
        await eventually(lambda: rig.supervisor.view().held == 0)
