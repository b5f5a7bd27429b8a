"""Events as lines of text, and the times people type."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chaostui.tui.model.filter import EVENT_FIELDS, parse
from chaostui.tui.model.lines import EventLog, LineColumns, line, parse_clock

BASE = {"seq": 5, "at": 1_760_000_000.203, "proxy": "redis", "connection": 7}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"event": "open", "client": "10.0.0.1:5"}, "client 10.0.0.1:5 connected"),
        ({"event": "dial", "backend": "b:1", "seconds": 0.004},
         "connected to backend b:1 in 4.00 ms"),
        ({"event": "dial", "backend": "b:1", "seconds": 1, "error": "refused"},
         "refused: no connection to backend b:1"),
        ({"event": "exchange", "request": "GET", "seconds": 0.5, "handler": "delay"},
         "GET answered in 500 ms"),
        ({"event": "exchange", "request": "", "exchange": 4, "seconds": 0.5, "handler": "delay"},
         "request 4 answered in 500 ms"),
        ({"event": "exchange", "request": "", "exchange": 1, "seconds": 0.0, "handler": "hang"},
         "request 1 got no reply"),
        ({"event": "exchange", "request": "GET", "seconds": 1.5, "slow": True},
         "slow: GET answered in 1.50 s"),
        ({"event": "close", "reason": "client closed", "upstream": 0, "downstream": 0,
          "seconds": 2}, "client closed after 2.00 s, no bytes"),
        ({"event": "fault", "what": "held 1 s", "request": "SET", "handler": "delay"},
         "held 1 s on SET"),
        ({"event": "close", "reason": "client closed", "upstream": 81_000, "downstream": 1_200_000,
          "seconds": 14.2}, "client closed after 14.2 s, 81.0 kB up, 1.2 MB down"),
        ({"event": "change", "actor": "ctl", "what": "mix", "before": "", "after": "20:delay"},
         "ctl: mix: nothing → 20:delay"),
        ({"event": "change", "actor": "", "what": "bypass on"}, "somebody: bypass on"),
        ({"event": "warning", "message": "backend slow"}, "backend slow"),
        ({"event": "new kind", "colour": "red"}, "colour=red"),
    ],
)  # fmt: skip
def test_an_event_reads_as_a_sentence(event: dict[str, Any], text: str) -> None:
    """Each kind of event, a future one included, becomes one line."""
    assert line(BASE | event).text == text


def test_hostile_bytes_are_written_out() -> None:
    """Whatever the network or another client put into an event, no control character is left."""
    hostile = "\x1b]52;c;aGk=\x07\x9b6n\u202e[/]\r\n"
    happened = line(BASE | {"event": "fault", "what": hostile, "request": hostile,
                            "handler": hostile, "proxy": hostile})  # fmt: skip

    for text in (happened.text, happened.handler, happened.proxy):
        assert text.isprintable()
        assert "\\x1b" in text


def test_the_log_is_bounded_and_counts() -> None:
    """The newest lines are kept; what was skipped on the way is counted."""
    log = EventLog(limit=3)
    log.add([BASE | {"event": "open", "client": str(n), "seq": n} for n in range(5)], skipped=10)

    assert [entry.seq for entry in log.lines()] == [2, 3, 4]
    assert [entry.seq for entry in log.tail(2)] == [3, 4]
    assert (log.tail(0), len(log), log.total, log.skipped) == ([], 3, 15, 10)


def test_lines_can_be_filtered() -> None:
    """The filter language works on events."""
    log = EventLog()
    log.add([BASE | {"event": "open", "client": "a"}, BASE | {"event": "warning", "message": "b"}])
    columns = LineColumns(log.lines())

    assert list(parse("kind:warn", EVENT_FIELDS).apply(columns, range(2))) == [1]
    assert list(parse("connection=8", EVENT_FIELDS).apply(columns, range(2))) == []


def test_a_line_says_when_and_where() -> None:
    """A line as text has the time with milliseconds, the connection and the kind."""
    shown = str(line(BASE | {"event": "open", "client": "a"}))

    assert ".203" in shown
    assert "#7" in shown


@pytest.mark.parametrize(
    ("text", "seconds"), [("12:04", 0), ("12:04:51", 51), ("12:04:51.5", 51.5)]
)
def test_a_time_of_the_day_is_read(text: str, seconds: float) -> None:
    """A time means the day of the newest frame."""
    near = time.mktime((2025, 10, 9, 20, 0, 0, 0, 0, -1))

    at = parse_clock(text, near)

    assert time.localtime(at)[:5] == (2025, 10, 9, 12, 4)
    assert at % 60 == seconds


@pytest.mark.parametrize("text", ["", "noon", "25:00", "12:61", "12:04:61", "12"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """What is no time of the day is refused."""
    with pytest.raises(ValueError, match="is not a time"):
        parse_clock(text, 0.0)


def test_taking_events_is_cheap() -> None:
    """An event costs well under 50 µs of CPU to take in, so that 2,000 a second are nothing."""
    events = [BASE | {"event": "exchange", "request": "GET", "seconds": 0.1, "handler": "normal"}]
    log = EventLog()
    before = time.process_time()
    for _ in range(2000):
        log.add(events)

    assert (time.process_time() - before) / 2000 < 50e-6


def test_changes_outlive_busy_traffic() -> None:
    """What pushes all other events out of the log leaves the changes."""
    log = EventLog(limit=10)
    log.add([{"event": "change", "seq": 1, "actor": "ci", "what": "mix"}])
    log.add({"event": "open", "seq": n} for n in range(2, 100))

    assert [line.seq for line in log.changes] == [1]
    assert log.lines()[0].seq == 90
