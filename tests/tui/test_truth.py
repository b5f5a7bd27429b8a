"""What the top bar says agrees with what the engine says, in every state that can be reached.

The oracle reads the API's JSON by rules of its own; where the bar says that nothing is on, real
clients must get through.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from chaostui.settings import ChainEntry, Mix
from chaostui.tui.model.status import status
from chaostui.wire.views import EngineView
from tests.engine.rig import ACTOR, Rig, echoing, ping, proxied
from tests.tcp import Peer

NAMES = ("redis", "mysql", "web")


class State(NamedTuple):
    """What is done to one proxy."""

    mix: str
    chain: str
    pin: str
    bypass: bool
    session: str | None
    timed: str | None
    disabled: bool


STATES = [
    State(*each)
    for each in itertools.product(
        ("", "20:delay", "100:blackout", "100:refuse"),
        ("", "corrupt", "unreachable"),
        ("", "hang", "normal"),
        (False, True),
        (None, "", "30:errors"),
        (None, "7:loss"),
        (False, True),
    )
]


class Place:
    """The engine under test, and what was done to it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.clients: dict[str, Peer] = {}

    async def put(self, name: str, state: State, *, frozen: bool = False) -> None:
        """Bring a proxy that is normal and has one client into a state."""
        supervisor = self.rig.supervisor
        await self.greet(name)
        if state.pin:
            (found,) = supervisor.connections(name)
            await supervisor.pin(found.id, state.pin, ACTOR)
        await supervisor.set_mix(name, Mix.parse(state.mix), ACTOR)
        if state.chain:
            await supervisor.add_chain(name, ChainEntry(handler=state.chain), ACTOR)
        if state.session is not None:
            session = await supervisor.open_session(60, "a_test", ACTOR)
            await supervisor.add_fault(session.id, name, Mix.parse(state.session), ACTOR)
        if state.timed is not None:
            await supervisor.set_mix(name, Mix.parse(state.timed), ACTOR, duration=60)
        await supervisor.set_bypass(name, state.bypass, ACTOR)
        if frozen:
            await supervisor.freeze(name, ACTOR)
        if state.disabled:
            await supervisor.update_proxy(name, {"enabled": False}, ACTOR)

    async def greet(self, name: str) -> None:
        """Have one client on a proxy that is normal, which is served."""
        if name in self.clients:
            self.clients.pop(name).close()
        while self.rig.supervisor.connections(name):
            await asyncio.sleep(0.001)
        self.clients[name] = await self.rig.connect(name)
        await ping(self.clients[name])

    async def calm(self) -> None:
        """Back to normal."""
        supervisor = self.rig.supervisor
        for session in supervisor.sessions():
            await supervisor.close_session(session.id, ACTOR)
        await supervisor.release(ACTOR)
        await supervisor.reset(ACTOR)

    def said(self) -> tuple[str, dict[str, Any]]:
        """What the top bar says, and the API's own JSON."""
        raw = msgspec.json.encode(self.rig.supervisor.view())
        engine = msgspec.json.decode(raw, type=EngineView)
        return status(engine, engine.proxies).word, json.loads(raw)

    async def served(self) -> None:
        """Check that every proxy lets clients through."""
        for proxy in self.rig.supervisor.proxies():
            async with await Peer.connect(self.rig.address(proxy.name)) as client:
                await ping(client)


@asynccontextmanager
async def place(names: Iterable[str]) -> AsyncIterator[Place]:
    """An engine with these proxies before one backend that echoes."""
    first, *others = names
    async with proxied(name=first) as rig, echoing(rig):
        for name in others:
            await rig.add(name)
        yield Place(rig)


