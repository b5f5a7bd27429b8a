"""Changes as requests, for the API and for a shell."""

from __future__ import annotations

import shlex

from chaostui.tui.model import changes
from chaostui.tui.model.changes import Request
from tests.tui.model.test_faults import proxy


def test_a_request_is_a_curl_call() -> None:
    """The same call can be pasted into a shell, whatever stands in it."""
    request = Request("PUT", "/proxies/a%20b/mix", {"behavior": "20:delay", "x": "it's"})
    words = shlex.split(request.curl("http://127.0.0.1:8080"))

    assert words[:3] == ["curl", "-X", "PUT"]
    assert words[-2] == '{"behavior": "20:delay", "x": "it\'s"}'
    assert words[-1] == "http://127.0.0.1:8080/api/v1/proxies/a%20b/mix"


def test_curl_reaches_a_unix_socket() -> None:
    """An engine behind a Unix socket is reached through it."""
    words = shlex.split(Request("POST", "/reset").curl("unix:/run/chaos ui.sock"))

    assert words == ["curl", "-X", "POST", "--unix-socket", "/run/chaos ui.sock",
                     "http://localhost/api/v1/reset"]  # fmt: skip


def test_options_are_put_back_by_undo() -> None:
    """Undo gives options the values they had."""
    change = changes.options([proxy()], "delay", {"sleep": 2.5}, {"sleep": 1.0, "jitter": 0})

    assert change.do == (Request("PATCH", "/proxies/redis/handlers/delay", {"sleep": 2.5}),)
    assert change.undo == (Request("PATCH", "/proxies/redis/handlers/delay", {"sleep": 1.0}),)
    assert change.label == "delay sleep 1 → 2.5"
    assert change.touches == {("redis", "delay.sleep")}


def test_pins_are_put_back_by_undo() -> None:
    """Undo gives each connection the handler it was pinned to before."""
    change = changes.pin({7: "", 8: "hang"}, "delay")

    assert [r.body for r in change.do] == [{"handler": "delay"}, {"handler": "delay"}]
    assert [r.body for r in change.undo] == [{"handler": None}, {"handler": "hang"}]
    assert change.label == "#7 and 1 more pinned to delay"


def test_a_reset_has_no_way_back() -> None:
    """Resets are deletes without undo."""
    change = changes.reset([7, 8])

    assert change.do == (Request("DELETE", "/connections/7"), Request("DELETE", "/connections/8"))
    assert not change.undo


def test_names_are_quoted_in_paths() -> None:
    """A name with a slash stays one part of a path."""
    assert changes.proxy_path("a/b", "mix") == "/proxies/a%2Fb/mix"
