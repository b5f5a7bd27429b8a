"""Prometheus metrics, as a Prometheus server reads them."""

from __future__ import annotations

import socket
import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

from tests.api.engine import Echo, Engine, proxy


def samples(engine: Engine) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Scrape: value by name and labels."""
    answer = engine.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_counters_tell_what_went_through(echo: Echo) -> None:
    """Connections, exchanges and bytes by direction are counted by proxy."""
    with (
        Engine(proxy("web", echo.address)) as engine,
        socket.create_connection(engine.address(), timeout=5) as sock,
    ):
        sock.sendall(b"ping")
        assert sock.recv(4) == b"ping"
        found = samples(engine)

    web = (("proxy", "web"),)
    assert found["chaostui_connections_total", web] == 1
    assert found["chaostui_connections_open", web] == 1
    assert found["chaostui_connections_refused_total", web] == 0
    assert found["chaostui_framer_desync_total", web] == 0
    assert found["chaostui_framer_opaque_total", web] == 0
    assert found["chaostui_handler_failures_total", web] == 0
    assert found["chaostui_bytes_total", (("direction", "upstream"), *web)] == 4
    assert found["chaostui_bytes_total", (("direction", "downstream"), *web)] == 4
    assert found["chaostui_latency_seconds_count", web] == 1
    quantile = found["chaostui_latency_seconds", (*web, ("quantile", "0.99"))]
    assert 0 < quantile < 5
    assert found["chaostui_loop_lag_seconds", ()] >= 0
    assert found["chaostui_halted", ()] == 0
    assert found["chaostui_held_bytes", ()] == 0


def test_hits_are_counted_by_handler(echo: Echo) -> None:
    """Only faults that really hit are told, by proxy and handler."""
    with Engine(proxy("web", echo.address, behavior="blackout")) as engine:
        with socket.create_connection(engine.address(), timeout=5) as sock:
            assert sock.recv(1) == b""
        found = samples(engine)

    hits = {key[1]: value for key, value in found.items() if "injected_total" in key[0]}
    assert hits == {(("handler", "blackout"), ("proxy", "web")): 1}


def test_names_with_quotes_survive(echo: Echo) -> None:
    """A proxy's name is a label's value, whatever it holds."""
    name = 'a"b\\c'
    with Engine(proxy(name, echo.address)) as engine:
        assert ("chaostui_connections_total", (("proxy", name),)) in samples(engine)


def test_open_metrics_are_spoken_where_they_are_asked_for(engine: Engine) -> None:
    """The format follows the Accept header of the scraper."""
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}

    answer = engine.ask("GET", "/metrics", headers=accept)

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


def test_nothing_is_imported_before_somebody_asks() -> None:
    """The server starts without prometheus_client, tomlkit and Textual."""
    code = (
        "import sys, chaostui.api.server\n"
        "heavy = {'prometheus_client', 'tomlkit', 'textual', 'rich', 'jinja2', 'httpx',"
        " 'chaostui.api.openapi', 'chaostui.client.sync', 'starlette.testclient'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (run.returncode, run.stderr) == (0, b"")