def expected(api: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What there is to say of each proxy, from the API's JSON alone."""
    told = {}
    for proxy in api["proxies"]:
        passing = proxy["bypass"] or api["halt"]["halted"]
        frozen = proxy["enabled"] and proxy["frozen"]
        acting = proxy["enabled"] and not passing and not frozen
        weights = [part.split(":") for part in proxy["behavior"].split(",") if part]
        told[proxy["name"]] = {
            "closed": not proxy["enabled"],
            "bypass": proxy["enabled"] and proxy["bypass"] and not frozen,
            "frozen": frozen,
            "share": sum(float(w) for w, n in weights if n != "normal") if acting else 0,
            "chain": len(proxy["chain"]) if acting else 0,
            "pins": sum(n for h, n in proxy["pins"].items() if h != "normal") if acting else 0,
            "door": proxy["door"] != "accept" and not frozen,
        }
    return told


def read(word: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """What the words say of each proxy."""
    blank = {"share": 0, "chain": 0, "pins": 0}
    blank |= dict.fromkeys(("closed", "bypass", "frozen", "door"), False)
    told: dict[str, dict[str, Any]] = {name: dict(blank) for name in names}
    for part in word.split(" · "):
        label, _, rest = part.removeprefix("PROXY ").partition(" ")
        if label in ("CLOSED", "FROZEN", "BYPASS", "BYPASS:"):
            key = label.rstrip(":").lower()
            for name in rest.split(", ") if rest in _lists(names) else names:
                told[name][key] = True
        elif label == "FAULTS":
            _faults(part.removeprefix("FAULTS ON "), told)
    return told


def _lists(names: list[str]) -> set[str]:
    """Every list of some of the names."""
    some = (c for n in range(1, len(names) + 1) for c in itertools.combinations(names, n))
    return {", ".join(each) for each in some}


def _faults(text: str, told: dict[str, dict[str, Any]]) -> None:
    for words in text.split(", "):
        name, rest = words.split(" ", 1) if len(told) > 1 else (next(iter(told)), words)
        told[name] |= {
            "share": _figure(r"([\d.]+)%", rest),
            "chain": _figure(r"chain (\d+)", rest),
            "pins": _figure(r"(\d+) pinned", rest),
            "door": "clients" in rest,
        }


def _figure(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0


async def agree(here: Place) -> None:
    """Compare what is said with what is so."""
    word, api = here.said()
    names = [proxy["name"] for proxy in api["proxies"]]
    wanted = expected(api)
    assert ("HALTED" in word) == api["halt"]["halted"], word
    assert read(word, names) == wanted, word
    calm = not any(any(e.values()) for e in ({**e, "bypass": 0} for e in wanted.values()))
    assert calm == (not re.search("FAULTS|CLOSED|FROZEN", word)), word
    if calm:
        await here.served()


@pytest.mark.parametrize("part", range(4))
async def test_the_top_bar_agrees_with_the_api_for_one_proxy(part: int) -> None:
    """Each combination of mix, chain, pin, bypass, faults of sessions, timed ones and closed.

    Every third is frozen as well.
    """
    seen = set()
    size = len(STATES) // 4
    async with place(NAMES[:1]) as here:
        some = random.Random(3).sample(STATES, len(STATES))[part * size :][:size]
        for number, state in enumerate(some):
            await here.put("redis", state, frozen=number % 3 == 0)
            await agree(here)
            seen.add(here.said()[0])
            await here.calm()

    assert len(STATES) == 864
    assert len(seen) > 8


async def test_the_top_bar_agrees_with_the_api_for_several_proxies() -> None:
    """The same for three proxies in states of their own, halted and not."""
    dice = random.Random(11)
    reached, frozen = set(), 0
    async with place(NAMES) as here:
        for _ in range(120):
            states = [dice.choice(STATES) for _ in NAMES]
            for name, state in zip(NAMES, states, strict=True):
                await here.put(name, state, frozen=dice.random() < 0.2)
            await agree(here)
            reached.add((*states, False))
            frozen += "FROZEN" in here.said()[0]
            if dice.random() < 0.3:
                await here.rig.supervisor.halt("", "ci")
                await agree(here)
                reached.add((*states, True))
            await here.calm()
            await agree(here)

    assert len(reached) > 140
    assert frozen > 20
