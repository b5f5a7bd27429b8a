"""At their limits proxies let clients wait; they neither fail nor lose anybody."""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import time

from chaostui.engine.net.files import connection_limit
from chaostui.events import Warned
from tests.engine.rig import echoing, ping, proxied
from tests.tcp import Peer
from tests.wait import eventually


async def test_a_burst_on_a_busy_loop_makes_nobody_wait_for_a_second_syn() -> None:
    """L03: 1,500 clients connect while the loop does not run; each is connected at once."""
    async with proxied() as rig, echoing(rig):
        clients = []
        for _ in range(1500):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(rig.address())
            clients.append(sock)
        # The loop has not run since: the kernel alone has answered.
        poll = select.poll()
        for sock in clients:
            poll.register(sock, select.POLLOUT)
        connected, second_syn = poll.poll(200), time.monotonic() + 0.8
        while len(connected) < 1500 and time.monotonic() < second_syn:
            connected = poll.poll(200)
        assert len(connected) == 1500
        assert all(told == select.POLLOUT for _, told in connected)

        for sock in clients[::50]:
            await ping(Peer(sock))
        await eventually(lambda: len(rig.supervisor.connections()) == 1500)
        for sock in clients:
            sock.close()
        await rig.empty()


async def test_at_max_connections_clients_wait_and_each_gets_its_turn() -> None:
    """L05: of 15 clients exactly five are served at a time; one leaves, one comes."""
    async with proxied(max_connections=5) as rig, echoing(rig):
        clients = [await rig.connect() for _ in range(15)]
        asked = [asyncio.ensure_future(ping(client)) for client in clients]

        def answered() -> list[int]:
            """Who has been served."""
            return [number for number, each in enumerate(asked) if each.done()]

        for turn in (5, 10, 15):
            await eventually(lambda: len(answered()) >= turn)  # noqa: B023 (looked at at once)
            await asyncio.sleep(0.02)
            assert len(answered()) == turn
            assert len(rig.supervisor.connections()) == 5
            for number in answered():
                clients[number].close()
        await rig.empty()

        assert rig.stats.connections == 15
        warned = {event.message for event in rig.events(Warned)}
        assert warned == {"at its limit (max_connections 5): clients wait in the backlog"}


async def test_the_limit_of_the_process_holds_for_all_proxies() -> None:
    """Connections of one proxy fill it for the other; what closes lets the next one in."""
    async with proxied() as rig, echoing(rig):
        rig.supervisor.core.max_connections = 4
        await rig.add("b")
        first = [await rig.connect() for _ in range(4)]
        for client in first:
            await ping(client)
        waiting = await rig.connect("b")
        asked = asyncio.ensure_future(ping(waiting))
        await asyncio.sleep(0.05)
        assert not asked.done()
        first[0].close()

        await asked
        assert len(rig.supervisor.connections()) == 4


async def test_at_the_limit_of_the_process_those_accept_alone_whose_clients_wait() -> None:
    """Of many proxies, however often connections close: each waiting client gets its turn."""
    async with proxied() as rig, echoing(rig):
        core = rig.supervisor.core
        core.max_connections = 4
        names = [f"p{number}" for number in range(50)]
        for name in names:
            await rig.add(name)

        def accepting() -> list[str]:
            """Who accepts clients now."""
            proxies = core.proxies.values()
            return [p.name for p in proxies if p.listener is not None and p.listener.accepting]

        served = [await rig.connect("p0") for _ in range(4)]
        for client in served:
            await ping(client)
        assert accepting() == []
        waiting = [await rig.connect(name) for name in names[10:20]]
        asked = [asyncio.ensure_future(ping(client)) for client in waiting]
        for turn in range(1, 11):
            served.pop(0).close()
            await eventually(lambda: sum(each.done() for each in asked) == turn)  # noqa: B023
            assert (accepting(), core.open) == ([], 4)
            served += [
                client
                for client, each in zip(waiting, asked, strict=True)
                if each.done() and client not in served and client.sock.fileno() >= 0
            ]
        for client in served:
            client.close()
        await rig.empty()
        assert accepting() == []

        await ping(await rig.connect("p30"))
        assert accepting() == ["p30"]


async def test_a_proxy_at_the_limit_can_be_disabled_removed_and_added() -> None:
    """Whatever becomes of those that wait for room, the others get it."""
    async with proxied() as rig, echoing(rig):
        rig.supervisor.core.max_connections = 1
        for name in ("b", "c", "d"):
            await rig.add(name)
        first = await rig.connect()
        await ping(first)
        await rig.supervisor.update_proxy("b", {"enabled": False}, "test")
        await rig.supervisor.remove_proxy("c", "test")
        await rig.supervisor.update_proxy("b", {"enabled": True}, "test")
        await rig.add("c")
        waiting = [await rig.connect(name) for name in ("b", "c", "d")]
        asked = [asyncio.ensure_future(ping(client)) for client in waiting]
        await asyncio.sleep(0.05)
        assert not any(each.done() for each in asked)
        first.close()
        for turn in (1, 2, 3):
            await eventually(lambda: sum(each.done() for each in asked) == turn)  # noqa: B023
            for client, each in zip(waiting, asked, strict=True):
                if each.done():
                    client.close()


async def test_a_limit_that_is_raised_lets_waiting_clients_in() -> None:
    """A new setting acts on those who wait already."""
    async with proxied(max_connections=1) as rig, echoing(rig):
        await ping(await rig.connect())
        asked = asyncio.ensure_future(ping(await rig.connect()))
        await asyncio.sleep(0.05)
        assert not asked.done()
        await rig.supervisor.update_proxy(None, {"max_connections": 2}, "test")

        await asked


async def test_a_full_proxy_can_be_disabled_and_enabled() -> None:
    """After it, clients are served as on the first day."""
    async with proxied(max_connections=2) as rig, echoing(rig):
        for _ in range(3):
            for _ in range(2):
                await ping(await rig.connect())
            await rig.supervisor.update_proxy(None, {"enabled": False}, "test")
            await rig.empty()
            await rig.supervisor.update_proxy(None, {"enabled": True}, "test")
        client = await rig.connect()
        await ping(client)
        client.close()
        await rig.empty()
        await ping(await rig.connect())


def test_the_limit_leaves_files_for_everything_else() -> None:
    """Two files a connection, and some to spare."""
    limit = connection_limit()  # which raises the soft limit first
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert limit >= 1
    assert limit * 2 < files - 16
