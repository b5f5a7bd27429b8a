"""The screens at work: watching, filtering, freezing, profiles, journal, first run."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chaostui.cli.demo import GREETING
from chaostui.tui.model.columns import BY_FIELD
from chaostui.tui.widgets.eventpane import EventPane
from chaostui.wire.views import FaultView, HandlerView, NotReached
from tests.tui.console import Console, console
from tests.tui.fake import FakeEngine
from tests.tui.pictures import PROFILE
from tests.wait import eventually


def written(folder: Path) -> list[Path]:
    """The files of a folder."""
    return sorted(folder.iterdir())


async def test_a_change_is_shown_as_pending_until_acknowledged() -> None:
    """The new weight stands there at once with a mark, which goes when the engine has answered."""
    async with console() as shown:
        shown.engine.gate = asyncio.Event()
        await shown.press("plus")
        pending = shown.text()
        shown.engine.gate.set()
        shown.engine.gate = None
        await shown.settle()

        assert "25%…" in pending
        assert "25%…" not in shown.text()
        assert "25%" in shown.text()


async def test_quick_presses_add_up() -> None:
    """Presses before the first answer count from what was asked for."""
    async with console() as shown:
        shown.engine.gate = asyncio.Event()
        for _ in range(3):
            await shown.press("plus")
        shown.engine.gate.set()
        shown.engine.gate = None
        await shown.settle()

        assert shown.engine.proxy().behavior.startswith("35:delay")


async def test_a_refusal_puts_the_old_weight_back() -> None:
    """When the engine refuses, the old weight is shown again with the reason."""
    engine = FakeEngine()
    engine.refuse["PATCH", "/proxies/redis/mix"] = "halted by ci"
    async with console(engine) as shown:
        await shown.press("plus")

        assert "failed: halted by ci" in shown.said()
        assert "20%" in shown.text()
        assert "25%" not in shown.text().replace(shown.said(), "")


async def test_another_clients_change_is_told_with_its_name() -> None:
    """What somebody else changes is there with the next frame, with who did it."""
    async with console() as shown:
        shown.engine.change("test_checkout", "/proxies/redis/mix", {"delay": 45})
        await shown.frame()
        await shown.settle()

        assert "45%" in shown.text()
        assert "test_checkout: weights" in shown.said()


async def test_freezing_loses_nothing() -> None:
    """A frozen display keeps its rows and says how much is new; afterwards all is there."""
    async with console() as shown:
        await shown.press("space")
        before = [line[38:] for line in shown.text().split("\n") if "10.0.0." in line]
        await shown.run(3)
        during = [line[38:] for line in shown.text().split("\n") if "10.0.0." in line]
        title = shown.line(4)
        await shown.press("space")

        assert during == before
        assert "FROZEN" in title
        assert "48 new events" in title
        assert shown.session.store.log.total == shown.engine.seq_of_events()


async def test_a_filter_is_red_or_green_while_typing() -> None:
    """Each letter is tried; escape clears the filter."""
    async with console() as shown:
        await shown.press("slash")
        await shown.type("handler:")
        wrong = shown.app.screen.query_one("#filterbar").has_class("invalid")
        await shown.type("handler:delay")
        right = shown.app.screen.query_one("#filterbar").has_class("valid")
        names = {shown.table.rows.texts("handler")[i] for i in shown.table.order}
        await shown.press("escape")

        assert (wrong, right, names) == (True, True, {"delay"})
        assert len(shown.table.order) == 40


def assert_sorted(shown: Console, *, reverse: bool) -> None:
    """The rows are in the order of the column that is sorted by, and are drawn in that order."""
    table = shown.table
    column, rows = BY_FIELD[table.sort], table.rows
    values = rows.numbers(table.sort) if column.number else rows.texts(table.sort)
    ordered = [values[index] for index in table.order]
    drawn = [int(n) for n in re.findall(r"(\d+) 10\.0\.0\.\d+", shown.text())]

    assert ordered == sorted(ordered, reverse=reverse)
    assert len(set(ordered)) > 1
    assert f"sort {column.title} {'▼' if reverse else '▲'}" in shown.line(4)
    assert len(drawn) > 10
    assert set(drawn) <= {int(rows.columns["id"][index]) for index in table.order}
    assert drawn == [n for n in (rows.columns["id"][i] for i in table.order) if n in set(drawn)]


async def test_sorting_by_each_column_shown() -> None:
    """``>`` walks through the columns, ``r`` turns the order round, the title says so."""
    async with console() as shown:
        seen = []
        for _ in range(7):
            await shown.press("greater_than_sign")
            seen.append(shown.table.sort)
            numbers = BY_FIELD[shown.table.sort].number
            assert_sorted(shown, reverse=numbers)
            await shown.press("r")
            assert_sorted(shown, reverse=not numbers)

        assert len(set(seen)) == 7


async def test_a_frame_that_comes_as_the_console_ends_is_dropped() -> None:
    """The last frames find no screen to be shown on."""
    async with console() as shown:
        pass

    assert shown.app.screen_stack == []
    shown.app.on_frame(())


async def test_closed_connections_can_be_shown() -> None:
    """``c`` shows those that closed; they are gone from the table otherwise."""
    async with console(FakeEngine(connections=5)) as shown:
        shown.engine.close(3)
        await shown.frame()
        await shown.settle()
        without = len(shown.table.order)
        await shown.press("c")

        assert (without, len(shown.table.order)) == (4, 5)


async def test_following_the_newest() -> None:
    """``f`` keeps the newest connection under the cursor."""
    async with console(FakeEngine(connections=5)) as shown:
        await shown.press("f")
        newest = shown.engine.open("10.9.9.9:1")
        await shown.frame()
        await shown.settle()

        assert shown.table.selected_id == newest


async def test_the_cursor_stays_on_its_connection() -> None:
    """However rows move, the cursor stays where it was put."""
    async with console() as shown:
        await shown.press("j", "j")
        chosen = shown.table.selected_id
        await shown.press("r", "less_than_sign")

        assert shown.table.selected_id == chosen


async def test_the_settings_follow_the_selected_handler() -> None:
    """Any handler of the catalogue has its form, with units."""
    async with console() as shown:
        await shown.press("tab", "tab", *["down"] * 7)

        assert "throttle · settings" in shown.text()
        assert "100 kB/s" in shown.text()


async def test_the_lower_pane_turns() -> None:
    """``v`` shows events, then the stream as text, then as hex."""
    async with console() as shown:
        titles = []
        for _ in range(3):
            await shown.press("v")
            titles.append([t for t in ("Events", "Stream", "Hex") if f"─ {t}" in shown.text()])

        assert titles == [["Stream"], ["Hex"], ["Events"]]


async def test_payload_is_off_until_asked_for() -> None:
    """Without a tap the pane says so; an engine without one is told in words."""
    async with console() as shown:
        await shown.press("v")
        off = shown.text()
        await shown.press("p")

        assert "payload is off" in off
        assert "no payload: this engine shows no payload" in shown.text()


async def test_copying_says_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying goes to the terminal over OSC 52 where there is no desktop, and says so."""
    monkeypatch.setenv("SSH_CONNECTION", "x")
    async with console() as shown:
        await shown.press("y", "t")
        await shown.until("sent to the")


