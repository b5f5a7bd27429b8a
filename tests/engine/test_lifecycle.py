"""Proxies and whole profiles that come, change and go while clients are connected."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from chaostui import registry
from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import CannotListen, Conflict, NotFound, SettingsError
from chaostui.events import Dialled
from chaostui.settings import Address, ChainEntry, Mix, Profile
from tests.engine.rig import ACTOR, echoing, make, ping, proxied
from tests.engine.test_dial import black_hole
from tests.tcp import Listener, Peer, free_port
from tests.wait import SOON, eventually

# -- proxies ----------------------------------------------------------------------------------


async def test_a_new_backend_serves_new_connections_and_old_ones_stay() -> None:
    """T02: 20 streams stay with the old backend while 20 new ones go to the new one."""
    async with proxied() as rig, Listener() as second:
        old = await rig.pairs(20)
        await rig.supervisor.update_proxy(None, {"backend": Address(*second.address)}, ACTOR)
        new = []
        for _ in range(20):
            client = await rig.connect()
            new.append((client, await second.accept()))
        for number, (client, server) in enumerate([*old, *new]):
            await client.send(b"%02d" % number)
            assert await server.receive_exactly(2) == b"%02d" % number

        told = [view.backend for view in rig.supervisor.connections()]
        names = [str(Address(*at.address)) for at in (rig.backend, second)]
        assert sorted(told) == sorted(names * 20)


async def test_a_call_that_fails_names_whom_it_called() -> None:
    """The backend of then, though the proxy has another by now."""
    async with black_hole() as hole, proxied(backend=hole, connect_timeout=0.2) as rig:
        client = await rig.connect()
        await eventually(rig.supervisor.live)
        backend = Address(*rig.backend.address)
        await rig.supervisor.update_proxy(None, {"backend": backend}, ACTOR)
        await client.expect_reset()

        (dialled,) = rig.events(Dialled)
        assert dialled.backend == str(hole)
        assert rig.supervisor.proxy().last_error.startswith(f"{hole}: connect timeout")


async def test_a_busy_port_changes_nothing() -> None:
    """T03: moving to a taken port is refused by name; the old listener never blinks."""
    async with proxied() as rig, echoing(rig), Listener() as taken:
        client = await rig.connect()
        before = rig.supervisor.proxy().listen
        with pytest.raises(CannotListen, match=rf":{taken.address[1]}: address already in use"):
            await rig.supervisor.update_proxy(None, {"listen": Address(*taken.address)}, ACTOR)

        assert rig.supervisor.proxy().listen == before
        await ping(client)
        await ping(await rig.connect())


async def test_a_proxy_moves_to_another_port_and_keeps_its_connections() -> None:
    """The old address refuses, the new one accepts, open connections live on."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        old = rig.address()
        port = free_port()
        await rig.supervisor.update_proxy(None, {"listen": Address("127.0.0.1", port)}, ACTOR)

        assert rig.address() == ("127.0.0.1", port)
        await ping(client)
        await ping(await rig.connect())
        with pytest.raises(ConnectionRefusedError):
            await Peer.connect(old)


async def test_a_proxy_is_added_together_with_its_faults() -> None:
    """T04: a client that connects in a loop while the proxy is added is never served clean."""
    async with proxied() as rig, echoing(rig):
        port = free_port()
        clean = 0

        async def knock() -> None:
            nonlocal clean
            while clean < 50:
                try:
                    client = await Peer.connect(("127.0.0.1", port))
                except ConnectionRefusedError:
                    await asyncio.sleep(0)
                    continue
                async with client:
                    assert await ping(client) >= 0.019
                clean += 1

        knocking = asyncio.ensure_future(knock())
        await asyncio.sleep(0.02)
        chain = (ChainEntry(handler="delay", options={"sleep": 0.02}, direction="upstream"),)
        await rig.add("new", listen=Address("127.0.0.1", port), chain=chain)
        await knocking


async def test_adding_what_is_there_or_wrong_changes_nothing() -> None:
    """A taken name, a taken port, an unknown handler or protocol: refused, nothing is bound."""
    async with proxied() as rig, Listener() as other:
        before = rig.supervisor.proxies()
        taken = Address(*other.address)
        for error, name, settings in (
            (Conflict, "a", {}),
            (CannotListen, "b", {"listen": taken}),
            (SettingsError, "b", {"behavior": "20:dealy"}),
            (SettingsError, "b", {"protocol": "htpp"}),
            (SettingsError, "b", {"chain": (ChainEntry(handler="nothing"),)}),
            (SettingsError, "b", {"handler": {"delay": {"sleep": -1}}}),
        ):
            with pytest.raises(error):
                await rig.add(name, **settings)
        assert [view.name for view in rig.supervisor.proxies()] == [v.name for v in before]


