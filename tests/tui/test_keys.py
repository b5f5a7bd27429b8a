"""Every action: by its key, by the palette, and as the request it makes."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui.tui.actions import ACTIONS, BY_ID
from chaostui.tui.config import ConsoleConfig
from chaostui.tui.keys import Run
from chaostui.tui.palette import ActionsProvider
from tests.tui.console import console
from tests.tui.fake import FakeEngine
from tests.wait import eventually

MIX = "/proxies/redis/mix"
SLEEP = "/proxies/redis/handlers/delay"

REQUESTS: list[tuple[str, list[str], tuple[str, str, Any]]] = [
    ("fault.toggle", ["2"], ("PATCH", MIX, {"delay": 0})),
    ("fault.toggle", ["5"], ("PATCH", MIX, {"hang": 20})),
    ("fault.more", ["plus"], ("PATCH", MIX, {"delay": 25})),
    ("fault.less", ["minus"], ("PATCH", MIX, {"delay": 15})),
    ("fault.more-1", ["right_square_bracket"], ("PATCH", MIX, {"delay": 21})),
    ("fault.less-1", ["left_square_bracket"], ("PATCH", MIX, {"delay": 19})),
    ("fault.equal", ["equals_sign"],
     ("PATCH", MIX, {"delay": 25, "errors": 25, "blackout": 25})),
    ("fault.normal", ["0"], ("POST", "/reset", None)),
    ("fault.normal-here", ["z"], ("POST", "/reset?proxy=redis", None)),
    ("fault.bypass", ["b"], ("PUT", "/proxies/redis/bypass", {"bypass": True})),
    ("fault.freeze", ["F", "F"], ("POST", "/proxies/redis/freeze", None)),
    ("fault.solo", ["s", "s"], ("PUT", MIX, {"behavior": "100:delay"})),
    ("fault.timed", ["t", "3", "0", "enter"],
     ("PUT", MIX, {"behavior": "100:delay", "duration": 30})),
    ("settings.more", ["e", "right"], ("PATCH", SLEEP, {"sleep": 1.1})),
    ("settings.less", ["e", "left"], ("PATCH", SLEEP, {"sleep": 0.99})),
    ("settings.much-more", ["e", "shift+right"], ("PATCH", SLEEP, {"sleep": 2.0})),
    ("settings.much-less", ["e", "shift+left"], ("PATCH", SLEEP, {"sleep": 0.9})),
    ("settings.exact", ["e", "enter", "2", "0", "m", "s", "enter"],
     ("PATCH", SLEEP, {"sleep": 0.02})),
    ("settings.more", ["e", "down", "right"], ("PATCH", SLEEP, {"jitter": 0.01})),
    ("settings.more", ["e", "down", "up", "right"], ("PATCH", SLEEP, {"sleep": 1.1})),
    ("mix.toggle", ["tab", "tab", "enter"], ("PATCH", MIX, {"delay": 0})),
    ("journal.mark", ["m", "h", "i", "enter"], ("POST", "/journal", {"note": "hi"})),
    ("connections.pin", ["a"], ("PUT", "/connections/ID/pin", {"handler": "delay"})),
    ("connections.reset", ["x", "x"], ("DELETE", "/connections/ID", None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "keys", "request_"), REQUESTS, ids=[f"{r[0]} {' '.join(r[1])}" for r in REQUESTS]
)
async def test_a_key_makes_its_request(
    identity: str, keys: list[str], request_: tuple[str, str, Any]
) -> None:
    """Pressing an action's keys on the main screen makes the request that it documents."""
    async with console() as shown:
        target = str(shown.app.screen.connection_id())  # type: ignore[attr-defined]
        await shown.press(*keys)
        method, path, body = request_

        assert shown.engine.requests == [(method, path.replace("ID", target), body)]
        assert BY_ID[identity].request.split(" ")[0] == method


@pytest.mark.parametrize(
    ("identity", "argument", "request_"),
    [
        ("fault.toggle", "hang", ("PATCH", MIX, {"hang": 20})),
        ("fault.weight", "delay 40", ("PATCH", MIX, {"delay": 40})),
        ("fault.timed", "blackout 5",
         ("PUT", MIX, {"behavior": "100:blackout", "duration": 5})),
        ("fault.normal", "", ("POST", "/reset", None)),
        ("fault.solo", "hang", ("PUT", MIX, {"behavior": "100:hang"})),
        ("fault.bypass", "", ("PUT", "/proxies/redis/bypass", {"bypass": True})),
        ("fault.freeze", "", ("POST", "/proxies/redis/freeze", None)),
        ("handler.set", "delay jitter 20ms", ("PATCH", SLEEP, {"jitter": 0.02})),
        ("engine.halt", "", ("POST", "/halt", {"reason": ""})),
        ("engine.release", "", ("DELETE", "/halt", None)),
        ("journal.mark", "deployed 1.4", ("POST", "/journal", {"note": "deployed 1.4"})),
        ("rules.save", "", None),
    ],
)  # fmt: skip
async def test_the_palette_makes_the_same_request(
    identity: str, argument: str, request_: tuple[str, str, Any] | None
) -> None:
    """An action chosen in the palette makes the request that its key makes."""
    async with console() as shown:
        shown.app.screen.post_message(Run(identity, argument))
        await shown.settle()

        assert shown.engine.requests == ([request_] if request_ else [])