FIELDS = [
    ("i", "3", "id of #3"),
    ("d", "10.0.0.3:40003", "client address of #3"),
    ("q", "SET user:\\x1b[2J", "request of #3"),
    ("p", "→ *1\n→ PING\\x07\n← +PONG", "payload of #3 as text"),
    ("h", "→ 2a310d0a50494e47070d0a\n← 2b504f4e470d0a", "payload of #3 as hex"),
]


@pytest.mark.parametrize(("key", "expected", "said"), FIELDS, ids=[f[2] for f in FIELDS])
async def test_one_field_is_copied(
    key: str, expected: str, said: str, copied: Callable[[], str]
) -> None:
    """``y`` offers the fields of the selected connection and its payload, and says what it did."""
    engine = FakeEngine()
    engine.rows[2]["request"] = "SET user:\x1b[2J"
    engine.payload = [
        {"direction": "upstream", "offset": 0, "bytes": b"*1\r\nPING\x07\r\n"},
        {"direction": "downstream", "offset": 0, "bytes": b"+PONG\r\n"},
    ]
    async with console(engine) as shown:
        await shown.press("slash")
        await shown.type("id=3")
        await shown.press("enter", "p", "y")
        menu = shown.text()
        await shown.press(key)

        assert copied() == expected
        assert f"{said}: copied with wl-copy" in shown.said()
        assert "client address 10.0.0.3:40003" in menu


