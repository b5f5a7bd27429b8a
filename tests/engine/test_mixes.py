"""Faults that come, change and go while connections are open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from chaostui import registry
from chaostui.actions import Action, Send, Stall
from chaostui.errors import Conflict, NotFound, SettingsError
from chaostui.events import Closed, Exchanged, Injected
from chaostui.handler import Handler
from chaostui.protocol import Frame
from chaostui.settings import Mix
from tests.engine.rig import ACTOR, Rig, catalog, echoing, fill, ping, proxied, quickest
from tests.wait import SLACK, SOON, eventually

HOLDING: dict[str, dict[str, Any]] = {
    "delay": {"sleep": 60},
    "hang": {},
    "reset": {"after": 60},
}
"""Handlers that keep bytes until they are switched off."""


async def hit_by(rig: Rig, name: str, times: int = 1) -> None:
    """Wait until a handler has hit so many times."""
    await eventually(lambda: rig.hits.get(name, 0) >= times, what=f"{name} hits {times} times")


# -- switching off ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), HOLDING.items())
async def test_a_handler_that_is_switched_off_lets_go_in_order_within_the_call(
    name: str, options: dict[str, Any]
) -> None:
    """When the call returns nothing is held, and what was held arrives as it was sent."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.fault(name, **options)
        sent = b"".join(b"%05d" % number for number in range(2000))
        for at in range(0, len(sent), 1000):
            await client.send(sent[at : at + 1000])
            await asyncio.sleep(0)
        await hit_by(rig, name)
        await server.expect_silence(0.1)

        await rig.mix("")
        assert rig.only.held == 0
        await client.send(b"and more")
        assert await server.receive_exactly(len(sent) + 8) == sent + b"and more"


@pytest.mark.parametrize("way", ["mix", "weight", "bypass", "halt", "reset", "duration"])
async def test_a_hang_heals_however_it_ends(way: str) -> None:
    """Request and reply go through once a hang ends, and the connection works on."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        supervisor = rig.supervisor
        await rig.mix("hang", duration=0.3 if way == "duration" else None)
        asked = asyncio.ensure_future(ping(client, b"hung"))
        await hit_by(rig, "hang")
        assert not asked.done()

        if way == "mix":
            await rig.mix("")
        elif way == "weight":
            await supervisor.set_weights(None, {"hang": 0}, ACTOR)
        elif way == "bypass":
            await supervisor.set_bypass(None, True, ACTOR)
        elif way == "halt":
            await supervisor.halt("enough", ACTOR)
        elif way == "reset":
            await supervisor.reset(ACTOR)
        await asked
        await ping(client, b"again")


async def test_a_hang_at_open_heals_into_a_working_connection() -> None:
    """A client that connected during a hang is joined with the backend when it is lifted."""
    async with proxied(behavior="hang") as rig, echoing(rig):
        client = await rig.connect()
        asked = asyncio.ensure_future(ping(client, b"first"))
        await hit_by(rig, "hang")
        await rig.mix("")

        await asked
        await ping(client, b"second")


async def test_a_hang_in_the_chain_heals_when_its_entry_is_removed() -> None:
    """A stalled reply goes on when the chain entry is gone."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        name = await rig.chain("hang", direction="downstream")
        asked = asyncio.ensure_future(ping(client))
        await hit_by(rig, "hang")
        assert not asked.done()
        await rig.supervisor.remove_chain(None, name, ACTOR)

        await asked


async def test_faults_are_removed_at_once_from_dead_and_stuck_connections() -> None:
    """T05: with 50 connections stuck each way and 50 dead ones, removal is done soon."""
    async with proxied(max_held=65_536) as rig:
        stuck = [await rig.pair(receive_buffer=4096) for _ in range(50)]
        dead = await rig.pairs(50)
        await rig.mix("hang")
        await asyncio.gather(*(client.send_until_stuck(quiet=0.1) for client, _ in stuck))
        for client, server in dead:
            await client.send(b"x")
            server.reset()
        start = asyncio.get_running_loop().time()
        await rig.mix("")

        assert asyncio.get_running_loop().time() - start < SOON
        assert rig.supervisor.proxy().mix == ()


