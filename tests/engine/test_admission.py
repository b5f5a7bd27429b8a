"""refuse, unreachable and bounce, seen by those who connect and by those who are connected."""

from __future__ import annotations

import asyncio
import socket

import pytest

from chaostui.events import Closed, Injected, Warned
from chaostui.settings import Address
from tests.engine.rig import ACTOR, Rig, echoing, proxied
from tests.tcp import Peer, free_port
from tests.wait import SLACK, eventually

LOOPS = 100


async def refused(rig: Rig) -> bool:
    """Try to connect."""
    try:
        peer = await Peer.connect(rig.address())
    except ConnectionRefusedError:
        return True
    peer.close()
    return False


async def echoed(peer: Peer) -> None:
    """Check that a connection works."""
    await peer.send(b"ping")
    assert await peer.receive_exactly(4) == b"ping"


@pytest.mark.parametrize("how", ["mix", "chain"])
async def test_clients_are_refused_at_once_and_served_again(how: str) -> None:
    """ECONNREFUSED within 50 ms, live connections untouched; switched off, clients get in."""
    async with proxied() as rig, echoing(rig):
        live = await rig.connect()
        await echoed(live)
        name = ""
        if how == "mix":
            await rig.mix("refuse")
        else:
            name = await rig.chain("refuse")
        started = asyncio.get_running_loop().time()
        assert await refused(rig)
        assert asyncio.get_running_loop().time() - started < 0.05 + SLACK
        await echoed(live)
        assert rig.hits == {"refuse": 1}

        if how == "mix":
            await rig.mix("")
        else:
            await rig.supervisor.remove_chain(None, name, ACTOR)
        await echoed(await rig.connect())
        await echoed(live)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("options", [(), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,)])
async def test_nobody_can_take_the_port_meanwhile(options: tuple[int, ...], live: bool) -> None:
    """Whatever they try, with live connections or without."""
    async with proxied() as rig, echoing(rig):
        if live:
            await echoed(await rig.connect())
        await rig.chain("refuse")
        for host in ("127.0.0.1", "0.0.0.0"):
            with socket.socket() as thief:
                for option in options:
                    thief.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match="in use"):
                    thief.bind((host, rig.address()[1]))


async def test_an_unreachable_proxy_leaves_clients_waiting() -> None:
    """A second's patience is not enough; who waits longer gets in within 1.5 s of its end."""
    async with proxied() as rig, echoing(rig):
        live = await rig.connect()
        await echoed(live)
        name = await rig.chain("unreachable")
        with socket.socket() as hasty:
            hasty.settimeout(1)
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(hasty.connect, rig.address())
        patient = asyncio.ensure_future(Peer.connect(rig.address()))
        await eventually(lambda: rig.hits == {"unreachable": 1})
        await echoed(live)
        assert not patient.done()

        started = asyncio.get_running_loop().time()
        await rig.supervisor.remove_chain(None, name, ACTOR)
        peer = await patient
        assert asyncio.get_running_loop().time() - started < 1.5
        await echoed(peer)
        await echoed(live)
        peer.close()


async def test_the_engines_own_filler_is_no_client() -> None:
    """Switched on and off many times, no connection is seen that nobody made."""
    async with proxied() as rig, echoing(rig):
        for _ in range(LOOPS):
            name = await rig.chain("unreachable")
            await rig.supervisor.remove_chain(None, name, ACTOR)
            await asyncio.sleep(0)
        await echoed(await rig.connect())

        assert rig.supervisor.proxy().stats.connections == 1


async def test_one_fault_follows_another() -> None:
    """From refused to unreachable and back, in any order."""
    async with proxied() as rig, echoing(rig):
        for mix in ("refuse", "unreachable", "refuse", "unreachable", ""):
            await rig.mix(mix)
            if mix == "refuse":
                assert await refused(rig)
        await echoed(await rig.connect())