async def test_payload_is_copied_in_the_direction_shown(copied: Callable[[], str]) -> None:
    """With one direction on the screen, that one is copied, without arrows."""
    engine = FakeEngine()
    engine.payload = [
        {"direction": "upstream", "offset": 0, "bytes": b"PING"},
        {"direction": "downstream", "offset": 0, "bytes": b"+PONG"},
    ]
    async with console(engine) as shown:
        await shown.press("v", "p")
        shown.app.screen.query_one("#stream").focus()
        await shown.press("d", "y", "p")

        assert copied() == "PING"


async def test_the_copy_menu_offers_what_there_is() -> None:
    """Without connections and payload, only the mix and the attach command are there."""
    async with console(FakeEngine(connections=0)) as shown:
        await shown.press("y")

        assert "mix as TOML" in shown.text()
        assert "attach command" in shown.text()
        assert "client address" not in shown.text()
        assert "payload" not in shown.text()


async def test_exporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``w`` writes the connections as CSV and the events as JSONL."""
    monkeypatch.chdir(tmp_path)
    async with console(FakeEngine(connections=5)) as shown:
        await shown.press("w")
        rows, events = written(tmp_path)

        assert len(rows.read_text().splitlines()) == 6
        assert all(json.loads(line)["seq"] for line in events.read_text().splitlines())
        assert "5 connections" in shown.said()


async def test_profiles_are_compared_loaded_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``d`` tells what loading would change, enter twice loads, ``S`` saves, ``W`` saves as."""
    (tmp_path / "redis-flaky.toml").write_text(PROFILE)
    monkeypatch.chdir(tmp_path)
    async with console() as shown:
        await shown.press("R", "d")
        await shown.until("30:delay,2:errors")
        await shown.press("enter")
        once = shown.engine.proxy().behavior
        await shown.press("enter")
        await shown.until("no difference: this is what runs")
        await shown.press("S")
        await shown.until("comments kept")
        await shown.frame()
        await shown.press("W", "enter")
        await shown.until("saved to chaos-2.toml")

        assert once == "20:delay,10:errors,5:blackout"
        assert shown.engine.proxy().behavior == "30:delay,2:errors"
        assert not shown.session.unsaved
        assert (tmp_path / "chaos-2.toml").read_text().startswith("seed = 42")


async def test_options_are_edited_in_place() -> None:
    """Enter on a setting of a proxy asks for a value and puts it in force."""
    async with console() as shown:
        await shown.press("O")
        await shown.until("connect_timeout")
        await shown.press("slash")
        await shown.type("backend")
        await shown.press("enter", "enter")
        await shown.type("other.local:6379")
        await shown.press("enter")
        await shown.until("other.local:6379")

        assert ("PATCH", "/proxies/redis", {"backend": "other.local:6379"}) in shown.engine.requests


