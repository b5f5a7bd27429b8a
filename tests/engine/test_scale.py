"""Many proxies: four times as many cost four times the work, and nothing stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from chaostui import registry
from chaostui.api.toxiproxy import ToxiproxyApp
from chaostui.engine.control import runtime
from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.pace import steps
from chaostui.settings import Address, ControlSettings, Profile
from tests.engine.rig import ACTOR, make
from tests.work import Work

FEW, MANY = 25, 100
LINEAR = 1.5 * MANY / FEW
"""The quadratic share that is let pass: with sixteen times the work it was over ten."""


@asynccontextmanager
async def engine(count: int = 0, host: str = "127.0.0.1") -> AsyncIterator[Supervisor]:
    """Run an engine with ``count`` proxies."""
    supervisor = Supervisor(registry.builtin(), seed=1)
    await supervisor.start(profile(count, host))
    try:
        yield supervisor
    finally:
        await supervisor.close()


def profile(count: int, host: str = "127.0.0.1") -> Profile:
    """A profile of ``count`` proxies on free ports."""
    return Profile(proxy=tuple(make(name=f"p{n}", listen=Address(host, 0)) for n in range(count)))


async def toxiproxy(app: ToxiproxyApp, method: str, path: str, body: Any = None) -> int:
    """Call Toxiproxy's API without a socket; return the status."""
    raw = b"" if body is None else json.dumps(body).encode()
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http", "method": method, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return status


def upstream(number: int) -> dict[str, str]:
    """A proxy as Toxiproxy's clients describe it."""
    return {"name": f"p{number}", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}


async def add(count: int) -> int:
    """Add proxies one by one."""
    async with engine() as supervisor:
        with Work() as work:
            for number in range(count):
                await supervisor.add_proxy(make(name=f"p{number}"), ACTOR)
    return work.done


async def switch(count: int) -> int:
    """Disable, enable and remove proxies one by one."""
    async with engine(count) as supervisor:
        with Work() as work:
            for number in range(count):
                for enabled in (False, True):
                    await supervisor.update_proxy(f"p{number}", {"enabled": enabled}, ACTOR)
                await supervisor.remove_proxy(f"p{number}", ACTOR)
    return work.done


async def apply(count: int) -> int:
    """Take a profile, the same again, one on other addresses, and none."""
    async with engine() as supervisor:
        with Work() as work:
            await supervisor.apply(profile(count), ACTOR)
            await supervisor.apply(supervisor.profile(), ACTOR)
            await supervisor.apply(profile(count, "127.0.0.2"), ACTOR)
            await supervisor.apply(Profile(), ACTOR)
    return work.done


async def create(count: int) -> int:
    """Create proxies one by one by Toxiproxy's API."""
    async with engine() as supervisor:
        app = ToxiproxyApp(supervisor, ControlSettings())
        with Work() as work:
            for number in range(count):
                assert await toxiproxy(app, "POST", "/proxies", upstream(number)) == 201
    return work.done


async def populate(count: int) -> int:
    """Populate by Toxiproxy's API, list, and populate anew with another upstream."""
    async with engine() as supervisor:
        app = ToxiproxyApp(supervisor, ControlSettings())
        proxies = [upstream(number) for number in range(count)]
        with Work() as work:
            assert await toxiproxy(app, "POST", "/populate", proxies) == 201
            assert await toxiproxy(app, "GET", "/proxies") == 200
            for proxy in proxies:
                proxy["upstream"] = "127.0.0.1:2"
            assert await toxiproxy(app, "POST", "/populate", proxies) == 201
    return work.done


async def stop(count: int) -> int:
    """Drain and close."""
    async with engine(count) as supervisor:
        with Work() as work:
            await supervisor.drain(1)
            await supervisor.close()
    return work.done


@pytest.fixture(autouse=True)
def no_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what an engine does ten times a second, which a slow machine has more of."""
    monkeypatch.setattr(runtime, "TICK", 3600.0)


@pytest.mark.parametrize("task", [add, switch, apply, create, populate, stop])
async def test_four_times_as_many_proxies_cost_four_times_the_work(
    task: Callable[[int], Awaitable[int]],
) -> None:
    """Starting, changing and stopping a thousand proxies takes a second or two, not a minute."""
    few, many = await task(FEW), await task(MANY)

    assert many < LINEAR * few


async def turns(work: Awaitable[Any]) -> int:
    """How often the loop has its turn until ``work`` is done."""
    count = 0
    done = asyncio.ensure_future(work)
    while not done.done():
        await asyncio.sleep(0)
        count += 1
    await done
    return count


async def test_the_loop_has_its_turn_while_many_proxies_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new profile, halt, reset, a listing, a drain: each can be left after each proxy."""
    monkeypatch.setattr(steps, "LONGEST", 0.0)
    async with engine() as supervisor:
        app = ToxiproxyApp(supervisor, ControlSettings())
        wanted = profile(MANY)
        faulty = tuple(replace(p, behavior=make(behavior="5:delay").behavior) for p in wanted.proxy)
        for name, work in (
            ("apply", supervisor.apply(wanted, ACTOR)),
            ("change", supervisor.apply(Profile(proxy=faulty), ACTOR)),
            ("halt", supervisor.halt("", ACTOR)),
            ("reset", supervisor.reset(ACTOR)),
            ("list", toxiproxy(app, "GET", "/proxies")),
            ("drain", supervisor.drain(1)),
        ):
            assert await turns(work) >= MANY, name