class MuteReplies(Handler):
    """Stalls replies alone."""

    name = "mute"

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(frame.data) if self.context.upstream else Stall()


async def test_what_an_earlier_exchange_holds_goes_on_too() -> None:
    """A reply that stalled heals although the client has asked again since, without a fault."""
    async with proxied(known=catalog(MuteReplies)) as rig:
        client, server = await rig.pair()
        await rig.fault("mute", max_hits=1)
        await client.send(b"first")
        await server.receive_exactly(5)
        await server.send(b"one ")
        await hit_by(rig, "mute")
        await client.send(b"second")
        assert await server.receive_exactly(6) == b"second"
        await server.send(b"two")
        await client.expect_silence(0.05)
        await rig.mix("")

        assert await client.receive_exactly(7) == b"one two"


async def test_an_entry_that_rolled_off_still_lets_go_of_what_it_held() -> None:
    """A chain entry acts on one exchange in its time, and is removed in that of another."""
    async with proxied(known=catalog(MuteReplies)) as rig:
        client, server = await rig.pair()
        name = await rig.chain("mute", direction="downstream", max_hits=1)
        await client.send(b"first")
        await server.receive_exactly(5)
        await server.send(b"one ")
        await hit_by(rig, "mute")
        await client.send(b"second")
        assert await server.receive_exactly(6) == b"second"
        await server.send(b"two")
        await rig.supervisor.remove_chain(None, name, ACTOR)

        assert await client.receive_exactly(7) == b"one two"


# -- switching on and changing ----------------------------------------------------------------


