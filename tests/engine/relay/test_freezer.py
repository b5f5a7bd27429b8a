"""A frozen proxy: nothing new comes in, nothing passes, nothing ends, until it is thawed."""

from __future__ import annotations

import asyncio
import hashlib
import random

import pytest

from chaostui.engine.pace import rounds
from chaostui.errors import Conflict, Halted, NotFound
from chaostui.events import Changed, Opened
from tests.certificates import files
from tests.engine.headless import Headless
from tests.engine.rig import ACTOR, echoing, ping, proxied
from tests.tcp import Listener, Peer
from tests.tls import TlsPeer
from tests.wait import eventually

QUIET = 0.3
"""Seconds in which nothing comes that would else come at once."""


async def test_nothing_passes_until_it_is_thawed() -> None:
    """What both sides send waits, in the kernel, and comes in order and whole."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"before")
        assert await server.receive() == b"before"

        view = await rig.supervisor.freeze(None, ACTOR)
        await client.send(b"asked")
        await server.send(b"pushed")
        client.half_close()

        assert view.frozen
        await asyncio.gather(server.expect_silence(QUIET), client.expect_silence(QUIET))
        assert not (await rig.supervisor.thaw(None, ACTOR)).frozen
        assert await server.receive_all() == b"asked"
        assert await client.receive() == b"pushed"
        server.close()
        await client.expect_eof()


async def test_who_connects_waits_in_the_backlog() -> None:
    """A client is connected, nobody accepts it, and it is served when the proxy is thawed."""
    async with proxied() as rig:
        await rig.supervisor.freeze("a", ACTOR)
        client = await rig.connect()
        await client.send(b"hello")
        await client.expect_silence(QUIET)

        assert rig.events(Opened) == []
        await rig.supervisor.thaw("a", ACTOR)
        server = await rig.backend.accept()
        assert await server.receive() == b"hello"


async def test_a_listener_that_changes_stays_frozen() -> None:
    """Neither another address, a replan, nor room for further clients lets anybody in."""
    async with proxied(max_connections=1) as rig:
        first, _ = await rig.pair()
        await rig.supervisor.freeze(None, ACTOR)
        await rig.supervisor.update_proxy(None, {"max_connections": 0}, ACTOR)
        await rig.mix("10:bounce")
        first.reset()
        await rig.empty()
        client = await rig.connect()
        await client.expect_silence(QUIET)

        assert len(rig.events(Opened)) == 1
        await rig.mix("")
        await rig.supervisor.thaw(None, ACTOR)
        await client.send(b"x")
        assert await (await rig.backend.accept()).receive() == b"x"


@pytest.mark.parametrize(
    ("handler", "options"),
    [("delay", {"sleep": 0.1}), ("throttle", {"rate": 10}), ("reset", {"after": 0.1}),
     ("timeout", {"timeout": 0.1}), ("truncate", {"after": 0.1, "direction": "both"}),
     ("slice", {"delay": 50}), ("hang", {})],
)  # fmt: skip
async def test_what_a_fault_holds_stays_and_its_timers_stand_still(
    handler: str, options: dict[str, object]
) -> None:
    """Each handler goes on where it was; what it held comes whole, or not, as ever."""
    async with proxied(handler={handler: options}) as rig:
        client, server = await rig.pair()
        await rig.mix(handler)
        await client.send(b"x" * 200)
        await eventually(lambda: rig.only.exchanges > 0)
        await rig.supervisor.freeze(None, ACTOR)
        while True:  # what was written already
            try:
                await asyncio.wait_for(
                    asyncio.get_running_loop().sock_recv(server.sock, 65536), 0.05
                )
            except TimeoutError:
                break
        await asyncio.gather(server.expect_silence(QUIET), client.expect_silence(QUIET))

        assert rig.only.state == "open"
        await rig.supervisor.thaw(None, ACTOR)
        if handler in ("reset", "timeout", "truncate"):
            await rig.empty()
        else:
            await rig.supervisor.reset(ACTOR)
            assert len(await server.receive()) > 0
            await server.send(b"reply")
            assert await client.receive() == b"reply"


async def test_a_mix_that_changes_meanwhile_lets_nothing_through() -> None:
    """What a fault that is switched off held waits for the thaw, too."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.mix("hang")
        await client.send(b"held")
        await rig.until_hit("hang")
        await rig.supervisor.freeze(None, ACTOR)
        await rig.mix("")
        await server.expect_silence(QUIET)

        assert rig.only.held == 4
        await rig.supervisor.thaw(None, ACTOR)
        assert await server.receive() == b"held"