async def test_the_palette_offers_what_applies() -> None:
    """Every action of the main screen is offered there; those of other screens are not."""
    async with console() as shown:
        titles = [title for title, _, _, _ in ActionsProvider(shown.app.screen)._actions()]

    other = {"timeline", "rules", "chain", "options", "journal", "list", "proxies"}
    assert sorted(titles) == sorted(a.palette for a in ACTIONS if a.context not in other)


async def test_a_sentence_is_typed_into_the_palette() -> None:
    """``delay 40`` sets the weight."""
    async with console() as shown:
        await shown.press("ctrl+p")
        await shown.type("delay 40")
        await eventually(lambda: "set delay weight 40%" in shown.text())
        await shown.press("enter", "enter")

        assert ("PATCH", MIX, {"delay": 40}) in shown.engine.requests


async def test_undo_and_redo_by_key() -> None:
    """``u`` takes the last change back, ``ctrl+r`` makes it again."""
    async with console() as shown:
        await shown.press("0", "u")
        undone = shown.engine.proxy().behavior
        await shown.press("ctrl+r")

        assert undone == "20:delay,10:errors,5:blackout"
        assert shown.engine.proxy().behavior == ""


async def test_keys_can_be_moved() -> None:
    """A keymap moves an action to another key, and the old one does nothing."""
    config = ConsoleConfig(keymap={"fault.normal": "f9"})
    async with console(config=config) as shown:
        await shown.press("0")
        before = list(shown.engine.requests)
        await shown.press("f9")

        assert before == []
        assert shown.engine.requests == [("POST", "/reset", None)]
        shown.clock.now += 10
        await shown.settle()
        assert "f9 all normal" in shown.line(-1)


async def test_a_fault_key_right_after_a_dialog_is_ignored() -> None:
    """What is typed on after a filter closed does not break anything."""
    async with console() as shown:
        await shown.press("slash", "enter")
        await shown.press_at_once("0")

        assert shown.engine.requests == []
        assert "key ignored" in shown.said()


async def test_another_key_cancels_a_reset() -> None:
    """Between two presses of ``x``, any other key forgets the first."""
    async with console() as shown:
        await shown.press("x", "j", "x")

        assert shown.engine.requests == []
        assert "press x again to reset #" in shown.said()


async def test_all_that_match_are_reset_with_two_presses() -> None:
    """``X`` resets what the filter lets pass."""
    async with console(FakeEngine(connections=8)) as shown:
        await shown.press("slash")
        await shown.type("id<3")
        await shown.press("enter", "X", "X")

        assert sorted(shown.engine.requests) == [
            ("DELETE", "/connections/1", None),
            ("DELETE", "/connections/2", None),
        ]


async def test_all_proxies_or_one() -> None:
    """With several proxies, ``n`` chooses one; ``z`` makes those in view normal, ``0`` all."""
    async with console(FakeEngine(proxies=("redis", "mysql"))) as shown:
        await shown.press("z")
        everyone = [path for _, path, _ in shown.engine.requests]
        await shown.press("u")
        asked = shown.said()
        still = [p.behavior for p in shown.engine.engine.proxies]
        await shown.press("u", "n")
        shown.engine.requests.clear()
        await shown.press("z")
        here = [p.behavior for p in shown.engine.engine.proxies]
        await shown.press("0")

        assert asked.startswith("press again: undo redis normal")
        assert still == ["", ""]
        assert here == ["", "20:delay,10:errors,5:blackout"]
        assert everyone == ["/reset?proxy=redis", "/reset?proxy=mysql"]
        assert [path for _, path, _ in shown.engine.requests] == ["/reset?proxy=redis", "/reset"]
        assert [p.behavior for p in shown.engine.engine.proxies] == ["", ""]