async def test_an_edited_option_is_taken_back_by_undo() -> None:
    """``u`` puts the old value in force again, and the list shows it, whoever changes it."""
    async with console() as shown:
        before = shown.engine.proxy().backend
        await shown.press("O", "slash")
        await shown.type("backend")
        await shown.press("enter", "enter")
        await shown.type("other.local:6379")
        await shown.press("enter")
        await shown.until(f"redis: backend {before} → other.local:6379")
        await shown.press("u")
        await shown.until(f"undone: redis: backend {before}")
        await shown.later()
        await shown.until(f" {before} ")

        asked = [body for _, path, body in shown.engine.requests if path == "/proxies/redis"]
        assert asked == [{"backend": "other.local:6379"}, {"backend": before}]
        shown.engine.change("ann", "/proxies/redis", {"backend": "elsewhere.local:1"})
        await shown.settle()
        await shown.until(" elsewhere.local:1 ")


async def test_the_journal_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``w`` on the journal writes Markdown for a bug report."""
    monkeypatch.chdir(tmp_path)
    async with console() as shown:
        await shown.press("0", "J")
        await shown.until("1 entry")
        await shown.press("w")
        (report,) = written(tmp_path)

        assert "| console | redis: reset: 20:delay" in report.read_text()


async def test_the_first_run_makes_a_proxy() -> None:
    """An engine without proxies asks for one; enter starts it and the table says what to type."""
    async with console(FakeEngine(connections=0, proxies=())) as shown:
        await shown.until("Your first proxy")
        await shown.press("enter")
        await shown.until("point your client at 127.0.0.1:16379")

        method, path, body = shown.engine.requests[0]
        assert (method, path) == ("POST", "/proxies")
        assert body["backend"] == "127.0.0.1:6379"


async def test_quitting_with_faults_on_takes_two_presses() -> None:
    """While faults are on, ``q`` asks; a second one quits."""
    async with console() as shown:
        await shown.press("q")
        asked = shown.said()
        await shown.pilot.press("q")

        assert "press q again" in asked
        assert shown.app.return_code == 0


async def test_a_lost_engine_is_found_again() -> None:
    """A banner says that the engine is lost; when it answers again, the banner goes."""
    async with console() as shown:
        shown.engine.gone = "gone"
        shown.engine.wake()
        await shown.until("last data shown · gone")
        shown.engine.gone = ""
        await shown.until("● live")
        await shown.settle()

        assert "ENGINE LOST" not in shown.text()


@pytest.mark.parametrize("size", [(20, 5), (59, 30), (60, 15), (99, 29), (150, 60), (300, 100)])
async def test_any_size_will_do(size: tuple[int, int]) -> None:
    """From the smallest to the largest terminal, the state of faults can be read."""
    async with console() as shown:
        await shown.pilot.resize_terminal(*size)
        await shown.settle()

        assert "FAULTS" in shown.text() or size[0] < 30
        assert len(shown.text().split("\n")) == size[1]


async def test_help_of_the_screen_and_of_the_pane() -> None:
    """``?`` lists the keys of the screen, ``f1`` explains the focused pane."""
    async with console() as shown:
        await shown.press("question_mark")
        keys = shown.text()
        await shown.press("escape", "e", "f1")

        assert "switch handler 1 to 9 on or off" in keys
        assert "act at once on live connections" in shown.text()


async def test_jumping_to_a_pane() -> None:
    """``ctrl+o`` and a letter go to a pane."""
    async with console() as shown:
        await shown.press("ctrl+o", "m")

        assert shown.app.focused is not None
        assert shown.app.focused.id == "mix"


async def test_the_demo_says_what_to_press() -> None:
    """A line under the top bar tells the first keys, until something is wrong."""
    async with console(greeting=GREETING) as shown:
        assert "DEMO  2 delays requests · 0 ends every fault" in shown.text()
        assert "enter shows a connection · a pins it" in shown.text()
        shown.engine.gone = "it was killed"
        shown.engine.wake()
        await eventually(lambda: "ENGINE LOST" in shown.text())
        assert "DEMO" not in shown.text()


async def test_the_cursor_holds_its_connection_from_first_sight() -> None:
    """Rows that overtake the first one do not take the cursor with them."""
    async with console() as shown:
        first = shown.table.selected_id
        for _ in range(5):
            await shown.run(2)
            shown.clock.now += 2
        await shown.settle()

        assert shown.table.selected_id == first


async def test_rows_keep_their_places_for_a_second() -> None:
    """Rows are sorted once a second, and not while the cursor is being moved."""
    async with console() as shown:
        shown.table.sort = "idle"
        await shown.settle()
        orders = []
        for passed in (0.2, 0.2, 2.0):
            shown.clock.now += passed
            for row in shown.engine.rows:
                row["idle"] = shown.engine.dice.random()
            await shown.run(3)
            orders.append([int(shown.table.rows.columns["id"][i]) for i in shown.table.order])

        assert orders[0] == orders[1] != orders[2]


async def test_events_carry_the_name_of_their_proxy_or_are_of_the_one_in_view() -> None:
    """With all proxies in view each event names its own; with one, only its events are there."""
    engine = FakeEngine(proxies=("redis", "mysql"))
    async with console(engine, size=(80, 24)) as shown:
        engine.change("ci", "/proxies/mysql/mix", {"hang": 5})
        engine.change("ci", "/proxies/redis/mix", {"hang": 6})
        await shown.settle()
        await shown.later()
        await shown.until("redis: ci: weights")
        everything = shown.text()
        await shown.press("n")
        await shown.later()
        kept = shown.app.screen.query_one(EventPane).lines

        assert "mysql: ci: weights" in everything
        assert "redis: ci: weights" in everything
        assert {line.proxy for line in kept} <= {"redis", ""}
        assert [line.proxy for line in kept if line.kind == "change"] == ["redis"]
        assert "redis: ci" not in shown.text()


async def test_help_of_the_filter_while_it_is_typed() -> None:
    """``f1`` in the filter shows its language; escape goes back to it."""
    async with console() as shown:
        await shown.press("slash")
        await shown.type("handler:")
        await shown.press("f1")
        helped = shown.text()
        await shown.press("escape")

        assert "OR joins groups of terms" in helped
        assert shown.app.screen.query_one("#filterbar").has_class("open")


async def test_what_tls_keeps_from_acting_is_said_with_what_mends_it() -> None:
    """The line under the top bar names the handler, the connections and the setting."""
    engine = FakeEngine(proxies=("redis", "mysql"))
    hidden = NotReached(connections=3, handlers=("errors",), why="TLS, SNI shop",
                        remedy={"tls": "terminate"})  # fmt: skip
    engine._put("mysql", "x", "tls", not_reached=hidden)
    async with console(engine) as shown:
        await shown.settle()

        assert (
            'mysql: errors cannot act on 3 connections: TLS, SNI shop · tls = "terminate" lets new '
            "ones be read"
        ) in shown.line(1)


async def test_loading_a_profile_is_one_step_of_undo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``u`` brings back what ran; ``S`` would overwrite the engine's own file, and asks."""
    (tmp_path / "redis-flaky.toml").write_text(PROFILE)
    (tmp_path / "a.toml").write_text(PROFILE.replace("30:delay,2:errors", "9:hang"))
    monkeypatch.chdir(tmp_path)
    async with console() as shown:
        await shown.press("R", "enter", "enter")
        await eventually(lambda: shown.engine.proxy().behavior == "9:hang")
        await shown.press("S")
        asked = shown.said()
        saved = [path for _, path, _ in shown.engine.requests if path == "/profile/save"]
        await shown.press("u")

        assert "a.toml was loaded: press S again to write what runs to redis-flaky.toml" in asked
        assert not saved
        assert shown.engine.proxy().behavior == "20:delay,10:errors,5:blackout"


