"""The console's session on a real engine: names of any kind, and the way back from normal."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from chaostui.client import AsyncClient
from chaostui.tui.link import connect
from chaostui.tui.model import chain
from chaostui.tui.session import Session
from chaostui.wire.views import ProxyView
from tests.api.engine import Echo, Engine, proxy

NAMES = (
    "mix",
    "bypass",
    "handlers",
    "a/mix",
    "chain/bypass",
    "%2Fmix",
    "a b",
    "?x=1",
    "#",
    "größe",
)
"""Names that are parts of the API's paths, or look like them."""


class Desk:
    """A session on an engine, worked by hand: one frame and one change at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def look(self) -> None:
        """Take one frame."""
        async with aclosing(self.session.link.live(hz=30)) as frames:  # type: ignore[type-var]
            self.session._apply(await anext(frames))

    async def deliver(self) -> str:
        """Send what waits and take a frame; the answer is what the console says."""
        while self.session.outbox._waiting:
            await self.session.outbox.deliver()
        said = self.session.flashed.text
        await self.look()
        return said

    async def press(self, identity: str, argument: str = "") -> str:
        """Perform an action that changes faults."""
        self.session.fault(identity, argument)
        return await self.deliver()

    def proxy(self, name: str) -> ProxyView:
        """A proxy as the console knows it."""
        return next(p for p in self.session.store.proxies if p.name == name)


@asynccontextmanager
async def desk(engine: Engine) -> AsyncIterator[Desk]:
    """A session on an engine."""
    link = connect(f"http://127.0.0.1:{engine.port}")
    here = Desk(Session(link))
    try:
        await here.session.begin()
        await here.look()
        yield here
    finally:
        await link.close()


def chained(handler: str, name: str, **options: Any) -> dict[str, Any]:
    """A chain entry of a profile."""
    return {"handler": handler, "name": name, "direction": "downstream", **options}


def test_chain_entries_may_be_called_anything() -> None:
    """Entries named as parts of the API's paths are changed, moved, removed and brought back."""
    entries = [chained("delay", name, sleep=0.1) for name in NAMES]

    async def edit() -> None:
        async with desk(engine) as here:
            for name in NAMES:
                whole = here.proxy("web")
                entry = next(e for e in whole.chain if e.name == name)
                here.session.apply(chain.step(whole, entry, -50))
                here.session.apply(chain.put(whole, entry, "sleep", 0.5))
                here.session.apply(chain.remove(whole, entry))
                await here.deliver()
                assert name not in [e.name for e in here.proxy("web").chain]
                for _ in range(3):
                    here.session.undo()
                assert "failed" not in await here.deliver()
                assert here.proxy("web").chain == whole.chain

    with Engine(proxy(chain=entries)) as engine:
        asyncio.run(edit())


def test_proxies_may_be_called_anything() -> None:
    """Every fault key works on a proxy that is called like a part of a path."""

    async def work() -> None:
        async with desk(engine) as here:
            for name in NAMES:
                here.session.look_at(name)
                await here.press("fault.toggle", "delay")
                await here.press("fault.bypass")
                here.session.put_option("delay", "sleep", 0.5)
                await here.deliver()
                found = here.proxy(name)
                assert (found.behavior, found.bypass) == ("20:delay", True)
                assert found.mix[0].options["sleep"] == 0.5
                others = [p for p in here.session.store.proxies if p.name != name]
                assert all(p.behavior == "" and not p.bypass for p in others)
                assert f"{name} normal · ended 20:delay + bypass" in await here.press(
                    "fault.normal-here"
                )

    with Engine(*(proxy(name) for name in NAMES)) as engine:
        asyncio.run(work())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40),
    entry=st.text(min_size=1, max_size=40),
    owner=st.text(max_size=40),
)
def test_no_name_breaks_the_console(name: str, entry: str, owner: str) -> None:
    """Whatever the engine lets a proxy, an entry and an owner be called, the console can change."""

    async def work(engine: Engine) -> None:
        async with desk(engine) as here, AsyncClient("127.0.0.1", engine.port) as other:
            added = engine.ask("POST", "/api/v1/proxies", proxy(name))
            if added.status != 201:
                return
            step = {"handler": "delay", "name": entry, "direction": "both"}
            quoted = added.json["name"]
            here.session.look_at(quoted)
            await other.add_chain("delay", proxy=quoted, name="x")
            session = await other.open_session(owner=owner)
            await other.add_fault(session.id, "5:errors", proxy=quoted)
            await here.look()
            here.session.apply(chain.add([here.proxy(quoted)], chain.Addition(**ADDITION)))
            await here.deliver()
            whole = here.proxy(quoted)
            here.session.apply(chain.remove(whole, whole.chain[-1]))
            await here.deliver()
            assert len(here.proxy(quoted).chain) == 1, step
            before = here.proxy(quoted)
            assert "failed" not in await here.press("fault.normal")
            here.session.undo()
            assert "failed" not in await here.deliver()
            assert same(here.proxy(quoted), before)

    with Engine(proxy("first")) as engine:
        asyncio.run(work(engine))