async def test_timeouts_stand_still() -> None:
    """Neither an idle nor a half-closed connection ends, and each has its whole time after."""
    async with proxied(idle_timeout=0.5, half_close_timeout=0.5) as rig:
        client, server = await rig.pair()
        other, _ = await rig.pair()
        other.half_close()
        await eventually(
            lambda: any(c.state == "half-closed" for c in rig.supervisor.connections())
        )
        await rig.supervisor.freeze(None, ACTOR)
        await client.expect_silence(1.2)

        assert len(rig.supervisor.connections()) == 2
        await rig.supervisor.thaw(None, ACTOR)
        await client.send(b"x")
        assert await server.receive() == b"x"
        await rig.empty()


async def test_a_backend_that_answers_late_is_joined_at_the_thaw() -> None:
    """A call that is under way ends, and what the client had said goes on after the thaw."""
    async with proxied(behavior="slow_accept", handler={"slow_accept": {"delay": 0.2}}) as rig:
        client = await rig.connect()
        await client.send(b"early")
        await rig.until_hit("slow_accept")
        await rig.supervisor.freeze(None, ACTOR)
        await client.expect_silence(QUIET)
        await rig.supervisor.thaw(None, ACTOR)

        assert await (await rig.backend.accept()).receive() == b"early"


@pytest.mark.parametrize("who", ["client", "server"])
async def test_a_reset_by_a_peer_is_noticed(who: str) -> None:
    """The other side is reset at once: nobody waits for a peer that is gone."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.supervisor.freeze(None, ACTOR)
        gone, left = (client, server) if who == "client" else (server, client)
        await gone.send(b"last")
        gone.reset()

        assert await left.expect_reset() == b""
        await rig.empty()


ENDS = {
    "thaw": lambda rig: rig.supervisor.thaw(None, ACTOR),
    "reset": lambda rig: rig.supervisor.reset(ACTOR),
    "reset of the proxy": lambda rig: rig.supervisor.reset(ACTOR, "a"),
    "halt": lambda rig: rig.supervisor.halt("", ACTOR),
}


@pytest.mark.parametrize("what", ENDS)
async def test_what_makes_all_normal_thaws(what: str) -> None:
    """A reset and a halt leave nothing frozen; after a halt nothing can be frozen."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.supervisor.freeze(None, ACTOR)
        await client.send(b"x")
        await ENDS[what](rig)

        assert not rig.supervisor.proxy().frozen
        assert await server.receive() == b"x"
        if what == "halt":
            with pytest.raises(Halted):
                await rig.supervisor.freeze(None, ACTOR)


