"""What real clients of real servers see of each fault, and that all of them come back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.clients import APPS, App
from tests.servers.server import Server

SLEEP = 0.2


@pytest.fixture
def proxy(kind: type[App], chaos: Proxies, request: pytest.FixtureRequest) -> Chaos:
    """Put a proxy before the application's server."""
    server: Server = request.getfixturevalue(kind.server)
    return chaos(server.address, kind.protocol)


@pytest.fixture
def app(kind: type[App], proxy: Chaos) -> Iterator[App]:
    """Run an application that has asked once, so that it has a connection."""
    app = kind(proxy.host, proxy.port)
    assert app.ask() == kind.answer
    yield app
    app.close()


every_client = pytest.mark.parametrize("kind", APPS, ids=lambda kind: kind.__name__)


@every_client
def test_normal_changes_nothing(app: App, proxy: Chaos) -> None:
    """All is answered, nothing hits, and the protocol is understood to the last byte."""
    with proxy.with_handler("normal"):
        assert [app.ask() for _ in range(5)] == [app.answer] * 5

    assert proxy.hits() == 0
    assert [seen.opaque for seen in proxy.connections()] == [""] * len(proxy.connections())
    assert proxy.stats()[proxy.name].desyncs == 0


@every_client
def test_delay_makes_answers_late(app: App, proxy: Chaos) -> None:
    """The answer is right, no sooner than the delay; the next one is as fast as before."""
    with proxy.fault("delay", sleep=SLEEP):
        began = time.monotonic()
        assert app.ask() == app.answer
        assert time.monotonic() - began >= SLEEP
    began = time.monotonic()
    assert app.ask() == app.answer
    assert time.monotonic() - began < SLEEP


@every_client
def test_errors_are_the_clients_own(app: App, proxy: Chaos) -> None:
    """The client raises what it has for errors of its server, and is answered afterwards."""
    with proxy.fault("errors"), pytest.raises(app.broken):
        app.ask()
    assert app.ask() == app.answer


@every_client
def test_hang_lets_the_clients_own_timeout_fire(app: App, proxy: Chaos) -> None:
    """The client gives up when its own patience ends, not before, and comes back afterwards."""
    with proxy.fault("hang"):
        began = time.monotonic()
        with pytest.raises(app.slow):
            app.ask()
        assert app.patience <= time.monotonic() - began < app.patience + 1
    assert app.ask() == app.answer


@every_client
def test_blackout_cuts_the_connection(app: App, proxy: Chaos) -> None:
    """The client sees its connection lost, at each try, and comes back afterwards."""
    with proxy.fault("blackout", must_hit=2):
        for _ in range(2):
            with pytest.raises(app.broken):
                app.ask()
    assert app.ask() == app.answer


@every_client
def test_a_share_of_the_requests_is_hit(app: App, proxy: Chaos) -> None:
    """At 20 % some requests fail and some do not, and none fails that was not hit."""
    answered = failed = 0
    with proxy.fault("20:errors") as fault:
        while not (answered and failed) and answered + failed < 200:
            hits = fault.hits
            try:
                assert app.ask() == app.answer
                answered += 1
            except app.broken:
                assert fault.hits > hits
                failed += 1

    assert answered
    assert failed