async def test_a_bounce_cuts_refuses_and_comes_back() -> None:
    """Live connections see a FIN; for ``down`` seconds nobody gets in; then all is well."""
    async with proxied() as rig, echoing(rig):
        live = await rig.connect()
        await echoed(live)
        started = asyncio.get_running_loop().time()
        await rig.chain("bounce", down=0.4)
        await live.expect_eof()
        while await refused(rig):
            await asyncio.sleep(0.005)

        assert 0.38 < asyncio.get_running_loop().time() - started < 0.6 + SLACK
        await echoed(await rig.connect())
        assert {event.reason for event in rig.events(Closed)} >= {"fault"}
        (told,) = rig.events(Injected)
        assert told.what == "clients are refused, connections cut"


async def test_a_bounce_that_is_over_is_switched_off() -> None:
    """When the backend is back, mix and chain are without it, and an event says so."""
    async with proxied() as rig, echoing(rig):
        await rig.mix("bounce", bounce={"down": 0.2})
        await rig.chain("bounce", down=0.3)
        during = rig.supervisor.proxy()
        await eventually(lambda: not rig.supervisor.proxy().chain)
        after = rig.supervisor.proxy()

        assert during.door == "refuse"
        assert during.mix[0].ends_in is not None
        assert (after.behavior, after.chain, after.door) == ("", (), "accept")
        assert [event.message for event in rig.events(Warned)] == ["clients can connect again"]
        await echoed(await rig.connect())


async def test_a_bounce_can_come_again() -> None:
    """Every ``period`` seconds connections are cut anew."""
    async with proxied() as rig, echoing(rig):
        await rig.chain("bounce", down=0.1, period=0.4)
        for _ in range(2):
            while await refused(rig):
                await asyncio.sleep(0.005)
            live = await rig.connect()
            await echoed(live)
            await live.expect_eof()

        assert rig.hits["bounce"] == 3


async def test_halt_and_bypass_let_clients_in() -> None:
    """What switches everything to normal does so here too."""
    async with proxied(behavior="refuse") as rig, echoing(rig):
        assert await refused(rig)
        await rig.supervisor.set_bypass(None, True, ACTOR)
        await echoed(await rig.connect())
        await rig.supervisor.set_bypass(None, False, ACTOR)
        assert await refused(rig)
        await rig.supervisor.halt("", ACTOR)
        await echoed(await rig.connect())


async def test_a_proxy_may_begin_refusing_and_move() -> None:
    """With the fault in its settings not one client gets in, at its first address or another."""
    async with proxied(behavior="refuse") as rig, echoing(rig):
        assert await refused(rig)
        first, second = rig.address(), Address("127.0.0.1", free_port())
        await rig.supervisor.update_proxy(None, {"listen": second}, ACTOR)
        assert rig.address() == (second.host, second.port) != first
        assert await refused(rig)
        await rig.supervisor.update_proxy(None, {"enabled": False}, ACTOR)
        await rig.supervisor.update_proxy(None, {"enabled": True}, ACTOR)
        assert await refused(rig)

        await rig.mix("")
        await echoed(await rig.connect())
        with pytest.raises(ConnectionRefusedError):
            await Peer.connect(first)


async def test_a_weight_is_a_share_of_the_time() -> None:
    """At 50 % clients are refused in about half of the seconds, by the dice."""
    async with proxied(behavior="50:refuse") as rig:
        proxy = rig.supervisor.core.proxies["a"]
        states = {proxy.door._decide(proxy.door._since + second)[1].state for second in range(40)}
        away = [
            proxy.door._decide(proxy.door._since + second + 0.5)[0] is not None
            for second in range(400)
        ]

        assert states == {"accept", "refuse"}
        assert 150 < sum(away) < 250


async def test_a_proxy_is_closed_as_its_door_opens(caplog: pytest.LogCaptureFixture) -> None:
    """Those about to be let in are closed with it; nothing is left and no task fails."""
    async with proxied(behavior="unreachable") as rig, echoing(rig):
        waiting = [asyncio.ensure_future(rig.connect()) for _ in range(5)]
        await asyncio.sleep(0.1)
        await rig.mix("")
        await rig.supervisor.update_proxy(None, {"enabled": False}, ACTOR)
        for each in waiting:
            each.cancel()
        await rig.empty()

    assert "failed" not in caplog.text
