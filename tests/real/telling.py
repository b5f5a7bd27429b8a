"""One way to have each client meet each kind of error, and to hold what it tells to the table."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from typing import TypeVar

import httpx
import pymysql
import pytest

from chaostui import registry
from chaostui.events import Closed, Opened
from chaostui.protocol import Kind
from chaostui.testing import Chaos
from tests.real.kinds import CLIENT, KINDS, USABLE, Row
from tests.wait import until

T = TypeVar("T")


def kinds(protocol: str) -> tuple[Kind, ...]:
    """The kinds that a protocol lists."""
    return registry.builtin().protocols[protocol].kinds


def every_kind(protocol: str, client: str) -> pytest.MarkDecorator:
    """Run a test with each kind that the protocol lists and what the table says of it."""
    table = KINDS[protocol, client]
    assert list(table) == [kind.name for kind in kinds(protocol)], "each kind has its row"
    return pytest.mark.parametrize(("kind", "row"), table.items(), ids=list(table))


def told(call: Callable[[], object]) -> str:
    """Say how a call ends, in the words of the table."""
    try:
        return f"returns {call()!r}"
    except Exception as error:  # noqa: BLE001 (which one it is, is what is tested)
        return f"{type(error).__name__} {code(error)}".strip()


def code(error: Exception) -> str:
    """The number that an error carries, where its client gives it one."""
    match error:
        case httpx.HTTPStatusError():
            return str(error.response.status_code)
        case pymysql.MySQLError():
            return str(error.args[0])
        case smtplib.SMTPResponseException():
            return str(error.smtp_code)
    return ""


def check(
    proxy: Chaos, kind: str, row: Row, connect: Callable[[], T], ask: Callable[[T], object]
) -> None:
    """Have a client meet an error in the middle of its work, or while it connects.

    Once the fault is off, the same connection answers as before, or it was closed by whom the
    table says and a new one answers.
    """
    client = connect()
    good = told(lambda: ask(client))
    with proxy.fault("errors", kind=kind):
        assert told(lambda: ask(connect() if row.connecting else client)) == row.raises
        hit = newest(proxy)

    if row.then == USABLE:
        assert told(lambda: ask(client)) == good
        assert newest(proxy) == hit
        assert not reasons(proxy, hit)
    else:
        until(lambda: reasons(proxy, hit), what=f"connection {hit} ends")
        assert reasons(proxy, hit) == ["client closed" if row.then == CLIENT else "fault"]
        assert told(lambda: ask(connect())) == good
    assert proxy.stats()[proxy.name].desyncs == 0


def newest(proxy: Chaos) -> int:
    """The number of the connection that was accepted last."""
    return max(event.connection for event in proxy.recent_events() if isinstance(event, Opened))


def reasons(proxy: Chaos, connection: int) -> list[str]:
    """Why a connection has ended; nothing while it lives."""
    ends = [event for event in proxy.recent_events() if isinstance(event, Closed)]
    return [end.reason for end in ends if end.connection == connection]
