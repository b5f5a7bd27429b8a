"""Changes on their way: in order, pending until acknowledged, undone and made again."""

from __future__ import annotations

from chaostui.errors import EngineRefused
from chaostui.tui.model import changes
from chaostui.tui.model.changes import Change, Request
from chaostui.tui.outbox import Outbox
from tests.tui.model.test_faults import proxy

PROXIES = (proxy(behavior="20:delay"),)


class Desk:
    """An outbox that notes what is sent and what is said."""

    def __init__(self, refuse: str = "") -> None:
        self.sent: list[Request] = []
        self.said: list[tuple[str, str]] = []
        self.refuse = refuse
        self.outbox = Outbox(self.send, lambda text, role: self.said.append((text, role)))

    async def send(self, request: Request) -> None:
        """Note a request."""
        if self.refuse:
            raise EngineRefused(self.refuse, 409)
        self.sent.append(request)


def raised(to: float) -> Change:
    """A change of one weight."""
    return changes.reweigh(PROXIES, "delay", lambda _, weights: weights | {"delay": to})


async def test_a_change_is_pending_until_it_is_acknowledged() -> None:
    """Until the engine has answered, the expected mix is shown and marked as pending."""
    desk = Desk()
    desk.outbox.apply(raised(25), PROXIES)

    assert desk.outbox.pending == {("redis", "delay")}
    assert desk.outbox.expected(PROXIES)[0].behavior == "25:delay"
    assert desk.said == [("delay 20% → 25% …", "dim")]

    await desk.outbox.deliver()

    assert not desk.outbox.pending
    assert desk.outbox.expected(PROXIES) == PROXIES
    assert desk.said[-1] == ("delay 20% → 25% · u undo", "good")


async def test_quick_presses_build_on_each_other() -> None:
    """A second press counts from what the first one will have made."""
    desk = Desk()
    desk.outbox.apply(raised(25), PROXIES)
    (now,) = desk.outbox.expected(PROXIES)
    desk.outbox.apply(
        changes.reweigh([now], "delay", lambda _, w: {"delay": w["delay"] + 5}), PROXIES
    )

    assert desk.outbox.expected(PROXIES)[0].behavior == "30:delay"
    assert repr(desk.outbox) == "<Outbox 2 waiting>"


async def test_undo_and_redo_send_the_way_back_and_forth() -> None:
    """Undo sends the requests that take a change back, redo the same again."""
    desk = Desk()
    change = raised(25)
    desk.outbox.apply(change, PROXIES)
    desk.outbox.undo(PROXIES)
    desk.outbox.redo(PROXIES)
    for _ in range(3):
        await desk.outbox.deliver()

    assert desk.sent == [*change.do, *change.undo, *change.do]


async def test_a_refusal_is_said_and_nothing_stays_pending() -> None:
    """When the engine refuses, the operator reads why, and the display tells the truth again."""
    desk = Desk(refuse="halted by ci")
    desk.outbox.apply(raised(25), PROXIES)
    await desk.outbox.deliver()

    assert desk.said[-1] == ("delay 20% → 25% failed: halted by ci", "bad")
    assert not desk.outbox.pending
    assert desk.outbox.expected(PROXIES) == PROXIES


def test_there_may_be_nothing_to_undo() -> None:
    """Undo and redo say when there is nothing left."""
    desk = Desk()
    desk.outbox.undo(())
    desk.outbox.redo(())
    desk.outbox.apply(changes.NOTHING, ())

    assert [text for text, _ in desk.said] == [
        "nothing to undo", "nothing to redo", "nothing to change",
    ]  # fmt: skip


def test_options_are_expected_too() -> None:
    """An option is shown as asked for until a frame has come after the answer."""
    desk = Desk()
    desk.outbox.apply(changes.options(PROXIES, "delay", {"sleep": 2.0}, {"sleep": 1.0}), PROXIES)

    assert desk.outbox.options == {("redis", "delay"): {"sleep": 2.0}}
    desk.outbox.settle()
    assert desk.outbox.options
