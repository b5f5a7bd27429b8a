"""Sessions: faults end when their owner does, and no other fault ends with them."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.api.engine import Engine, proxy
from tests.wait import until

SESSIONS = "/api/v1/sessions"

OWNER = """
import sys, time
from chaostui.client import Client
client = Client("127.0.0.1", int(sys.argv[1]))
with client.with_handler(sys.argv[2]):
    print("on", flush=True)
    time.sleep(60)
"""


def behavior(engine: Engine) -> str:
    """Read the mix in force."""
    return engine.look(lambda supervisor: supervisor.proxy()).behavior


def opened(engine: Engine, lease: float = 30) -> str:
    """Open a session."""
    answer = engine.ask("POST", SESSIONS, {"lease": lease, "owner": "test"})
    assert answer.status == 201
    found: str = answer.json["id"]
    return found


def fault(engine: Engine, session: str, name: str, **more: Any) -> str:
    """Lay a fault over the first proxy."""
    answer = engine.ask("POST", f"{SESSIONS}/{session}/faults", {"behavior": name, **more})
    assert answer.status == 201, answer.json
    found: str = answer.json["id"]
    return found


@contextmanager
def owner(engine: Engine, handler: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that is inside a with-block."""
    command = [sys.executable, "-c", OWNER, str(engine.port), handler]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_session_is_opened_listed_renewed_and_ended(engine: Engine) -> None:
    """It has an owner, a lease that starts anew, and its faults."""
    session = opened(engine)
    number = fault(engine, session, "errors")

    (view,) = engine.ask("GET", SESSIONS).json
    assert (view["id"], view["owner"], view["lease"]) == (session, "test", 30)
    assert view["faults"] == [number]
    assert engine.ask("PUT", f"{SESSIONS}/{session}", {}).json["expires_in"] > 29
    assert engine.ask("PUT", f"{SESSIONS}/{session}").status == 200
    assert behavior(engine) == "100:errors"
    assert engine.ask("DELETE", f"{SESSIONS}/{session}").status == 204
    assert behavior(engine) == ""
    assert engine.ask("GET", SESSIONS).json == []


def test_a_fault_takes_proxy_options_and_duration() -> None:
    """A fault may lie over any proxy, with options, for a time."""
    with Engine(proxy("one"), proxy("two")) as engine:
        session = opened(engine)
        fault(engine, session, "delay", proxy="two", options={"delay": {"sleep": 3}}, duration=0.1)

        view = engine.ask("GET", "/api/v1/proxies/two").json
        assert (view["behavior"], view["base"]) == ("100:delay", "")
        assert view["mix"][0]["options"]["sleep"] == 3
        assert view["faults"][0]["session"] == session
        until(lambda: engine.ask("GET", "/api/v1/proxies/two").json["behavior"] == "", within=2)


def test_each_fault_ends_alone_in_any_order(engine: Engine) -> None:
    """Of two faults on one proxy, the end of the lower one leaves the upper one in force."""
    engine.ask("PUT", "/api/v1/proxies/web/mix", {"behavior": "hang"})
    one, two = opened(engine), opened(engine)
    lower, upper = fault(engine, one, "delay"), fault(engine, two, "errors")

    assert behavior(engine) == "100:errors"
    assert engine.ask("DELETE", f"{SESSIONS}/{one}/faults/{lower}").status == 204
    assert behavior(engine) == "100:errors"
    assert engine.ask("DELETE", f"{SESSIONS}/{two}/faults/{upper}").status == 204
    assert behavior(engine) == "100:hang"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", {"lease": 0}, 400),
        ("POST", "", {"lease": 100_000}, 400),
        ("POST", "", {"owner": "x" * 256}, 400),
        ("POST", "", {"ttl": 3}, 400),
        ("PUT", "/nope", {}, 404),
        ("DELETE", "/nope", None, 404),
        ("GET", "/nope/hold", None, 404),
        ("POST", "/nope/faults", {"behavior": "delay"}, 404),
        ("POST", "/SESSION/faults", {"behavior": "nope"}, 400),
        ("POST", "/SESSION/faults", {"behavior": "delay", "proxy": "nope"}, 404),
        ("POST", "/SESSION/faults", {"behavior": "delay", "options": {"delay": {"x": 1}}}, 400),
        ("POST", "/SESSION/faults", {}, 400),
        ("DELETE", "/SESSION/faults/nope", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    engine: Engine, method: str, path: str, body: Any, status: int
) -> None:
    """Unknown sessions, faults and proxies are 404, the rest is 400."""
    path = path.replace("SESSION", opened(engine))

    assert engine.ask(method, SESSIONS + path, body).status == status
    assert behavior(engine) == ""


def test_a_lease_that_is_not_renewed_ends_its_faults(engine: Engine) -> None:
    """A frozen owner's faults end with its lease, not before."""
    start = time.monotonic()
    session = opened(engine, lease=0.3)
    fault(engine, session, "errors")

    until(lambda: behavior(engine) == "", within=2)

    assert time.monotonic() - start >= 0.29


def test_a_session_ends_with_the_connection_that_holds_it(engine: Engine) -> None:
    """When the held connection closes, the session's faults end long before its lease."""
    session = opened(engine)
    fault(engine, session, "errors")
    held = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=5)
    held.request("GET", f"{SESSIONS}/{session}/hold")
    assert held.getresponse().status == 200
    assert behavior(engine) == "100:errors"

    held.sock.close()
    held.close()

    until(lambda: behavior(engine) == "", what="its fault is gone")


def test_a_hold_ends_with_its_session(engine: Engine) -> None:
    """A session that was closed elsewhere does not keep a connection."""
    session = opened(engine)
    held = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=5)
    held.request("GET", f"{SESSIONS}/{session}/hold")
    response = held.getresponse()

    engine.ask("DELETE", f"{SESSIONS}/{session}")

    assert response.read().startswith(b": held")
    held.close()


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_death_of_the_owner_ends_its_faults(engine: Engine, kind: signal.Signals) -> None:
    """Whatever kills the process inside a with-block, its fault is gone long before its lease."""
    other = opened(engine)
    fault(engine, other, "delay")
    with owner(engine, "errors") as process:
        assert behavior(engine) == "100:errors"
        process.send_signal(kind)

        until(lambda: behavior(engine) == "100:delay", what="its own fault is gone")


def test_a_frozen_owner_keeps_its_faults_until_its_lease_is_over(engine: Engine) -> None:
    """SIGSTOP leaves the connection open: only the lease ends the fault."""
    with owner(engine, "errors") as process:
        (session,) = engine.ask("GET", SESSIONS).json
        os.kill(process.pid, signal.SIGSTOP)
        # Its own lease is 30 s; what is left of it is what counts here.
        engine.look(lambda supervisor: _shorten(supervisor, session["id"], 0.3))
        assert behavior(engine) == "100:errors"

        until(lambda: behavior(engine) == "", within=2)
        os.kill(process.pid, signal.SIGCONT)


def _shorten(supervisor: Any, session: str, lease: float) -> None:
    found = supervisor._sessions.get(session)
    found.lease = lease
    supervisor._sessions.renew(session)
