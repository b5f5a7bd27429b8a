"""Sessions: faults end with the one who asked for them."""

from __future__ import annotations

import asyncio

import pytest

from chaostui.errors import NotFound, SettingsError
from chaostui.settings import Mix
from tests.engine.rig import ACTOR, Rig, echoing, ping, proxied
from tests.wait import SOON, eventually


async def session(rig: Rig, lease: float = 30, owner: str = "") -> str:
    """Open a session; return its id."""
    return (await rig.supervisor.open_session(lease, owner, ACTOR)).id


async def fault(rig: Rig, owner: str, mix: str, **options: object) -> str:
    """Lay a fault over the proxy; return its id."""
    raw = {Mix.parse(mix).weights[0][0]: options} if options else None
    view = await rig.supervisor.add_fault(owner, None, Mix.parse(mix), ACTOR, options=raw)
    return view.id


def in_force(rig: Rig) -> str:
    """The mix in force."""
    return rig.supervisor.proxy().behavior


async def test_a_fault_ends_with_its_session_and_what_it_held_goes_on() -> None:
    """A hang of a session heals when the session is closed; the proxy's own mix is back."""
    async with proxied(behavior="delay", handler={"delay": {"sleep": 0.01}}) as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        owner = await session(rig)
        await fault(rig, owner, "hang")
        asked = asyncio.ensure_future(ping(client))
        await eventually(lambda: rig.hits.get("hang"))
        await rig.supervisor.close_session(owner, ACTOR)
        await asked

        assert in_force(rig) == "100:delay"
        assert rig.supervisor.sessions() == ()


async def test_faults_are_taken_away_in_any_order() -> None:
    """C09: three faults of two sessions: each goes alone, the topmost left is in force."""
    async with proxied(behavior="1:delay") as rig:
        mine, yours = await session(rig), await session(rig)
        first = await fault(rig, mine, "2:delay")
        second = await fault(rig, yours, "3:delay")
        third = await fault(rig, mine, "4:delay")
        assert in_force(rig) == "4:delay"
        await rig.supervisor.remove_fault(mine, first, ACTOR)
        assert in_force(rig) == "4:delay"
        await rig.supervisor.remove_fault(mine, third, ACTOR)
        assert in_force(rig) == "3:delay"
        with pytest.raises(NotFound):
            await rig.supervisor.remove_fault(mine, second, ACTOR)
        await rig.supervisor.close_session(yours, ACTOR)

        assert in_force(rig) == "1:delay"