async def test_what_was_made_normal_everywhere_is_told_and_taken_back() -> None:
    """The flash of ``0`` lists what it ended, and ``u`` brings all of it back."""
    engine = FakeEngine(proxies=("redis", "mysql"))
    engine.put_chain(engine.entry("delay", "lag", sleep=0.2))
    async with console(engine) as shown:
        await shown.press("n", "a", "b")
        await shown.press("0")
        told = shown.said()
        calm = [(p.behavior, p.chain, p.pins, p.bypass) for p in engine.engine.proxies]
        await shown.press("u")

        mix = "20:delay,10:errors,5:blackout"
        ended = f"redis: {mix} + chain 1 + 1 pinned + bypass, mysql: {mix}"
        assert f"all normal · ended {ended}" in told
        assert calm == [("", (), {}, False)] * 2
        assert [p.behavior for p in engine.engine.proxies] == [mix, mix]
        assert [e.name for e in engine.proxy().chain] == ["lag"]
        assert engine.proxy().pins == {"delay": 1}
        assert engine.proxy().bypass


async def test_a_stray_key_does_not_hit_several_proxies() -> None:
    """With several proxies in view, a fault is asked for twice; the line says what it would do."""
    engine = FakeEngine(proxies=("redis", "mysql"), behavior="")
    async with console(engine) as shown:
        await shown.press("2")
        asked = shown.text()
        nothing = list(engine.requests)
        await shown.press("2")
        both = [p.behavior for p in engine.engine.proxies]
        await shown.press("3", "j", "3")

        assert "press again: delay redis 0% → 20%, mysql 0% → 20%" in asked
        assert nothing == []
        assert both == ["20:delay", "20:delay"]
        assert len(engine.requests) == 2


async def test_typing_into_the_wrong_pane_breaks_nothing() -> None:
    """Neither ``select`` nor a word with ``ss`` puts one handler in force for everything."""
    engine = FakeEngine(behavior="")
    async with console(engine) as shown:
        await shown.press(*"select", "escape", "escape")
        shown.table.focus()
        for key in "ss":
            shown.clock.now += 0.1
            await shown.press_at_once(key)

        assert engine.requests == []


async def test_the_handler_touched_last_is_the_selected_one() -> None:
    """Keys, the palette and typed weights select: what comes next acts on the same handler."""
    async with console() as shown:
        seen = []
        for keys in (["5"], ["3"]):
            await shown.press(*keys)
            seen.append(shown.session.selected)
        await shown.press("right_square_bracket")
        shown.app.screen.post_message(Run("fault.toggle", "bounce"))
        await shown.settle()
        seen.append(shown.session.selected)

        assert seen == ["hang", "errors", "bounce"]
        assert shown.engine.requests[2] == ("PATCH", MIX, {"errors": 1})
        assert "bounce · settings" in shown.text()


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36)])
async def test_what_is_on_is_always_visible_and_first(size: tuple[int, int]) -> None:
    """A handler without a key that is switched on stands with those that are on, before others."""
    engine = FakeEngine(behavior="5:delay")
    async with console(engine, size=size) as shown:
        shown.app.screen.post_message(Run("fault.toggle", "bounce"))
        await shown.settle()
        shown.session.select("normal")
        await shown.later()
        text = shown.text()

        assert text.index("bounce") < text.index("errors")
        assert text.index("delay") < text.index("bounce") < text.index("hang")


async def test_boxes_say_on_off_or_mixed() -> None:
    """Over several proxies a handler may be on for some; then both ends of its weights are told."""
    engine = FakeEngine(proxies=("redis", "mysql"), behavior="")
    async with console(engine) as shown:
        engine.change("x", "/proxies/redis/mix", {"delay": 5, "hang": 10})
        engine.change("x", "/proxies/mysql/mix", {"hang": 10})
        await shown.settle()
        boxes = {line[9:16].strip(): line[4:7] for line in shown.text().split("\n")[5:12]}

        assert (boxes["delay"], boxes["hang"], boxes["errors"]) == ("[~]", "[x]", "[ ]")
        assert "0-5%" in shown.text()


async def test_the_screen_of_a_connection_has_its_keys() -> None:
    """There too, ``a`` pins and ``x`` twice resets, as the footer says."""
    async with console() as shown:
        target = shown.table.selected_id
        await shown.press("enter")
        footer = shown.line(-1)
        await shown.press("a", "x", "x")

        assert "a pin  x reset" in footer
        assert shown.engine.requests == [
            ("PUT", f"/connections/{target}/pin", {"handler": "delay"}),
            ("DELETE", f"/connections/{target}", None),
        ]


async def test_a_long_line_of_a_list_is_told_whole() -> None:
    """What the line under the cursor has no room for stands in the lower border."""
    async with console(size=(100, 30)) as shown:
        await shown.press("O", "j")

        assert "where the traffic goes: host:port or unix:/path" in shown.text()
