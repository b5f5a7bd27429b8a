"""Events as they happen, those that are kept, and the journal."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chaostui.api.native_events import Filter, stream
from chaostui.engine.observe.bus import Bus
from chaostui.events import Changed, Opened
from tests.api.engine import Echo, Engine, proxy
from tests.wait import until

EVENTS = "/api/v1/events"
KEPT = {"Accept": "application/json"}


@contextmanager
def following(
    engine: Engine, query: str = "", last: str | None = None
) -> Iterator[Iterator[tuple[str, str, Any]]]:
    """Follow the stream: id, kind and record of each event."""
    connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=10)
    headers = {} if last is None else {"Last-Event-ID": last}
    connection.request("GET", EVENTS + query, headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.readline().startswith(b":")
    try:
        yield blocks(response)
    finally:
        connection.close()


def blocks(response: http.client.HTTPResponse) -> Iterator[tuple[str, str, Any]]:
    """Read server-sent events."""
    found: dict[str, str] = {}
    while line := response.readline().decode().rstrip("\n") or "\n":
        if line == "\n":
            if "data" in found:
                yield found.get("id", ""), found["event"], json.loads(found["data"])
            found = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            found[name] = value


def note(engine: Engine, text: str) -> int:
    """Put a marker into the journal and return its number."""
    answer = engine.ask("POST", "/api/v1/journal", {"note": text})
    assert answer.status == 201
    number: int = answer.json["seq"]
    return number


def test_events_come_as_they_happen_from_now_on(engine: Engine) -> None:
    """Without ``since`` what was before is not told; each event has its number as id."""
    note(engine, "before")
    with following(engine) as events:
        number = note(engine, "after")

        identity, kind, record = next(events)

    assert (identity, kind, record["seq"]) == (str(number), "change", number)
    assert record["after"] == "after"


def test_a_reader_resumes_where_it_was(engine: Engine) -> None:
    """``Last-Event-ID``, or ``since``, tells what was missed, in order and without gaps."""
    first = note(engine, "1")
    note(engine, "2")
    note(engine, "3")
    with following(engine, last=str(first)) as events:
        resumed = [next(events)[2]["after"] for _ in range(2)]
    with following(engine, "?since=0", last=str(first + 1)) as events:
        preferred = next(events)[2]["after"]

    assert (resumed, preferred) == (["2", "3"], "3")


def test_a_number_from_an_engine_before_starts_anew(engine: Engine) -> None:
    """An id greater than any event is from another life of the engine: everything is new."""
    note(engine, "1")
    with following(engine, last="999999") as events:
        assert next(events)[2]["after"] == "1"


def test_kinds_and_connection_choose(engine: Engine, echo: Echo) -> None:
    """Only the wanted kinds come, only of the wanted connection."""
    engine.ask("PATCH", "/api/v1/proxies/web", {"backend": echo.address})
    with following(engine, "?kinds=open,close&connection=2") as events:
        for _ in range(3):
            with socket.create_connection(engine.address(), timeout=5) as sock:
                sock.sendall(b"x")
                assert sock.recv(1) == b"x"
        found = [next(events) for _ in range(2)]

    assert [(kind, record["connection"]) for _, kind, record in found] == [
        ("open", 2),
        ("close", 2),
    ]


def test_unfaulted_exchanges_come_to_those_who_ask(engine: Engine, echo: Echo) -> None:
    """While somebody wants ``exchange`` events, the engine makes them; then no more."""
    engine.ask("PATCH", "/api/v1/proxies/web", {"backend": echo.address})
    bus = engine.supervisor.bus
    with following(engine, "?kinds=exchange") as events:
        until(lambda: bus.exchanges_wanted == 1)
        with socket.create_connection(engine.address(), timeout=5) as sock:
            sock.sendall(b"x")
            sock.recv(1)
        assert next(events)[2]["handler"] == "normal"

    until(lambda: bus.exchanges_wanted == 0)


def test_kept_events_are_listed_at_once(engine: Engine) -> None:
    """Asked for JSON, the route answers what there is, filtered the same way."""
    numbers = [note(engine, str(i)) for i in range(3)]

    everything = engine.ask("GET", EVENTS, headers=KEPT).json
    later = engine.ask("GET", f"{EVENTS}?since={numbers[0]}&kinds=change", headers=KEPT).json
    none = engine.ask("GET", f"{EVENTS}?kinds=fault", headers=KEPT).json

    assert [event["seq"] for event in everything] == numbers
    assert [event["seq"] for event in later] == numbers[1:]
    assert none == []


@pytest.mark.parametrize(
    "query", ["?since=x", "?since=-1", "?kinds=nope", "?connection=x", f"?since={'9' * 30}"]
)
def test_a_senseless_question_is_refused(engine: Engine, query: str) -> None:
    """Numbers and kinds that do not exist are 400."""
    assert engine.ask("GET", EVENTS + query).status == 400


async def test_a_slow_reader_is_told_what_it_lost() -> None:
    """A gap in the ring comes as ``dropped`` with a count, before what is left."""
    bus = Bus(size=3)
    for i in range(5):
        bus.publish(Changed, proxy="", actor="a", what=str(i))
    pieces = stream(bus, 0, Filter((Changed,), None, exchanges=False))

    told = [await anext(pieces) for _ in range(3)]
    await pieces.aclose()

    assert told[1] == b'event: dropped\ndata: {"dropped":2}\n\n'
    assert told[2].count(b"event: change") == 3


async def test_a_quiet_stream_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens a comment is sent from time to time."""
    monkeypatch.setattr("chaostui.api.native_events.HEARTBEAT", 0.01)
    pieces = stream(Bus(), 0, Filter((Changed,), None, exchanges=False))

    told = [await anext(pieces) for _ in range(2)]
    await pieces.aclose()

    assert told[1] == b": alive\n\n"