async def test_a_proxy_is_disabled_and_enabled_on_the_same_port() -> None:
    """T06: 30 times clients see the end, are refused meanwhile, and served again on its port."""
    port = free_port()
    async with proxied(listen=Address("127.0.0.1", port)) as rig, echoing(rig):
        for _ in range(30):
            client = await rig.connect()
            await ping(client)
            await rig.supervisor.update_proxy(None, {"enabled": False}, ACTOR)
            await client.expect_eof()
            client.close()
            with pytest.raises(ConnectionRefusedError):
                await Peer.connect(("127.0.0.1", port))
            await rig.supervisor.update_proxy(None, {"enabled": True}, ACTOR)
        assert rig.address() == ("127.0.0.1", port)
        await ping(await rig.connect())


async def test_a_proxy_keeps_its_port_when_it_is_told_the_port_it_got() -> None:
    """A client that reads a proxy and writes it back, port and all, changes nothing."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        listen = Address.parse(rig.supervisor.proxy().listen)
        view = await rig.supervisor.update_proxy(None, {"listen": listen}, ACTOR)

        assert view.listen == str(listen)
        await ping(client)


# -- profiles ---------------------------------------------------------------------------------


async def test_a_profile_is_applied_wholly() -> None:
    """Proxies come, change and go; a connection of one that stays lives on."""
    async with proxied() as rig, echoing(rig):
        await rig.add("gone")
        client = await rig.connect()
        await ping(client)
        backend = Address(*rig.backend.address)
        listen = Address(*rig.address())
        stays = make(name="a", listen=listen, backend=backend, behavior="delay")
        new = make(name="new", backend=backend)
        profile = Profile(proxy=(new, stays), handler={"delay": {"sleep": 0.03}})
        await rig.supervisor.apply(profile, ACTOR)

        assert [view.name for view in rig.supervisor.proxies()] == ["new", "a"]
        assert await ping(client) >= 0.029
        await ping(await rig.connect("new"))


async def test_a_profile_tells_what_it_added_changed_and_removed() -> None:
    """The journal names each proxy and what of it is other now, and counts them."""
    async with proxied() as rig:
        await rig.add("gone")
        before = rig.supervisor.bus.newest
        backend = Address(*rig.backend.address)
        changed = make(name="a", backend=backend, behavior="5:delay")
        profile = Profile(proxy=(changed, make(name="new")), handler={"delay": {"sleep": 2}})
        await rig.supervisor.apply(profile, ACTOR)
        told = [(c.what, c.proxy, c.after) for c in rig.supervisor.journal(before)]

        assert told[0] == ("removed", "gone", "")
        assert told[1][:2] == ("added", "new")
        assert told[2][:2] == ("changed", "a")
        assert '"path":"behavior"' in told[2][2]
        assert told[3:] == [
            (
                "loaded a profile",
                "",
                "1 proxy added, 1 changed, 1 removed, handler.delay changed",
            )
        ]


async def test_the_same_profile_again_says_that_nothing_changed() -> None:
    """One line in the journal, however many proxies there are."""
    async with proxied() as rig:
        before = rig.supervisor.bus.newest
        await rig.supervisor.apply(rig.supervisor.profile(), ACTOR)

        assert [(c.what, c.after) for c in rig.supervisor.journal(before)] == [
            ("loaded a profile", "nothing changed")
        ]


async def test_a_profile_that_is_wrong_changes_nothing() -> None:
    """T09: a bad second proxy, a busy port: everything stays, and clients notice nothing."""
    async with proxied(behavior="5:delay") as rig, echoing(rig), Listener() as taken:
        client = await rig.connect()
        await ping(client)
        before = rig.supervisor.profile()
        moved = make(name="a", listen=Address("127.0.0.1", free_port()))
        for wrong in (
            make(name="b", behavior="20:dealy"),
            make(name="b", listen=Address(*taken.address)),
        ):
            with pytest.raises((SettingsError, CannotListen)):
                await rig.supervisor.apply(Profile(proxy=(moved, wrong)), ACTOR)
            assert rig.supervisor.profile() == before
            await ping(client)
            await ping(await rig.connect())


async def test_two_proxies_swap_their_addresses() -> None:
    """An address goes from one proxy to another in one step, and nobody is refused."""
    backends = Listener(), Listener()
    async with backends[0] as one, backends[1] as two:
        supervisor = Supervisor(registry.builtin(), seed=1)
        ports = free_port(), free_port()

        def profile(first: int, second: int) -> Profile:
            return Profile(
                proxy=tuple(
                    make(name=name, listen=Address("127.0.0.1", port), backend=Address(*at.address))
                    for name, port, at in (("a", ports[first], one), ("b", ports[second], two))
                )
            )

        await supervisor.start(profile(0, 1))
        try:
            await supervisor.apply(profile(1, 0), ACTOR)
            async with await Peer.connect(("127.0.0.1", ports[0])):
                await two.accept()
            async with await Peer.connect(("127.0.0.1", ports[1])):
                await one.accept()
        finally:
            await supervisor.close()


async def test_the_profile_says_what_the_engine_has_become() -> None:
    """What was changed live stands in the profile, faults of sessions do not."""
    async with proxied(behavior="5:delay") as rig:
        await rig.mix("20:errors")
        await rig.supervisor.set_weights(None, {"hang": 0.0}, ACTOR)
        await rig.chain("delay", sleep=2)
        session = await rig.supervisor.open_session(30, "me", ACTOR)
        await rig.supervisor.add_fault(session.id, None, Mix.parse("hang"), ACTOR)
        (settings,) = rig.supervisor.profile().proxy

        assert rig.supervisor.proxy().base == "20:errors,0:hang"
        assert str(settings.behavior) == "20:errors"
        assert [entry.name for entry in settings.chain] == ["delay_downstream"]


async def test_a_difference_is_told_by_path() -> None:
    """``diff`` names what a profile would change, with both values."""
    async with proxied(behavior="5:delay") as rig:
        profile = rig.supervisor.profile()
        assert rig.supervisor.diff(profile) == []
        (settings,) = profile.proxy
        other = make(name="a", listen=settings.listen, backend=settings.backend, behavior="6:delay")

        assert rig.supervisor.diff(Profile(proxy=(other,))) == [
            {"path": "proxy.a.behavior", "running": "5:delay", "given": "6:delay"}
        ]


_number = itertools.count(1)


def named() -> Address:
    """An address that has to be looked up, which takes a moment: its answer is not known yet."""
    return Address(f"127.0.0.{'0' * next(_number)}1", 0)


# -- at the same time -------------------------------------------------------------------------


async def test_of_two_proxies_with_one_name_added_at_once_one_is_refused() -> None:
    """While one looks up where to listen another takes the name: it alone is there."""
    async with proxied() as rig:
        name = named()
        adding = (rig.add("b", listen=name) for _ in range(5))
        told = await asyncio.gather(*adding, return_exceptions=True)

        assert sum(isinstance(each, Conflict) for each in told) == 4
        assert [view.name for view in rig.supervisor.proxies()] == ["a", "b"]


async def test_a_proxy_removed_while_it_moves_stays_removed() -> None:
    """The change is refused, and nothing comes back."""
    async with proxied() as rig:
        await rig.add("b")
        told = await asyncio.gather(
            rig.supervisor.update_proxy("b", {"listen": named()}, ACTOR),
            rig.supervisor.remove_proxy("b", ACTOR),
            return_exceptions=True,
        )

        assert isinstance(told[0], NotFound)
        assert [view.name for view in rig.supervisor.proxies()] == ["a"]


async def test_a_mix_set_while_its_proxy_moves_stays_in_force() -> None:
    """A change of the address does not undo a change of the mix."""
    async with proxied() as rig:
        moving = rig.supervisor.update_proxy(None, {"listen": named()}, ACTOR)
        await asyncio.gather(moving, rig.mix("20:delay"))

        assert rig.supervisor.proxy().behavior == "20:delay"


# -- starting and ending ----------------------------------------------------------------------


async def test_a_start_that_fails_leaves_nothing_bound() -> None:
    """A busy second port: the first proxy's port is free again, and nothing ticks."""
    async with Listener() as taken:
        port = free_port()
        supervisor = Supervisor(registry.builtin(), seed=1)
        good = make(name="good", listen=Address("127.0.0.1", port))
        bad = make(name="bad", listen=Address(*taken.address))
        with pytest.raises(CannotListen, match=r'address already in use \(proxy "bad"\)'):
            await supervisor.start(Profile(proxy=(good, bad)))

        async with Listener(port=port):
            pass