async def test_what_is_switched_on_acts_on_the_rest_of_a_request() -> None:
    """Of a request under way what was sent is there, the rest is held; it is hit once."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await client.send(b"request ")
        assert await server.receive_exactly(8) == b"request "
        await rig.fault("hang")
        await client.send(b"goes on")
        await server.expect_silence(0.1)
        await client.send(b" and on")
        assert rig.hits == {"hang": 1}
        await rig.mix("")

        assert await server.receive_exactly(14) == b"goes on and on"


async def test_new_options_act_at_once_on_live_connections() -> None:
    """A request held for a minute goes on when the minute becomes 10 ms, and the next takes 10."""
    async with proxied(behavior="delay", handler={"delay": {"sleep": 60}}) as rig, echoing(rig):
        client = await rig.connect()
        asked = asyncio.ensure_future(ping(client))
        await hit_by(rig, "delay")
        view = await rig.supervisor.set_options(None, "delay", {"sleep": 0.01}, ACTOR)

        assert view.options["sleep"] == 0.01
        await asked
        assert 0.009 <= await ping(client) < 1


async def test_wrong_options_change_nothing() -> None:
    """A value out of bounds is refused with its path, and the one before stays in force."""
    async with proxied(behavior="delay", handler={"delay": {"sleep": 0.02}}) as rig, echoing(rig):
        client = await rig.connect()
        for wrong in ({"sleep": -1}, {"slep": 1}, {"sleep": "long"}):
            with pytest.raises(SettingsError, match=r"handler\.delay|delay"):
                await rig.supervisor.set_options(None, "delay", wrong, ACTOR)

        assert rig.supervisor.handler(None, "delay").options["sleep"] == 0.02
        assert 0.019 <= await ping(client) < 1


async def test_an_option_set_to_nothing_is_at_its_default_again() -> None:
    """None takes a setting away."""
    async with proxied(handler={"delay": {"jitter": 0.5}}) as rig:
        await rig.supervisor.set_options(None, "delay", {"sleep": 3, "jitter": 0.1}, ACTOR)
        await rig.supervisor.set_options(None, "delay", {"sleep": None, "jitter": None}, ACTOR)

        options = rig.supervisor.handler(None, "delay").options
        assert (options["sleep"], options["jitter"]) == (1.0, 0.5)


async def test_an_unknown_handler_is_refused_with_the_nearest_name() -> None:
    """A mix with a misspelled handler changes nothing and says what was meant."""
    async with proxied(behavior="5:delay") as rig:
        with pytest.raises(SettingsError, match="delay"):
            await rig.mix("20:dealy")

        assert rig.supervisor.proxy().behavior == "5:delay"


async def test_weights_change_one_by_one() -> None:
    """Setting a weight leaves the others; over 100 in all is refused."""
    async with proxied(behavior="20:delay,5:errors") as rig:
        view = await rig.supervisor.set_weights(None, {"delay": 30.5, "hang": 1}, ACTOR)
        assert view.behavior == "30.5:delay,5:errors,1:hang"
        with pytest.raises(SettingsError, match="over 100"):
            await rig.supervisor.set_weights(None, {"hang": 90}, ACTOR)

        assert rig.supervisor.proxy().behavior == "30.5:delay,5:errors,1:hang"


async def test_a_mix_with_a_duration_gives_way_to_the_one_before() -> None:
    """C01: 50 connections are hit for half a second, then work as before."""
    async with proxied() as rig, echoing(rig):
        clients = [await rig.connect() for _ in range(50)]
        start = asyncio.get_running_loop().time()
        await rig.mix("hang", duration=0.5)
        await asyncio.gather(*(ping(client) for client in clients))

        assert 0.45 <= asyncio.get_running_loop().time() - start <= SOON
        assert rig.supervisor.proxy().behavior == ""
        assert rig.hits == {"hang": 50}
        assert [change.actor for change in rig.supervisor.journal()][-1] == "duration"


async def test_a_handler_with_a_duration_switches_itself_off() -> None:
    """The option ``duration`` ends a handler of the mix and an entry of the chain."""
    async with proxied(behavior="100:delay", handler={"delay": {"duration": 0.3}}) as rig:
        await rig.chain("hang", direction="upstream", duration=0.3)
        ends_in = rig.supervisor.handler(None, "delay").ends_in
        assert ends_in is not None
        assert 0 < ends_in <= 0.3

        await eventually(lambda: not rig.supervisor.proxy().chain, within=2)
        await eventually(lambda: not rig.supervisor.proxy().mix, within=2)


# -- how often --------------------------------------------------------------------------------


async def test_max_hits_is_exact_over_many_connections() -> None:
    """C10: of 100 connections at once exactly three are hit."""
    async with proxied() as rig, echoing(rig):
        await rig.fault("delay", sleep=0.02, max_hits=3)
        clients = [await rig.connect() for _ in range(100)]
        await asyncio.gather(*(ping(client) for client in clients))

        assert rig.hits == {"delay": 3}
        assert len(rig.events(Injected)) == 3


async def test_every_third_draw_hits() -> None:
    """``every`` counts draws: requests 3, 6 and 9 of ten are hit."""
    async with proxied() as rig, echoing(rig):
        await rig.fault("delay", sleep=0.001, every=3)
        client = await rig.connect()
        for _ in range(10):
            await ping(client)

        assert [event.exchange for event in rig.events(Injected)] == [3, 6, 9]


async def test_a_draw_that_never_hit_is_given_back() -> None:
    """A client that is drawn and leaves without a word does not use up max_hits."""
    async with proxied() as rig, echoing(rig):
        await rig.fault("delay", sleep=0.001, max_hits=1)
        silent = await rig.connect()
        await eventually(lambda: len(rig.supervisor.connections()) == 1)
        silent.close()
        await rig.empty()
        await ping(await rig.connect())

        assert rig.hits == {"delay": 1}


EACH_HITS: dict[str, dict[str, Any]] = {
    "delay": {"sleep": 0.001},
    "errors": {},
    "hang": {},
    "blackout": {},
    "abort": {},
    "transient": {"agitate": 1_000_000},
    "reset": {},
}


@pytest.mark.parametrize(("name", "options"), EACH_HITS.items())
async def test_a_weight_of_100_hits_every_connection_once(
    name: str, options: dict[str, Any]
) -> None:
    """B13: 40 connections with one request each count 40 hits and 40 events."""
    async with proxied(behavior=name, handler={name: options}) as rig, echoing(rig):
        clients = [await rig.connect() for _ in range(40)]
        for client in clients:
            try:
                await client.send(b"ping")
            except ConnectionError:
                assert name == "blackout"
        await hit_by(rig, name, 40)
        for client in clients:
            client.reset()
        await rig.empty()

        assert rig.hits == {name: 40}
        assert {event.connection for event in rig.events(Injected)} == set(range(1, 41))


@pytest.mark.parametrize("name", [kind.name for kind in registry.HANDLERS])
@pytest.mark.parametrize("where", ["mix", "chain"])
async def test_a_chance_of_zero_cannot_be_told_from_no_fault(name: str, where: str) -> None:
    """B13: bytes pass, FIN stays FIN, RST stays RST, and no counter moves."""
    async with proxied(behavior=f"0:{name}" if where == "mix" else "") as rig:
        if where == "chain":
            await rig.chain(name, direction="both", probability=0.0)
        for _ in range(5):
            client, server = await rig.pair()
            await client.send(b"ping")
            assert await server.receive_exactly(4) == b"ping"
            await server.send(b"pong")
            assert await client.receive_exactly(4) == b"pong"
            client.half_close()
            await server.expect_eof()
            server.half_close()
            await client.expect_eof()
        client, server = await rig.pair()
        server.reset()
        await client.expect_reset()
        await rig.empty()

        assert rig.hits == {}
        assert rig.events(Injected) == []
        assert [event.reason for event in rig.events(Closed)] == [
            *["client closed"] * 5,
            "reset by backend",
        ]


async def test_a_draw_per_connection_holds_for_all_its_requests() -> None:
    """With ``draw = "connection"`` a connection is hit in each request or in none."""
    async with proxied(draw="connection") as rig, echoing(rig):
        await rig.mix("50:delay", delay={"sleep": 0.001})
        for _ in range(30):
            client = await rig.connect()
            for _ in range(4):
                await ping(client)
            client.close()
        await rig.empty()

        per_connection = [
            sum(event.connection == number for event in rig.events(Injected))
            for number in range(1, 31)
        ]
        assert set(per_connection) == {0, 4}
        assert 5 <= per_connection.count(4) <= 25


async def test_a_draw_per_request_differs_within_a_connection() -> None:
    """By default each request of a connection is drawn anew, and told when it was hit."""
    async with proxied() as rig, echoing(rig):
        await rig.mix("50:delay", delay={"sleep": 0.001})
        client = await rig.connect()
        for _ in range(60):
            await ping(client)

        hit = [event.exchange for event in rig.events(Injected)]
        assert 15 <= len(hit) <= 45
        assert [e.exchange for e in rig.events(Exchanged) if e.handler == "delay"] == hit[
            : len(rig.events(Exchanged))
        ]


async def test_a_chain_entry_acts_with_its_probability() -> None:
    """An entry of 0.3 hits about three in ten requests, one of 1 each."""
    async with proxied() as rig, echoing(rig):
        await rig.chain("delay", name="some", probability=0.3, sleep=0.001)
        await rig.chain("delay", name="all", direction="upstream", sleep=0.001)
        client = await rig.connect()
        for _ in range(200):
            await ping(client)

        hits = {entry.name: entry.hits for entry in rig.supervisor.chain(None)}
        assert hits["all"] == 200
        assert 40 <= hits["some"] <= 80


# -- one connection ---------------------------------------------------------------------------


async def test_a_pin_acts_on_one_connection_alone() -> None:
    """A pinned handler hits each request of its connection and no other."""
    async with proxied(handler={"delay": {"sleep": 0.03}}) as rig, echoing(rig):
        pinned, free = await rig.connect(), await rig.connect()
        await ping(pinned)
        await ping(free)
        first = rig.supervisor.connections()[0]
        view = await rig.supervisor.pin(first.id, "delay", ACTOR)

        assert view.pinned == "delay"
        for _ in range(3):
            assert await ping(pinned) >= 0.029
            assert await quickest(free) < 0.029
        assert rig.hits == {"delay": 3}
        await rig.supervisor.pin(first.id, None, ACTOR)
        assert await quickest(pinned) < 0.029


async def test_a_pinned_hang_heals_when_it_is_unpinned() -> None:
    """Unpinning lets go of what the pinned handler held."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        await rig.supervisor.pin(rig.only.id, "hang", ACTOR)
        asked = asyncio.ensure_future(ping(client))
        await hit_by(rig, "hang")
        await rig.supervisor.pin(rig.only.id, None, ACTOR)

        await asked


