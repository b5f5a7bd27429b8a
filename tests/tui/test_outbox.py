"""Changes on their way: in order, pending until acknowledged, undone and made again."""

from __future__ import annotations

from chaostui.client import calls
from chaostui.errors import EngineRefused
from chaostui.tui.model import changes
from chaostui.tui.model.changes import Call, Change, Step
from chaostui.tui.outbox import Outbox
from tests.tui.model.test_faults import proxy

PROXIES = (proxy(behavior="20:delay"),)


class Desk:
    """An outbox that notes what is sent and what is said."""

    def __init__(self, refuse: str = "") -> None:
        self.sent: list[Call] = []
        self.said: list[tuple[str, str]] = []
        self.refuse = refuse
        self.refuse_at = ""
        self.status = 409
        self.outbox = Outbox(self.send, lambda text, role: self.said.append((text, role)))

    async def send(self, call: Call) -> None:
        """Note a call."""
        if self.refuse or call.path == self.refuse_at:
            raise EngineRefused(self.refuse or "no", self.status)
        self.sent.append(call)


def raised(to: float) -> Change:
    """A change of one weight."""
    return changes.reweigh(PROXIES, "delay", lambda _, weights: weights | {"delay": to})


async def test_a_change_is_pending_until_it_is_acknowledged() -> None:
    """Until the engine has answered, the expected mix is shown and marked as pending."""
    desk = Desk()
    desk.outbox.apply(raised(25))

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
    desk.outbox.apply(raised(25))
    (now,) = desk.outbox.expected(PROXIES)
    desk.outbox.apply(changes.reweigh([now], "delay", lambda _, w: {"delay": w["delay"] + 5}))

    assert desk.outbox.expected(PROXIES)[0].behavior == "30:delay"
    assert repr(desk.outbox) == "<Outbox 2 waiting>"


async def test_undo_and_redo_send_the_way_back_and_forth() -> None:
    """Undo sends the requests that take a change back, redo the same again."""
    desk = Desk()
    change = raised(25)
    desk.outbox.apply(change)
    desk.outbox.undo()
    desk.outbox.redo()
    for _ in range(3):
        await desk.outbox.deliver()

    assert desk.sent == [*change.do, *change.undo, *change.do]


async def test_a_refusal_is_said_and_nothing_stays_pending() -> None:
    """When the engine refuses, the operator reads why, and the display tells the truth again."""
    desk = Desk(refuse="halted by ci")
    desk.outbox.apply(raised(25))
    await desk.outbox.deliver()

    assert desk.said[-1] == ("delay 20% → 25% failed: halted by ci", "bad")
    assert not desk.outbox.pending
    assert desk.outbox.expected(PROXIES) == PROXIES


def test_there_may_be_nothing_to_undo() -> None:
    """Undo and redo say when there is nothing left."""
    desk = Desk()
    desk.outbox.undo()
    desk.outbox.redo()
    desk.outbox.apply(changes.NOTHING)

    assert [text for text, _ in desk.said] == [
        "nothing to undo", "nothing to redo", "nothing to change",
    ]  # fmt: skip


async def test_options_are_expected_too() -> None:
    """An option is shown as asked for until the engine has answered."""
    desk = Desk()
    desk.outbox.apply(changes.option("delay", "sleep", 2.0, {"redis": 1.0}))

    assert desk.outbox.options == {("redis", "delay"): {"sleep": 2.0}}
    await desk.outbox.deliver()
    assert not desk.outbox.options


async def test_a_failed_change_never_enters_undo() -> None:
    """What the engine refused cannot be taken back, and does not stand before what can."""
    desk = Desk()
    desk.outbox.apply(raised(25))
    await desk.outbox.deliver()
    desk.refuse = "halted by ci"
    desk.outbox.apply(raised(30))
    await desk.outbox.deliver()
    desk.refuse = ""
    desk.outbox.undo()
    await desk.outbox.deliver()

    assert desk.said[-1] == ("undone: delay 20% → 25%", "good")
    desk.outbox.undo()
    assert desk.said[-1] == ("nothing to undo", "warn")


async def test_of_a_change_that_failed_midway_undo_takes_back_what_was_done() -> None:
    """Two of three proxies have it: those two are put back."""
    desk = Desk()
    places = [proxy(name, "") for name in "abc"]
    change = changes.reweigh(places, "delay", lambda *_: {"delay": 5})
    desk.refuse_at = "/proxies/c/mix"
    desk.outbox.apply(change)
    await desk.outbox.deliver()
    desk.refuse_at = ""
    desk.sent.clear()
    desk.outbox.undo()
    await desk.outbox.deliver()

    assert [call.path for call in desk.sent] == ["/proxies/b/mix", "/proxies/a/mix"]
    assert desk.said[-1][0].endswith("(in part)")


async def test_what_failed_after_it_did_what_it_could_is_undone_wholly() -> None:
    """A reset that could not bind one address has made all else normal: it can be taken back."""
    desk = Desk()
    back = Call(calls.set_mix("20:delay", proxy="a"))
    desk.refuse = "cannot listen"
    desk.outbox.apply(Change("all normal", (Step(Call(calls.reset()), (back,), partly=True),)))
    await desk.outbox.deliver()
    desk.refuse = ""
    desk.outbox.undo()
    await desk.outbox.deliver()

    assert desk.sent == [back]


async def test_an_undo_that_failed_can_be_tried_again() -> None:
    """The change is still what is undone first."""
    desk = Desk()
    desk.outbox.apply(raised(25))
    await desk.outbox.deliver()
    desk.refuse = "no engine answers"
    desk.outbox.undo()
    await desk.outbox.deliver()
    desk.refuse = ""
    desk.outbox.undo()
    await desk.outbox.deliver()

    assert desk.said[-1] == ("undone: delay 20% → 25%", "good")


async def test_what_has_ended_by_itself_is_no_failure() -> None:
    """Freeing a connection that has closed meanwhile does not stop what comes after it."""
    desk = Desk()
    desk.refuse_at, desk.status = "/connections/7/pin", 404
    desk.outbox.apply(changes.pin({7: "", 8: ""}, "delay"))
    await desk.outbox.deliver()

    assert [call.path for call in desk.sent] == ["/connections/8/pin"]
    assert desk.said[-1] == ("#7 and 1 more pinned to delay · u undo", "good")


async def test_bypass_twice_is_on_and_off_again() -> None:
    """A second press before the first answer counts from what was asked for."""
    desk = Desk()
    desk.outbox.apply(changes.bypass(PROXIES))
    desk.outbox.apply(changes.bypass(desk.outbox.expected(PROXIES)))
    for _ in range(2):
        await desk.outbox.deliver()

    assert [call.body for call in desk.sent] == [{"bypass": True}, {"bypass": False}]