ADDITION: dict[str, Any] = {
    "handler": "delay", "direction": "both", "probability": 0.5, "options": {},
}  # fmt: skip


def same(one: ProxyView, other: ProxyView) -> bool:
    """Whether two looks at a proxy show the same faults, in the same order."""

    def faults(view: ProxyView) -> tuple[Any, ...]:
        layers = [(f.session, f.session and f.owner, f.behavior, f.options) for f in view.faults]
        entries = [(e.name, e.handler, e.direction, e.probability, e.options) for e in view.chain]
        rest = (view.base, view.base_options, view.behavior, view.bypass, view.enabled, view.pins)
        return (*rest, layers, entries)

    return faults(one) == faults(other)


def test_all_normal_ends_everything_everywhere_and_undo_brings_it_back() -> None:
    """Mixes with their options, chains, pins, doors, faults of sessions and timed ones, bypass."""

    async def work() -> None:
        async with desk(engine) as here, AsyncClient("127.0.0.1", engine.port) as other:
            await other.set_mix("20:delay", proxy="b", options={"delay": {"sleep": 2.0}})
            session = await other.open_session(owner="test_checkout")
            await other.add_fault(session.id, "5:hang", proxy="b", options={})
            await other.set_mix("7:loss", proxy="b", duration=60)
            await other.set_mix("100:refuse", proxy="a")
            await other.set_bypass(True, proxy="c")
            await other.update_proxy("d", enabled=False)
            await here.look()
            (mine,) = await other.connections("c")
            await other.pin(mine.id, "hang")
            await here.look()
            before = {p.name: p for p in here.session.store.proxies}
            said = await here.press("fault.normal")
            calm = here.session.store.proxies
            here.session.undo()
            assert "failed" not in await here.deliver()

            assert said == (
                "all normal · ended a: 100:refuse, b: 7:loss + 5:hang of test_checkout + 20:delay "
                "+ chain 1, c: 1 pinned + bypass, d: closed · u undo"
            )
            assert {(p.behavior, p.chain, p.faults, p.bypass, p.enabled) for p in calm} == {
                ("", (), (), False, True)
            }
            assert not any(p.pins for p in calm)
            for name, view in before.items():
                assert same(here.proxy(name), view), name

    with Echo() as echo:
        there = [proxy(name, echo.address) for name in "abcd"]
        there[1]["chain"] = [chained("delay", "lag", sleep=0.2, probability=0.5)]
        with (
            Engine(*there) as engine,
            socket.create_connection(engine.address("c"), timeout=5) as sock,
        ):
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
            asyncio.run(work())


def test_a_session_that_has_ended_meanwhile_does_not_stop_undo() -> None:
    """Its fault stays away; what comes after it is brought back all the same."""

    async def work() -> None:
        async with desk(engine) as here, AsyncClient("127.0.0.1", engine.port) as other:
            session = await other.open_session(owner="test_checkout")
            await other.add_fault(session.id, "5:hang", proxy="a")
            await other.set_mix("20:delay", proxy="b")
            await here.look()
            await here.press("fault.normal")
            await other.close_session(session.id)
            here.session.undo()
            assert "failed" not in await here.deliver()

            assert [p.behavior for p in here.session.store.proxies] == ["", "20:delay"]

    with Engine(proxy("a"), proxy("b")) as engine:
        asyncio.run(work())


def test_a_proxy_that_cannot_open_is_told_and_all_else_is_normal() -> None:
    """Its address is taken by somebody else; undo brings back what was ended."""

    async def work() -> None:
        async with desk(engine) as here, AsyncClient("127.0.0.1", engine.port) as other:
            place = engine.address("a")
            await other.update_proxy("a", listen=f"127.0.0.1:{place[1]}", enabled=False)
            await other.set_mix("20:delay", proxy="b")
            with socket.create_server(place):
                await here.look()
                said = await here.press("fault.normal")
            calm = here.proxy("b").behavior
            here.session.undo()
            await here.deliver()

            assert "cannot listen on" in said
            assert (calm, here.proxy("b").behavior) == ("", "20:delay")

    with Engine(proxy("a"), proxy("b")) as engine:
        asyncio.run(work())


@pytest.mark.parametrize("handler", ["refuse", "unreachable", "bounce"])
def test_a_door_handler_toggles_for_all_who_connect(handler: str) -> None:
    """Its first weight is all of the time: a server that is down is down."""

    async def work() -> None:
        async with desk(engine) as here:
            await here.press("fault.toggle", handler)
            assert here.proxy("web").behavior == f"100:{handler}"
            assert here.proxy("web").door in ("refuse", "stall")

    with Engine(proxy()) as engine:
        asyncio.run(work())
