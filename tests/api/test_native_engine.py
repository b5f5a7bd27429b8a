"""What the engine is and knows, and the halt."""

from __future__ import annotations

import os
import time

from chaostui import __version__
from chaostui.settings import Address, ControlSettings
from tests.api.engine import Engine, proxy
from tests.wait import SOON


def test_health_and_version_are_told_at_once(engine: Engine) -> None:
    """An engine that answers is healthy, and says which version it is."""
    assert engine.ask("GET", "/api/v1/health").json == {"status": "ok"}
    version = engine.ask("GET", "/api/v1/version").json
    assert version == {"version": __version__, "unauthenticated": False}
    assert engine.ask("HEAD", "/api/v1/health").status == 200


def test_an_engine_open_to_others_says_so() -> None:
    """Where no token keeps other hosts out, the server knows it, for everyone to see."""
    control = ControlSettings(listen=Address.parse("0.0.0.0:0"), no_auth=True)
    with Engine(proxy(), control=control) as engine:
        assert engine.server.unauthenticated


def test_the_engine_shows_everything_at_a_glance(engine: Engine) -> None:
    """One call has process, seed, halt, proxies and sessions."""
    view = engine.ask("GET", "/api/v1/engine").json

    assert (view["pid"], view["seed"]) == (os.getpid(), 1)
    assert view["halt"]["halted"] is False
    assert [proxy["name"] for proxy in view["proxies"]] == ["web"]
    assert view["sessions"] == []


def test_every_answer_carries_the_revision_after_it(engine: Engine) -> None:
    """A change raises the revision that its own answer already shows; a refusal does not."""
    first = engine.ask("GET", "/api/v1/engine")
    changed = engine.ask("PUT", "/api/v1/proxies/web/mix", {"behavior": "delay"})
    refused = engine.ask("PUT", "/api/v1/proxies/web/mix", {"behavior": "dellay"})
    missing = engine.ask("GET", "/api/v1/nothing")

    revisions = [int(a.headers["chaos-revision"]) for a in (first, changed, refused, missing)]
    assert revisions == [0, 1, 1, 1]
    assert (changed.status, refused.status, missing.status) == (200, 400, 404)
    assert "did you mean 'delay'" in refused.json["error"]


def test_stats_are_told_for_all_or_one(engine: Engine) -> None:
    """Counters come by proxy; an unknown proxy is 404."""
    assert engine.ask("GET", "/api/v1/stats").json["web"]["connections"] == 0
    assert list(engine.ask("GET", "/api/v1/stats?proxy=web").json) == ["web"]
    assert engine.ask("GET", "/api/v1/stats?proxy=no").status == 404


def test_handlers_are_listed_with_units_bounds_and_help(engine: Engine) -> None:
    """A front can build a form for any handler from this list alone."""
    handlers = {handler["name"]: handler for handler in engine.ask("GET", "/api/v1/handlers").json}

    assert handlers["errors"]["aliases"] == ["error"]
    sleep = next(o for o in handlers["delay"]["options"] if o["name"] == "sleep")
    assert (sleep["type"], sleep["unit"], sleep["minimum"], sleep["default"]) == (
        "number",
        "s",
        0,
        1.0,
    )
    assert all(handler["help"] for handler in handlers.values())


def test_protocols_are_listed_with_the_errors_they_speak(engine: Engine) -> None:
    """HTTP has named errors, plain tcp has none."""
    protocols = {p["name"]: p for p in engine.ask("GET", "/api/v1/protocols").json}

    assert protocols["tcp"]["kinds"] == []
    assert "503" in str(protocols["http"]["kinds"])


def test_a_halt_makes_all_normal_until_it_is_released(engine: Engine) -> None:
    """While halted a new fault answers 423; a halt needs no body and may be repeated."""
    mix = "/api/v1/proxies/web/mix"
    engine.ask("PUT", mix, {"behavior": "errors"})
    start = time.monotonic()

    halted = engine.ask("POST", "/api/v1/halt", {"reason": "enough"}, {"Chaos-Actor": "me"})

    assert time.monotonic() - start < SOON
    assert halted.json["halted"]
    assert "me" in halted.json["by"]
    assert engine.ask("POST", "/api/v1/halt").status == 200
    assert engine.ask("GET", "/api/v1/halt").json == halted.json
    assert engine.ask("GET", mix).json["behavior"] == ""
    refused = engine.ask("PUT", mix, {"behavior": "delay"})
    assert (refused.status, refused.json["status"]) == (423, 423)
    assert refused.json["error"].startswith("halted by me: enough at ")
    assert engine.ask("DELETE", "/api/v1/halt").status == 204
    assert engine.ask("PUT", mix, {"behavior": "delay"}).status == 200


def test_a_reset_leaves_nothing_broken(engine: Engine) -> None:
    """Mixes are normal, chains empty and disabled proxies on."""
    engine.ask("PUT", "/api/v1/proxies/web/mix", {"behavior": "errors"})
    engine.ask("POST", "/api/v1/proxies/web/chain", {"handler": "delay"})
    engine.ask("PATCH", "/api/v1/proxies/web", {"enabled": False})

    assert engine.ask("POST", "/api/v1/reset").status == 204
    view = engine.ask("GET", "/api/v1/proxies/web").json
    assert (view["behavior"], view["chain"], view["enabled"]) == ("", [], True)


def test_an_actor_is_a_short_line(engine: Engine) -> None:
    """Who asks goes into the journal, so it cannot be anything."""
    engine.ask("POST", "/api/v1/reset", headers={"Chaos-Actor": "ctl"})
    engine.ask("POST", "/api/v1/reset")
    long = engine.ask("POST", "/api/v1/reset", headers={"Chaos-Actor": "x" * 101})
    hidden = engine.ask("POST", "/api/v1/reset", headers={"Chaos-Actor": "a\x9bb"})

    assert (long.status, hidden.status) == (400, 400)
    actors = [change["actor"] for change in engine.ask("GET", "/api/v1/journal").json]
    assert actors == ["ctl", "api 127.0.0.1"]
