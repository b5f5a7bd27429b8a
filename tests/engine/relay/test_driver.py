"""Handlers that do unusual things: raise, yield nonsense, answer, wait, end more than once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from chaostui.actions import Action, Close, Reply, Reset, Send, Stall, Wait
from chaostui.events import Closed, Injected, Warned
from chaostui.handler import Handler
from chaostui.protocol import Frame
from tests.engine.rig import ACTOR, catalog, echoing, ping, proxied
from tests.wait import eventually


class Own(Handler):
    """The base of the tests' own handlers, all named ``own``."""

    name = "own"


class RaisesAtOpen(Own):
    """Raises before the backend is dialled."""

    def on_open(self) -> Iterable[Action]:
        raise ValueError("at open")


class RaisesAtData(Own):
    """Raises at bytes."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        raise ValueError("at data")


class RaisesLater(Own):
    """Sends something, then raises."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(frame.data)
        raise ValueError("later")


class RaisesAtEnd(Own):
    """Raises at the end."""

    def on_eof(self) -> Iterable[Action]:
        raise ValueError("at the end")


class RaisesWhenMade(Own):
    """Raises before it does anything."""

    def __init__(self, options: Any, context: Any) -> None:
        raise ValueError("when made")


class YieldsText(Own):
    """Yields what is no action."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield "text"  # type: ignore[misc]


class YieldsNone(Own):
    """Forgets what to yield."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield None  # type: ignore[misc]


class ReturnsNone(Own):
    """Is no generator at all."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        return None  # type: ignore[return-value]


class SendsText(Own):
    """Sends text where bytes belong."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send("text")  # type: ignore[arg-type]


BAD = [
    RaisesAtOpen, RaisesAtData, RaisesLater, RaisesAtEnd, RaisesWhenMade,
    YieldsText, YieldsNone, ReturnsNone, SendsText,
]  # fmt: skip


@pytest.mark.parametrize("where", ["mix", "chain"])
@pytest.mark.parametrize("bad", BAD)
async def test_a_handler_that_fails_ends_its_own_connection_alone(
    bad: type[Handler], where: str
) -> None:
    """G01, G04: the connection is reset and counted; another proxy's connections are served."""
    async with proxied(known=catalog(bad)) as rig, echoing(rig):
        await rig.add("other")
        other = await rig.connect("other")
        await ping(other)
        if where == "mix":
            await rig.mix("own")
        else:
            await rig.chain("own", direction="upstream")
        for number in range(3):
            try:
                client = await rig.connect()
                await client.send(b"hello")
                if bad is RaisesAtEnd:
                    client.half_close()
                await client.expect_reset()
            except ConnectionResetError:
                pass  # it was quicker than the bytes
            await eventually(lambda: rig.stats.handler_failures == number + 1)  # noqa: B023
            await ping(other)
        await eventually(lambda: len(rig.supervisor.connections()) == 1)

        assert {event.reason for event in rig.events(Closed)} == {"handler failed"}
        told = {event.message.partition(" on connection")[0] for event in rig.events(Warned)}
        assert told == {"handler own failed"}
        await rig.supervisor.reset(ACTOR)
        await ping(await rig.connect())


class EndsTwice(Own):
    """Says more after a final action than anybody wants to hear."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(b"last words")
        yield Close()
        yield Send(b"never sent")
        yield Reset()


async def test_nothing_is_looked_at_after_a_final_action() -> None:
    """What was sent before it arrives, then FIN and nothing else."""
    async with proxied(known=catalog(EndsTwice)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"hello")

        assert await server.receive_all() == b"last words"
        await client.expect_eof()


class Answers(Own):
    """Answers in the backend's place, in two parts, with a wait between them."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        if self.context.upstream:
            yield Reply(b"no, ")
            yield Wait(0.05)
            yield Reply(frame.data)
        else:
            yield Send(frame.data)


