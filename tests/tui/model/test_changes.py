"""Changes as requests, for the API and for a shell."""

from __future__ import annotations

import shlex

import msgspec

from chaostui.client import calls
from chaostui.tui.model import changes
from chaostui.tui.model.changes import Call
from tests.tui.model.test_faults import proxy, requests


def test_a_request_is_a_curl_call() -> None:
    """The same call can be pasted into a shell, whatever stands in it."""
    call = changes.put_mix("a b", "20:delay", options={"x": {"y": "it's"}})
    words = shlex.split(call.curl("http://127.0.0.1:8080"))

    assert words[:3] == ["curl", "-X", "PUT"]
    assert words[-2] == '{"behavior": "20:delay", "options": {"x": {"y": "it\'s"}}}'
    assert words[-1] == "http://127.0.0.1:8080/api/v1/proxies/a%20b/mix"


def test_curl_reaches_a_unix_socket() -> None:
    """An engine behind a Unix socket is reached through it."""
    words = shlex.split(Call(calls.reset()).curl("unix:/run/chaos ui.sock"))

    assert words == ["curl", "-X", "POST", "--unix-socket", "/run/chaos ui.sock",
                     "http://localhost/api/v1/reset"]  # fmt: skip


def test_options_are_put_back_by_undo() -> None:
    """Undo gives an option the value it had, on each proxy its own."""
    change = changes.option("delay", "sleep", 2.5, {"a": 1.0, "b": None})

    assert requests(change.do) == [
        ("PATCH", "/proxies/a/handlers/delay", {"sleep": 2.5}),
        ("PATCH", "/proxies/b/handlers/delay", {"sleep": 2.5}),
    ]
    assert requests(change.undo) == [
        ("PATCH", "/proxies/b/handlers/delay", {"sleep": None}),
        ("PATCH", "/proxies/a/handlers/delay", {"sleep": 1.0}),
    ]
    assert change.label == "delay sleep 1 → 2.5 on a, b"
    assert change.touches == {("a", "delay.sleep"), ("b", "delay.sleep")}


def test_pins_are_put_back_by_undo() -> None:
    """Undo gives each connection the handler it was pinned to before."""
    change = changes.pin({7: "", 8: "hang"}, "delay")

    assert [r.body for r in change.do] == [{"handler": "delay"}, {"handler": "delay"}]
    assert [r.body for r in change.undo] == [{"handler": "hang"}, {"handler": None}]
    assert change.label == "#7 and 1 more pinned to delay"


def test_a_reset_has_no_way_back() -> None:
    """Resets are deletes without undo."""
    change = changes.reset([7, 8])

    gone = [("DELETE", f"/connections/{identity}", None) for identity in (7, 8)]
    assert requests(change.do) == gone
    assert not change.undo


def test_names_are_quoted_in_paths() -> None:
    """A name with a slash stays one part of a path."""
    assert changes.put_bypass("a/b", True).path == "/proxies/a%2Fb/bypass"


def test_solo_and_its_undo_keep_the_options_that_came_with_the_mix() -> None:
    """What was put in force with a mix is not lost with it."""
    set_up = msgspec.structs.replace(proxy(), base_options={"delay": {"sleep": 2}})
    change = changes.whole([set_up], "100:delay", "solo")

    assert [r.body["options"] for r in (*change.do, *change.undo)] == [{"delay": {"sleep": 2}}] * 2