async def test_the_top_bar_tells_what_is_on_elsewhere() -> None:
    """A look at a calm proxy says where faults are on; making everything normal ends them there."""
    engine = FakeEngine(proxies=("redis", "mysql", "web"), behavior="")
    engine.change("ctl", "/proxies/mysql/mix", {"blackout": 100})
    async with console(engine) as shown:
        await shown.press("n")
        before = shown.line(0)
        await shown.press("0")

        assert "redis normal · FAULTS ON mysql 100%" in before
        assert "all normal · ended mysql: 100:blackout" in shown.said()
        assert "ALL NORMAL" in shown.line(0)


async def test_pinned_connections_are_marked_and_counted() -> None:
    """A pin counts as a fault in the top bar until it is freed, and bypass covers it."""
    async with console(FakeEngine(behavior="")) as shown:
        await shown.press("5", "5", "a")
        pinned, row = shown.line(0), shown.text()
        await shown.press("b")
        passing = shown.line(0)
        await shown.press("0")

        assert "FAULTS ON 1 pinned" in pinned
        assert "*" in next(line for line in row.split("\n") if "│>" in line)
        assert "BYPASS: everything passes" in passing
        assert "ended 1 pinned + bypass" in shown.said()
        assert "ALL NORMAL" in shown.line(0)


