"""Halt: everything normal at once, and no new fault until it is released."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import Halted
from chaostui.events import Changed
from chaostui.settings import ChainEntry, Mix, Profile
from tests.engine.rig import ACTOR, echoing, make, ping, proxied
from tests.wait import SOON, eventually


async def test_a_halt_under_load_frees_everything_at_once() -> None:
    """C02: 300 hung and delayed clients on two proxies go on within a quarter of a second.

    In seconds of this thread's own CPU, so that other processes do not count.
    """
    delay = {"delay": {"sleep": 60}}
    async with proxied(behavior="60:hang,40:delay", handler=delay) as rig, echoing(rig):
        await rig.add("b", behavior="hang")
        for number in range(18):
            await rig.chain("delay", name=f"d{number}", sleep=60)
        clients = [await rig.connect(("a", "b")[number % 2]) for number in range(300)]
        asked = [asyncio.ensure_future(ping(client)) for client in clients]
        await eventually(
            lambda: sum(sum(s.hits.values()) for s in rig.supervisor.stats().values()) >= 300
        )
        start, worked = asyncio.get_running_loop().time(), time.thread_time()
        halt = await rig.supervisor.halt("enough", "me")
        await asyncio.gather(*asked)

        assert time.thread_time() - worked <= 0.25
        assert asyncio.get_running_loop().time() - start < SOON
        assert (halt.halted, halt.by) == (True, "me: enough")
        for view in rig.supervisor.proxies():
            assert (view.behavior, view.mix, view.chain) == ("", (), ())


NEW_FAULTS: dict[str, Callable[[Supervisor], Awaitable[object]]] = {
    "mix": lambda s: s.set_mix(None, Mix.parse("1:delay"), ACTOR),
    "freeze": lambda s: s.freeze(None, ACTOR),
    "mix for a while": lambda s: s.set_mix(None, Mix.parse("delay"), ACTOR, duration=1),
    "weight": lambda s: s.set_weights(None, {"delay": 1}, ACTOR),
    "chain": lambda s: s.add_chain(None, ChainEntry(handler="delay"), ACTOR),
    "pin": lambda s: s.pin(s.connections()[0].id, "delay", ACTOR),
    "proxy": lambda s: s.add_proxy(make(name="b", behavior="1:delay"), ACTOR),
    "proxy with a chain": lambda s: s.add_proxy(
        make(name="b", chain=(ChainEntry(handler="delay"),)), ACTOR
    ),
    "proxy changed": lambda s: s.update_proxy(None, {"behavior": Mix.parse("1:delay")}, ACTOR),
    "chain changed": lambda s: s.update_proxy(
        None, {"chain": (ChainEntry(handler="delay"),)}, ACTOR
    ),
    "profile": lambda s: s.apply(Profile(proxy=(make(name="a", behavior="1:delay"),)), ACTOR),
}


@pytest.mark.parametrize("what", NEW_FAULTS)
async def test_no_new_fault_is_taken_while_halted(what: str) -> None:
    """Whatever would switch a fault on is refused with who halted and when, and does nothing."""
    async with proxied() as rig:
        await rig.pair()
        await rig.supervisor.halt("", "me")
        before = rig.supervisor.profile()
        with pytest.raises(Halted, match=r"^halted by me at \d\d:\d\d:\d\d$"):
            await NEW_FAULTS[what](rig.supervisor)

        assert rig.supervisor.profile() == before
        await rig.supervisor.release("me")
        if what != "profile":  # its proxy wants another port
            await NEW_FAULTS[what](rig.supervisor)


async def test_a_fault_of_a_session_is_refused_while_halted() -> None:
    """Sessions may open, their faults may not."""
    async with proxied() as rig:
        await rig.supervisor.halt("", "me")
        session = await rig.supervisor.open_session(30, "test", ACTOR)
        with pytest.raises(Halted):
            await rig.supervisor.add_fault(session.id, None, Mix.parse("delay"), ACTOR)


async def test_what_is_no_fault_is_taken_while_halted() -> None:
    """Normal, weights of zero, options, proxies without faults: all as ever."""
    async with proxied() as rig:
        await rig.supervisor.halt("", "me")
        await rig.mix("normal")
        await rig.mix("0:delay")
        await rig.supervisor.set_weights(None, {"delay": 0}, ACTOR)
        await rig.supervisor.set_options(None, "delay", {"sleep": 2}, ACTOR)
        await rig.add("b")
        await rig.supervisor.update_proxy("b", {"enabled": False}, ACTOR)
        await rig.supervisor.remove_proxy("b", ACTOR)
        await rig.supervisor.reset(ACTOR)

        assert rig.supervisor.halted().halted


async def test_a_halt_ends_the_faults_of_sessions_and_pins_too() -> None:
    """What a session laid over the mix, and what one connection was pinned to, is gone."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        session = await rig.supervisor.open_session(30, "test", ACTOR)
        await rig.supervisor.add_fault(session.id, None, Mix.parse("hang"), ACTOR)
        await rig.supervisor.pin(rig.only.id, "hang", ACTOR)
        asked = asyncio.ensure_future(ping(client))
        await eventually(lambda: rig.hits)
        await rig.supervisor.halt("", "me")
        await asked

        assert rig.supervisor.proxy().faults == ()
        assert rig.only.pinned == ""
        await rig.supervisor.close_session(session.id, ACTOR)


async def test_what_a_halt_ended_does_not_come_back() -> None:
    """After the release everything is still normal, and new faults are taken."""
    async with proxied(behavior="hang") as rig, echoing(rig):
        await rig.supervisor.halt("", "me")
        await rig.supervisor.release("me")
        await ping(await rig.connect())

        assert rig.supervisor.proxy().behavior == ""
        await rig.mix("1:delay")


async def test_halting_twice_is_halting_once() -> None:
    """The first to halt is the one who is told; each release is written down once."""
    async with proxied() as rig:
        first = await rig.supervisor.halt("fire", "me")
        assert await rig.supervisor.halt("water", "you") == first
        await rig.supervisor.release("you")
        await rig.supervisor.release("you")

        assert not rig.supervisor.halted().halted
        changes = [event.what for event in rig.events(Changed)]
        assert changes == ["halt", "halt released"]


async def test_a_halt_does_not_wait_for_a_client_that_does_not_read() -> None:
    """A stuck reader with held bytes does not delay a halt."""
    async with proxied(max_held=65_536) as rig:
        _, server = await rig.pair(receive_buffer=4096)
        await rig.fault("delay", sleep=60, direction="downstream")
        await server.send_until_stuck()
        start = asyncio.get_running_loop().time()
        await rig.supervisor.halt("", "me")

        assert asyncio.get_running_loop().time() - start < SOON