async def test_who_drains_thaws_first() -> None:
    """A stop gives connections the time to end that it always gives, and it is not in vain."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.supervisor.freeze(None, ACTOR)
        await client.send(b"last")
        client.half_close()
        draining = asyncio.ensure_future(rig.supervisor.drain(5))
        assert await server.receive_all() == b"last"
        server.close()

        assert await draining == 0


async def test_a_frozen_connection_can_be_reset_and_its_proxy_closed() -> None:
    """What an operator ends is ended; a proxy that is opened again is not frozen."""
    async with proxied() as rig:
        first, _ = await rig.pair()
        await rig.supervisor.freeze(None, ACTOR)
        await rig.supervisor.reset_connection(rig.only.id, ACTOR)
        await first.expect_reset()
        await rig.supervisor.thaw(None, ACTOR)
        second, _ = await rig.pair()
        await rig.supervisor.freeze(None, ACTOR)
        await rig.supervisor.update_proxy(None, {"enabled": False}, ACTOR)
        await second.expect_eof()

        with pytest.raises(Conflict, match="closed"):
            await rig.supervisor.freeze(None, ACTOR)
        await rig.supervisor.update_proxy(None, {"enabled": True}, ACTOR)
        assert not rig.supervisor.proxy().frozen
        async with echoing(rig):
            await ping(await rig.connect())


async def test_other_proxies_go_on() -> None:
    """One proxy is frozen, not the engine; the journal says by whom; twice is once."""
    async with proxied() as rig, echoing(rig):
        await rig.add("b")
        client = await rig.connect("b")
        await rig.supervisor.freeze("a", "me")
        await rig.supervisor.freeze("a", "me")
        await ping(client)
        await rig.supervisor.thaw("a", "me")
        await rig.supervisor.thaw("a", "me")

        told = [(e.actor, e.what, e.proxy) for e in rig.events(Changed) if e.actor == "me"]
        assert told == [("me", "frozen", "a"), ("me", "thawed", "a")]
        with pytest.raises(NotFound):
            await rig.supervisor.freeze("c", "me")


async def test_nothing_is_lost_while_it_is_frozen_again_and_again() -> None:
    """A megabyte each way arrives exact through twenty freezes, through a handler as well."""
    data = random.Random(5).randbytes(1_000_000)
    async with proxied(behavior="slice", handler={"slice": {"size": 9000}}) as rig:
        client, server = await rig.pair()

        async def send(peer: Peer) -> None:
            await asyncio.get_running_loop().sock_sendall(peer.sock, data)
            peer.half_close()

        async def freeze() -> None:
            for _ in range(20):
                await rig.supervisor.freeze(None, ACTOR)
                await asyncio.sleep(0.005)
                await rig.supervisor.thaw(None, ACTOR)
                await asyncio.sleep(0.005)

        _, _, _, up, down = await asyncio.gather(
            freeze(), send(client), send(server), server.receive_all(), client.receive_all()
        )

        wanted = hashlib.sha256(data).digest()
        assert hashlib.sha256(up).digest() == hashlib.sha256(down).digest() == wanted


async def test_thousands_of_connections_are_frozen_and_thawed() -> None:
    """All obey when the answer comes, and nothing is lost."""
    count = 5000
    async with Listener("127.0.0.1", backlog=4096) as backend:
        host, port = backend.address
        given = ("--listen", "127.0.0.1:0", "--backend", f"{host}:{port}", "--api", "127.0.0.1:0")
        with Headless(*given) as engine:
            pairs: list[tuple[Peer, Peer]] = []
            while len(pairs) < count:
                client = await Peer.connect(engine.address())
                pairs.append((client, await backend.accept()))
            api = engine.ask()
            freezing = asyncio.create_task(asyncio.to_thread(api.freeze))
            assert (await freezing).frozen
            for client, _ in pairs:
                client.sock.send(b"ping")
            await pairs[-1][1].expect_silence(QUIET)

            assert sum(s.upstream for s in api.stats().values()) == 0
            assert api.engine().proxies[0].stats.open == count
            api.thaw()
            for _, server in pairs:
                assert await server.receive_exactly(4) == b"ping"
            for client, server in pairs:
                client.close()
                server.close()


async def test_connections_are_frozen_and_thawed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a step of the loop has time for a few only, the others wait for their turn."""
    monkeypatch.setattr(rounds, "STEP", 0.00002)
    async with proxied() as rig:
        pairs = await rig.pairs(60)
        for change in (rig.supervisor.freeze, rig.supervisor.thaw):
            changing = asyncio.ensure_future(change(None, ACTOR))
            steps = 0
            while not changing.done():
                await asyncio.sleep(0)
                steps += 1

            assert steps >= 5
        for client, server in pairs:
            await client.send(b"x")
            assert await server.receive() == b"x"


async def test_tls_that_ends_here_is_frozen_too() -> None:
    """What is inside of it waits like anything else."""
    async with proxied(tls="terminate", tls_cert=str(files().both)) as rig, echoing(rig):
        client = await TlsPeer.client(await rig.connect())
        await rig.supervisor.freeze(None, ACTOR)
        await client.send(b"inside")
        await client.peer.expect_silence(QUIET)
        await rig.supervisor.thaw(None, ACTOR)

        assert await client.receive() == b"inside"