async def test_events_that_are_not_wanted_wake_nobody_up_with_noise() -> None:
    """A filtered stream is silent, and still moves on."""
    bus = Bus()
    pieces = stream(bus, 0, Filter((Changed,), None, exchanges=False))
    await anext(pieces)
    for _ in range(3):
        bus.publish(Opened, proxy="p", client="c")
    bus.publish(Changed, proxy="", actor="a", what="w")

    async with asyncio.timeout(5):
        piece = await anext(pieces)
    await pieces.aclose()

    assert piece.startswith(b"id: 4\nevent: change\n")


def test_the_journal_has_who_changed_what(engine: Engine) -> None:
    """Changes come oldest first, with actor, before and after."""
    actor = {"Chaos-Actor": "test"}
    engine.ask("PUT", "/api/v1/proxies/web/mix", {"behavior": "20:delay"}, actor)
    number = note(engine, "deployed 1.4")

    changes = engine.ask("GET", "/api/v1/journal").json

    assert [(c["actor"], c["what"]) for c in changes] == [
        ("test", "mix"),
        ("api 127.0.0.1", "note"),
    ]
    assert (changes[0]["proxy"], changes[0]["before"], changes[0]["after"]) == (
        "web",
        "",
        "20:delay",
    )
    assert engine.ask("GET", f"/api/v1/journal?since={number}").json == []
    assert engine.ask("POST", "/api/v1/journal", {"note": ""}).status == 400
    assert engine.ask("POST", "/api/v1/journal", {"note": "x" * 1001}).status == 400


def test_a_reader_that_stops_reading_slows_nobody(echo: Echo) -> None:
    """A stalled stream costs the others nothing, and the engine no memory."""
    with Engine(proxy("web", echo.address)) as engine, following(engine) as events:
        for _ in range(200):
            note(engine, "x" * 1000)
        assert engine.ask("GET", "/api/v1/health").status == 200
        assert next(events)[2]["what"] == "note"