async def test_a_reply_made_here_never_reaches_the_backend() -> None:
    """The client gets both parts; the backend hears nothing, and the connection lives on."""
    async with proxied(known=catalog(Answers)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        for _ in range(3):
            await client.send(b"thanks")
            assert await client.receive_exactly(10) == b"no, thanks"
        await server.expect_silence(0.05)
        assert rig.hits == {"own": 3}
        await rig.mix("")
        await client.send(b"yes")

        assert await server.receive_exactly(3) == b"yes"


class Adds(Own):
    """Makes one frame many and longer."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(b"<")
        yield Send(frame.data)
        yield Send(b">")


class Swallows(Own):
    """Lets nothing through."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        return ()


async def test_handlers_of_a_chain_act_one_after_the_other() -> None:
    """What the first makes of bytes is what the second gets, piece by piece."""

    class Brackets(Adds):
        name = "brackets"

    class Doubles(Own):
        name = "doubles"

        def on_data(self, frame: Frame) -> Iterable[Action]:
            yield Send(frame.data * 2)

    async with proxied(known=catalog(Brackets, Doubles)) as rig:
        client, server = await rig.pair()
        await rig.chain("brackets", direction="upstream")
        await rig.chain("doubles", direction="upstream")
        await client.send(b"ab")

        assert await server.receive_exactly(8) == b"<<abab>>"
        assert rig.hits == {"brackets": 1, "doubles": 1}


async def test_a_handler_may_let_nothing_through() -> None:
    """Swallowed bytes are gone; the end still comes."""
    async with proxied(known=catalog(Swallows)) as rig:
        client, server = await rig.pair()
        await rig.chain("own", direction="upstream")
        await client.send(b"into the void")
        client.half_close()

        await server.expect_eof()
        await server.send(b"nothing heard")
        assert await client.receive_exactly(13) == b"nothing heard"


class Stalls(Own):
    """Passes the first half, then stalls."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        middle = len(frame.data) // 2
        yield Send(frame.data[:middle])
        yield Stall()


async def test_a_stall_keeps_what_it_was_called_with() -> None:
    """What was passed before the stall is not passed twice when it heals."""
    async with proxied(known=catalog(Stalls)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"12345678")
        assert await server.receive_exactly(4) == b"1234"
        await server.expect_silence(0.05)
        await rig.mix("")
        await client.send(b"90")

        assert await server.receive_exactly(6) == b"567890"


class Waits(Own):
    """Waits before each frame, for ever when it says ``stop``."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Send(frame.data[:1])
        yield Wait(60)
        yield Send(frame.data[1:])


async def test_a_wait_that_is_called_off_goes_on_where_it_was() -> None:
    """Nothing twice, nothing lost, in order."""
    async with proxied(known=catalog(Waits)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"123")
        assert await server.receive_exactly(1) == b"1"
        await client.send(b"456")
        await server.expect_silence(0.05)
        await rig.mix("")

        assert await server.receive_exactly(5) == b"23456"


async def test_a_hit_is_told_with_what_was_done() -> None:
    """The event names handler, exchange and what happened to how many bytes."""
    async with proxied() as rig:
        client, server = await rig.pair()
        await rig.fault("delay", sleep=0.01)
        await client.send(b"12345")
        await server.receive_exactly(5)
        (event,) = rig.events(Injected)

        assert (event.proxy, event.handler, event.exchange) == ("a", "delay", 1)
        assert event.what == "held 0.010 s, 5 B"


async def test_what_waits_in_a_handler_counts_as_held() -> None:
    """The view of a connection says how many bytes were read and not passed on."""
    async with proxied(known=catalog(Waits)) as rig:
        client, _ = await rig.pair()
        await rig.mix("hang")
        await client.send(b"x" * 5000)
        await eventually(lambda: rig.only.held == 5000)
        await rig.mix("")
        await asyncio.sleep(0)

        assert rig.only.held == 0


class AnswersLate(Own):
    """Waits, then answers in the backend's place."""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        if self.context.upstream:
            yield Wait(60)
            yield Reply(b"no")
        else:
            yield Send(frame.data)


async def test_an_answer_that_is_called_off_while_it_waits_is_given_all_the_same() -> None:
    """The request was taken, so somebody answers it; the connection works on."""
    async with proxied(known=catalog(AnswersLate)) as rig:
        client, server = await rig.pair()
        await rig.mix("own")
        await client.send(b"request")
        await eventually(lambda: rig.hits.get("own"))
        await rig.mix("")
        assert await client.receive_exactly(2) == b"no"
        await client.send(b"another")

        assert await server.receive_exactly(7) == b"another"


async def test_a_handler_that_is_gone_when_its_turn_comes_is_not_asked() -> None:
    """Behind a wait that ends with it: the bytes pass it by."""
    async with proxied(known=catalog(Swallows)) as rig:
        client, server = await rig.pair()
        await rig.chain("throttle", direction="upstream", rate=1)
        await rig.chain("own", direction="upstream")
        await client.send(b"x" * 1000)
        await eventually(lambda: rig.hits.get("throttle"))
        await rig.supervisor.reset(ACTOR)

        assert await server.receive_exactly(1000) == b"x" * 1000
