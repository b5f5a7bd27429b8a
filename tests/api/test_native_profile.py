"""The profile over HTTP: read, applied whole or not at all, compared, saved."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.engine import Echo, Engine, proxy
from tests.tcp import free_port

PROFILE = "/api/v1/profile"
TOML = {"Content-Type": "application/toml"}

FILE = """\
# What we break on Mondays.
[[proxy]]
name = "web"  # the shop
listen = "127.0.0.1:{port}"
backend = "127.0.0.1:9"
behavior = "20:delay"
"""


def text(port: int = 0) -> str:
    """Spell a profile's file."""
    return FILE.format(port=port)


def test_the_profile_reads_back_as_it_would_be_given(engine: Engine) -> None:
    """What GET answers, PUT takes, and nothing changes by it."""
    engine.ask("PUT", "/api/v1/proxies/web/mix", {"behavior": "20:delay"})
    engine.ask("POST", "/api/v1/proxies/web/chain", {"handler": "delay", "sleep": 0.2})
    before = engine.ask("GET", PROFILE).json

    assert engine.ask("POST", f"{PROFILE}/diff", before["profile"]).json == {"changes": []}
    assert engine.ask("PUT", PROFILE, before["profile"]).status == 200
    assert engine.ask("GET", PROFILE).json == before
    assert before["profile"]["proxy"][0]["behavior"] == "20:delay"


def test_the_profile_reads_and_writes_as_toml(engine: Engine) -> None:
    """The same as text of a profile file, both ways."""
    answer = engine.ask("GET", f"{PROFILE}?format=toml")

    assert answer.headers["content-type"].startswith("application/toml")
    assert b"[[proxy]]" in answer.body
    assert engine.ask("PUT", PROFILE, text().encode(), TOML).status == 200
    assert engine.ask("GET", "/handler").body == b"20:delay"
    assert engine.ask("GET", f"{PROFILE}?format=xml").status == 400


def test_faults_of_sessions_are_no_part_of_it(engine: Engine) -> None:
    """What ends with its owner is not written down as what the engine is."""
    session = engine.ask("POST", "/api/v1/sessions", {}).json["id"]
    engine.ask("POST", f"/api/v1/sessions/{session}/faults", {"behavior": "errors"})

    assert engine.ask("GET", "/handler").body == b"errors"
    assert "behavior" not in engine.ask("GET", PROFILE).json["profile"]["proxy"][0]


def test_a_profile_is_applied_while_connections_live_on(echo: Echo) -> None:
    """A proxy that stays keeps its connections; others come and go."""
    port = free_port()
    web = proxy("web", echo.address, listen=f"127.0.0.1:{port}")
    with Engine(web, proxy("old")) as engine:
        address = engine.address("web")
        with socket.create_connection(address, timeout=5) as sock:
            given = {"proxy": [web | {"behavior": "1:delay"}, proxy("new")]}
            view = engine.ask("PUT", PROFILE, given).json
            sock.sendall(b"ping")
            assert sock.recv(4) == b"ping"

    assert [p["name"] for p in view["proxies"]] == ["web", "new"]
    assert view["proxies"][0]["behavior"] == "1:delay"


def test_a_profile_with_a_mistake_changes_nothing(engine: Engine) -> None:
    """All mistakes are named by their place; the engine stays as it is."""
    bad = {"proxy": [proxy("good"), proxy("bad", behavior="nope", protocl="tcp")]}

    answer = engine.ask("PUT", PROFILE, bad)

    assert answer.status == 400
    assert "proxy[1].behavior" in answer.json["error"]
    assert "protocl" in answer.json["error"]
    assert [p["name"] for p in engine.ask("GET", "/api/v1/proxies").json] == ["web"]


def test_a_busy_port_changes_nothing(engine: Engine, echo: Echo) -> None:
    """A listener that cannot be bound is 409, and the first proxy of the body is not there."""
    given = {"proxy": [proxy("good"), proxy("bad") | {"listen": echo.address}]}

    assert engine.ask("PUT", PROFILE, given).status == 409
    assert [p["name"] for p in engine.ask("GET", "/api/v1/proxies").json] == ["web"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"{", {}, 400, "bad request body"),
        (b"[1]", {}, 400, ""),
        (b"proxy = ", TOML, 400, ""),
        (b"\xff", TOML, 400, "UTF-8"),
        ({"proxy": [], "control": {"no_auth": True}}, {}, 403, "control"),
        ({"proxy": [], "control": {"allow_upstream": True}}, {}, 403, "control"),
        ({"proxy": [], "log_output": "/etc/passwd"}, {}, 403, "log_output"),
        ({"proxy": [proxy("x", "169.254.169.254:80")]}, {}, 403, "--allow-upstream"),
        ({"proxy": [proxy("x") | {"listen": "0.0.0.0:0"}]}, {}, 403, "--allow-remote-listen"),
        ({"proxy": [proxy("-")]}, {}, 400, "name"),
    ],
)
def test_what_http_may_not_say_is_refused(
    engine: Engine, body: Any, headers: dict[str, str], status: int, said: str
) -> None:
    """The owner's own settings, and addresses out of bounds, cannot be set over HTTP."""
    for method, path in (("PUT", PROFILE), ("POST", f"{PROFILE}/diff")):
        answer = engine.ask(method, path, body, headers)
        assert (answer.status, said in answer.json["error"]) == (status, True)


@pytest.mark.parametrize("headers", [{}, TOML])
def test_a_profile_that_names_code_is_refused_unseen(
    engine: Engine, headers: dict[str, str]
) -> None:
    """A callable is refused by its key, and its module is not imported."""
    module = "this_module_must_not_be_imported"
    body: Any = {"proxy": [proxy()], "handler": {"mine": {"callable": f"{module}:f"}}}
    if headers:
        body = f'{text()}\n[handler.mine]\ncallable = "{module}:f"\n'.encode()

    answer = engine.ask("PUT", PROFILE, body, headers)

    assert answer.status == 400
    assert "callable" in answer.json["error"]
    assert module not in sys.modules


def test_the_difference_is_told_by_paths(engine: Engine) -> None:
    """Each value that would change comes with what runs and what was given."""
    given = {"proxy": [proxy(backend="127.0.0.1:10")]}

    changes = engine.ask("POST", f"{PROFILE}/diff", given).json["changes"]

    assert changes == [
        {"path": "proxy.web.backend", "running": "127.0.0.1:9", "given": "127.0.0.1:10"}
    ]
    assert engine.ask("GET", "/backend").json["backend"] == "127.0.0.1:9"


def test_the_profile_is_saved_with_its_comments(tmp_path: Path) -> None:
    """What changed is written into the file the engine was started with."""
    file = tmp_path / "chaos.toml"
    port = free_port()
    file.write_text(text(port))
    web = proxy(behavior="20:delay", listen=f"127.0.0.1:{port}")
    with Engine(web, source=str(file)) as engine:
        engine.ask("POST", "/handler", b"30:hang")

        answer = engine.ask("POST", f"{PROFILE}/save", {})

    assert (answer.status, answer.json) == (200, {"path": str(file)})
    saved = file.read_text()
    assert "# What we break on Mondays." in saved
    assert "# the shop" in saved
    assert 'behavior = "30:hang"' in saved


def test_without_a_file_there_is_nothing_to_save(engine: Engine) -> None:
    """An engine that was started by options alone says so."""
    answer = engine.ask("POST", f"{PROFILE}/save", {})

    assert (answer.status, "without a profile" in answer.json["error"]) == (409, True)