async def test_a_faults_owner_is_told() -> None:
    """A test's fault says whose it is, in the top bar and above the mix."""
    engine = FakeEngine(behavior="30:errors")
    fault = FaultView(id="1", session="s", owner="test_checkout", behavior="30:errors")
    engine._put("redis", "x", "fault", faults=(fault,))
    async with console(engine) as shown:
        assert "FAULTS ON 30% by test_checkout" in shown.line(0)
        assert "Handlers · by test_checkout" in shown.text()


async def test_settings_that_differ_say_whose_they_are() -> None:
    """With several proxies in view the pane names the one whose value it shows."""
    engine = FakeEngine(proxies=("redis", "mysql"))
    async with console(engine) as shown:
        view = HandlerView(name="delay", weight=0, options=engine.defaults("delay") | {"sleep": 9})
        shown.session.store.learn("mysql", view)
        shown.app.screen.tick()  # type: ignore[attr-defined]

        assert "1 s on redis, othe" in shown.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (160, 48)])
@pytest.mark.parametrize("pane", ["#connections", "#mix", "#events"])
async def test_a_maximised_pane_grows_and_keeps_the_top_bar(
    size: tuple[int, int], pane: str
) -> None:
    """``\\`` gives a pane the whole screen but for top bar and footer; again gives it back."""
    async with console(size=size) as shown:
        focused = shown.app.screen.query_one(pane)
        focused.focus()
        before, text = focused.size, shown.text().splitlines()
        await shown.press("backslash")

        await eventually(lambda: focused.size.width >= size[0] - 2)
        assert focused.size.height >= size[1] - 5
        assert "FAULTS ON" in shown.text().splitlines()[0]
        assert "? help" in shown.text() or "  ?  " in shown.text()
        await shown.press("backslash")
        await eventually(lambda: focused.size == before)
        assert len(shown.text().splitlines()) == len(text)
        await shown.press("backslash", "escape")
        await eventually(lambda: focused.size == before)


async def test_a_frame_that_comes_as_the_console_ends_is_not_shown() -> None:
    """The last screen has gone, and what follows the engine does not know it yet."""
    async with console() as shown:
        pass

    shown.app.on_frame(())
    assert shown.app.screen_stack == []


async def test_rows_stand_in_the_order_of_the_rates_that_are_shown() -> None:
    """Whatever the traffic does: sorted by rate, no row shows more than the one above it."""
    async with console(FakeEngine(connections=30)) as shown:
        for tick in range(12):
            for number, row in enumerate(shown.engine.rows):
                row["upstream"] += (number * 7919 + tick * 104729) % 50_000
            shown.engine.now += 0.3
            shown.clock.now += 0.3
            await shown.frame()
            table = shown.table
            rates = table.rows.numbers("rate")

            assert [rates[index] for index in table.order] == sorted(rates, reverse=True)
