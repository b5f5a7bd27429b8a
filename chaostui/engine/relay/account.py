"""What is counted and told of the exchanges of a connection: hits, times, ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.events import Exchanged, Injected

if TYPE_CHECKING:
    from chaostui.engine.relay.connection import Connection


def answered(connection: Connection, exchange: Exchange | None, asked: float) -> None:
    """The first byte of a reply to what was ``asked`` then has come."""
    now = time.monotonic()
    connection.reply = seconds = now - asked
    proxy = connection.proxy
    if exchange is not None:
        exchange.seconds = seconds
        proxy.stats.latency_of(exchange.handler).record(seconds, now)
        return
    proxy.stats.normal.record(seconds, now)
    if proxy.bus.exchanges_wanted or seconds >= proxy.slow:
        publish(connection, connection.number, "", "normal", seconds)


def ended(connection: Connection, exchange: Exchange) -> None:
    """An exchange is over: tell of it, give back what it had taken and not hit."""
    if exchange.over:
        return
    exchange.over = True
    armed = exchange.armed
    if armed is not None and not exchange.hit and exchange.granted.get(armed):
        armed.give_back()
    proxy = connection.proxy
    told = exchange.hit or exchange.hit_before or exchange.seconds >= proxy.slow
    if told or proxy.bus.exchanges_wanted:
        publish(connection, exchange.number, exchange.request, exchange.handler, exchange.seconds)


def publish(
    connection: Connection, number: int, request: str, handler: str, seconds: float
) -> None:
    """Tell of an exchange that is over, or slow."""
    proxy = connection.proxy
    proxy.bus.publish(
        Exchanged,
        proxy=proxy.name,
        connection=connection.id,
        exchange=number,
        request=request,
        handler=handler,
        seconds=seconds,
        slow=seconds >= proxy.slow,
    )


def hit(connection: Connection, stage: Stage, exchange: Exchange | None, what: str) -> None:
    """A handler really did something: count it, once per exchange, and tell."""
    number, push = max(connection.number, 1), 0
    if exchange is not None:
        number, push = exchange.number, exchange.push
    armed = stage.armed
    drawn = exchange is not None and exchange.armed is armed
    if stage.hit_in == (number, push) or (drawn and exchange is not None and exchange.hit):
        return
    stage.hit_in = (number, push)
    if exchange is not None and drawn:
        exchange.hit = True
    armed.hits += 1
    connection.hits += 1
    proxy = connection.proxy
    proxy.stats.hits[armed.name] += 1
    proxy.bus.publish(
        Injected,
        proxy=proxy.name,
        connection=connection.id,
        exchange=number,
        handler=armed.name,
        what=what,
        request=exchange.request if exchange else "",
    )