async def test_a_drain_waits_for_what_is_open_and_accepts_nobody() -> None:
    """S05: a transfer that ends in time is whole; nothing had to be cut."""
    async with proxied() as rig:
        client, server = await rig.pair()
        address = rig.address()
        draining = asyncio.ensure_future(rig.supervisor.drain(5))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await Peer.connect(address)
        for _ in range(5):
            await server.send(b"piece")
            await asyncio.sleep(0.01)
        server.half_close()
        assert await client.receive_all() == b"piece" * 5
        client.half_close()

        assert await asyncio.wait_for(draining, 2) == 0


async def test_a_drain_cuts_what_is_stuck_at_its_deadline() -> None:
    """S06: connections that stay open are reset and counted."""
    async with proxied() as rig:
        pairs = await rig.pairs(3)
        start = asyncio.get_running_loop().time()
        assert await rig.supervisor.drain(0.3) == 3

        assert 0.29 <= asyncio.get_running_loop().time() - start < SOON
        for client, server in pairs:
            await client.expect_reset()
            await server.expect_reset()


async def test_an_engine_without_proxies_says_so() -> None:
    """There is no first proxy, and every call says it in the same words."""
    supervisor = Supervisor(registry.builtin(), seed=1)
    await supervisor.start(Profile())
    try:
        assert supervisor.proxies() == ()
        with pytest.raises(NotFound, match="there is no proxy"):
            supervisor.proxy()
    finally:
        await supervisor.close()