async def test_the_same_fault_of_two_owners_ends_with_the_second() -> None:
    """C09: both hang; one leaves and the other's hang still hangs."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        await ping(client)
        mine, yours = await session(rig), await session(rig)
        await fault(rig, mine, "hang")
        await fault(rig, yours, "hang")
        asked = asyncio.ensure_future(ping(client))
        await eventually(lambda: rig.hits.get("hang"))
        await rig.supervisor.close_session(mine, ACTOR)
        await asyncio.sleep(0.05)
        assert not asked.done()
        await rig.supervisor.close_session(yours, ACTOR)

        await asked


async def test_a_lease_that_is_not_renewed_ends_the_session() -> None:
    """An owner that is frozen loses its faults when its lease is over."""
    async with proxied() as rig, echoing(rig):
        client = await rig.connect()
        owner = await session(rig, lease=0.3, owner="frozen")
        await fault(rig, owner, "hang")
        start = asyncio.get_running_loop().time()
        await ping(client)

        assert 0.25 <= asyncio.get_running_loop().time() - start < SOON
        assert rig.supervisor.sessions() == ()
        last = rig.supervisor.journal()[-1]
        assert (last.actor, last.what) == ("lease", "session of frozen ended")
        with pytest.raises(NotFound):
            await rig.supervisor.renew_session(owner)


async def test_a_lease_that_is_renewed_lives_on() -> None:
    """Twelve renewals of a lease of a second keep a session for longer than that."""
    async with proxied() as rig:
        owner = await session(rig, lease=1)
        await fault(rig, owner, "5:delay")
        for _ in range(12):
            await asyncio.sleep(0.1)
            view = await rig.supervisor.renew_session(owner)
            assert 0.5 < view.expires_in <= 1
        assert in_force(rig) == "5:delay"

        await eventually(lambda: in_force(rig) == "")


async def test_a_fault_with_a_duration_ends_before_its_session() -> None:
    """The fault is gone from proxy and session; the session stays."""
    async with proxied() as rig:
        owner = await session(rig)
        view = await rig.supervisor.add_fault(
            owner, None, Mix.parse("5:delay"), ACTOR, duration=0.2
        )
        assert view.ends_in is not None
        assert 0 < view.ends_in <= 0.2
        await eventually(lambda: in_force(rig) == "", within=2)

        (left,) = rig.supervisor.sessions()
        assert (left.id, left.faults) == (owner, ())
        await rig.supervisor.remove_fault(owner, view.id, ACTOR)
        with pytest.raises(NotFound):
            await rig.supervisor.remove_fault(owner, view.id, ACTOR)


async def test_options_of_a_fault_hold_as_long_as_it_does() -> None:
    """A fault's own options lie over the proxy's, and go with it."""
    async with proxied(behavior="delay", handler={"delay": {"sleep": 2}}) as rig:
        owner = await session(rig)
        await fault(rig, owner, "delay", sleep=5)
        assert rig.supervisor.handler(None, "delay").options["sleep"] == 5
        await rig.supervisor.close_session(owner, ACTOR)

        assert rig.supervisor.handler(None, "delay").options["sleep"] == 2


async def test_a_mix_set_meanwhile_changes_the_fault_that_is_in_force() -> None:
    """A tester who turns a session's fault up does not change what comes back after it."""
    async with proxied(behavior="1:delay") as rig:
        owner = await session(rig)
        await fault(rig, owner, "2:delay")
        await rig.mix("3:delay")
        assert (in_force(rig), rig.supervisor.proxy().base) == ("3:delay", "1:delay")
        await rig.supervisor.close_session(owner, ACTOR)

        assert in_force(rig) == "1:delay"


async def test_a_wrong_fault_changes_nothing() -> None:
    """An unknown handler, a wrong option, a session that is not there: refused."""
    async with proxied() as rig:
        owner = await session(rig)
        with pytest.raises(SettingsError):
            await fault(rig, owner, "dealy")
        with pytest.raises(SettingsError):
            await fault(rig, owner, "delay", sleep=-1)
        with pytest.raises(NotFound):
            await fault(rig, "nobody", "delay")

        assert rig.supervisor.proxy().faults == ()
        assert rig.supervisor.sessions()[0].faults == ()


async def test_a_session_outlives_its_proxy() -> None:
    """Closing a session whose fault's proxy was removed is no error."""
    async with proxied() as rig:
        await rig.add("b")
        owner = await session(rig)
        await rig.supervisor.add_fault(owner, "b", Mix.parse("hang"), ACTOR)
        await rig.supervisor.remove_proxy("b", ACTOR)
        await rig.supervisor.close_session(owner, ACTOR)

        assert rig.supervisor.sessions() == ()


async def test_many_sessions_come_and_go_at_once() -> None:
    """100 sessions with a fault each, closed in another order, leave nothing."""
    async with proxied() as rig:
        owners = [await session(rig) for _ in range(100)]
        for number, owner in enumerate(owners):
            await fault(rig, owner, f"{number % 50 + 1}:delay")
        assert len(rig.supervisor.proxy().faults) == 100
        for owner in sorted(owners):
            await rig.supervisor.close_session(owner, ACTOR)

        assert rig.supervisor.proxy().faults == ()
        assert in_force(rig) == ""