async def test_a_pin_of_an_unknown_handler_or_connection_is_refused() -> None:
    """Both are told apart."""
    async with proxied() as rig:
        await rig.pair()
        with pytest.raises(SettingsError):
            await rig.supervisor.pin(rig.only.id, "nothing", ACTOR)
        with pytest.raises(NotFound):
            await rig.supervisor.pin(99, "delay", ACTOR)


# -- bypass and reset -------------------------------------------------------------------------


async def test_a_bypass_keeps_the_mix_and_does_not_apply_it() -> None:
    """While bypassed everything passes; afterwards the same mix acts again."""
    async with proxied(behavior="delay", handler={"delay": {"sleep": 0.03}}) as rig, echoing(rig):
        client = await rig.connect()
        assert await ping(client) >= 0.029
        view = await rig.supervisor.set_bypass(None, True, ACTOR)
        assert (view.behavior, view.bypass) == ("100:delay", True)
        assert await quickest(client) < 0.029
        await rig.supervisor.set_bypass(None, False, ACTOR)

        assert await ping(client) >= 0.029


async def test_a_reset_makes_everything_normal_and_wakes_what_was_disabled() -> None:
    """T07: mixes, chains, pins and bypass are gone, disabled proxies are on, 100 clients live."""
    async with proxied(behavior="hang") as rig, echoing(rig):
        await rig.add("b")
        clients = [await rig.connect() for _ in range(50)]
        asked = [asyncio.ensure_future(ping(client)) for client in clients]
        await hit_by(rig, "hang", 50)
        await rig.chain("delay", sleep=60)
        await rig.supervisor.set_bypass(None, True, ACTOR)
        await rig.supervisor.update_proxy("b", {"enabled": False}, ACTOR)
        start = asyncio.get_running_loop().time()
        await rig.supervisor.reset(ACTOR)

        assert asyncio.get_running_loop().time() - start < SOON
        await asyncio.gather(*asked)
        view = rig.supervisor.proxy()
        assert (view.behavior, view.chain, view.bypass) == ("", (), False)
        await ping(await rig.connect("b"))


# -- chains -----------------------------------------------------------------------------------


async def test_two_delays_of_a_chain_add_up() -> None:
    """B11: 30 ms and 50 ms make 80 ms."""
    async with proxied() as rig, echoing(rig):
        await rig.chain("delay", name="one", sleep=0.03, direction="upstream")
        await rig.chain("delay", name="two", sleep=0.05, direction="upstream")
        client = await rig.connect()

        times = sorted([await ping(client) for _ in range(5)])
        assert times[0] >= 0.079
        assert times[2] < 0.08 + SLACK


async def test_a_chain_entry_is_updated_and_removed_by_name() -> None:
    """Its options and probability change at once; a second removal finds nothing."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        name = await rig.chain("delay", direction="upstream", sleep=60)
        asked = asyncio.ensure_future(ping(client))
        await hit_by(rig, "delay")
        view = await rig.supervisor.update_chain(None, name, ACTOR, options={"sleep": 0.01})
        await asked
        assert (view.options["sleep"], view.probability) == (0.01, 1.0)
        with pytest.raises(Conflict, match="delay_upstream"):
            await rig.chain("delay", direction="upstream")
        await rig.supervisor.remove_chain(None, name, ACTOR)
        with pytest.raises(NotFound):
            await rig.supervisor.remove_chain(None, name, ACTOR)

        await ping(client)
        assert rig.supervisor.chain(None) == ()


async def test_a_chain_reaches_connections_that_are_open_already() -> None:
    """B15: 40 idle connections meet an entry that was added after them."""
    async with proxied() as rig:
        pairs = await rig.pairs(40)
        await rig.chain("reset", direction="upstream")
        for client, _ in pairs:
            await client.send(b"hello")
        for client, server in pairs:
            await client.expect_reset()
            await server.expect_reset()

        assert rig.hits == {"reset": 40}


async def test_a_chain_is_full_at_100_entries() -> None:
    """A10: the 101st entry is refused with the limit."""
    async with proxied() as rig:
        for number in range(100):
            await rig.chain("delay", name=f"d{number}", sleep=0)
        with pytest.raises(Conflict, match="100"):
            await rig.chain("delay", name="one more")


async def test_a_slow_reader_does_not_hold_up_a_change() -> None:
    """A client that never reads, with held bytes, does not delay a change of the mix."""
    async with proxied() as rig:
        _, server = await rig.pair(receive_buffer=4096)
        await rig.fault("delay", sleep=0.01, direction="downstream")
        await fill(server)
        start = asyncio.get_running_loop().time()
        await rig.mix("")

        assert asyncio.get_running_loop().time() - start < SOON


async def test_bypass_covers_pins() -> None:
    """Bypassed, a pinned connection passes and what was held goes on; the pin is kept."""
    async with proxied(behavior="100:blackout") as rig, echoing(rig):
        await rig.supervisor.set_bypass(None, True, ACTOR)
        client = await rig.connect()
        await ping(client)
        await rig.supervisor.pin(rig.only.id, "hang", ACTOR)
        await ping(client)
        await rig.supervisor.set_bypass(None, False, ACTOR)
        asked = asyncio.ensure_future(ping(client))
        await eventually(lambda: rig.hits.get("hang"))
        kept = rig.supervisor.proxy()
        assert not asked.done()
        await rig.supervisor.set_bypass(None, True, ACTOR)
        await asked

        assert kept.pins == rig.supervisor.proxy().pins == {"hang": 1}
        assert rig.only.pinned == "hang"


async def test_a_proxy_counts_its_pins() -> None:
    """Pins are counted by handler; one that is freed, reset or closed counts no more."""
    async with proxied() as rig, echoing(rig):
        clients = [await rig.connect() for _ in range(4)]
        for client in clients:
            await ping(client)
        ids = [view.id for view in rig.supervisor.connections()]
        for identity, handler in zip(ids, ("delay", "delay", "hang", "normal"), strict=True):
            await rig.supervisor.pin(identity, handler, ACTOR)
        four = rig.supervisor.proxy().pins
        await rig.supervisor.pin(ids[0], None, ACTOR)
        await rig.supervisor.reset_connection(ids[2], ACTOR)
        await eventually(lambda: rig.supervisor.proxy().pins == {"delay": 1, "normal": 1})
        await rig.supervisor.reset(ACTOR)

        assert four == {"delay": 2, "hang": 1, "normal": 1}
        assert rig.supervisor.proxy().pins == {}


async def test_a_fault_says_whose_it_is() -> None:
    """A session's fault carries its owner's name, a timed one that of who put it in force."""
    async with proxied() as rig:
        session = await rig.supervisor.open_session(30, "test_checkout", ACTOR)
        await rig.supervisor.add_fault(session.id, None, Mix.parse("20:delay"), ACTOR)
        await rig.mix("5:errors", duration=30)

        assert [f.owner for f in rig.supervisor.proxy().faults] == ["test_checkout", ACTOR]
