"""What a change of plan does to a live connection.

What was switched off lets go of what it held; what got new options takes them and lets go too;
what was switched on acts on what is under way from the next bytes on, either way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set
from typing import TYPE_CHECKING

from chaostui.actions import Close, Reset
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import NO_FRAME, What
from chaostui.engine.relay import departure

if TYPE_CHECKING:
    from chaostui.engine.faults.plan import Armed, Plan
    from chaostui.engine.relay.connection import Connection

PAUSE = 0.25
"""Seconds without a byte after which a request counts as waiting, and a reply as over."""


def acted_on(connection: Connection) -> bool:
    """Whether any handler acts on it now, or holds something: of thousands few have one."""
    exchange = connection.exchange
    return bool(
        (exchange is not None and exchange.armed is not None)
        or connection.pinned is not None
        or connection.up.handled
        or connection.down.handled
        or connection.exchanges.special
    )


def replan(connection: Connection, plan: Plan, changed: frozenset[Armed]) -> None:
    """The proxy has a new plan, in which ``changed`` have new options: act on it now."""
    if connection.closed or (plan.quiet and not acted_on(connection)):
        return
    if connection in connection.proxy.departing and departure.look(connection):
        return  # what was held of its requests must not be executed now
    exchanges, selection = connection.exchanges, connection.selection
    chain, links = selection.chain, (connection.up, connection.down)
    exchanges.expect()
    selection.keep(plan)
    under_way = exchanges.under_way()
    off, renewed, joined = _draw_anew(connection, plan, changed, under_way)
    acting = chain.acting()
    chain.sync(plan)
    kept = chain.acting()
    off |= acting - kept
    renewed |= {stage for stage in acting & kept if stage.armed in changed}
    _drop_holders(connection, plan, changed, off, renewed)
    selection.put_in_force(off, renewed)
    for link in links:
        for stage in link.chain:
            if stage in renewed:
                link.start(stage)
    _stop(connection, off)
    _join(connection, under_way, joined, kept - acting)


def _draw_anew(
    connection: Connection, plan: Plan, changed: frozenset[Armed], under_way: list[Exchange]
) -> tuple[set[Stage], set[Stage], dict[Exchange, set[Stage]]]:
    """Draw anew what is under way, or held; the rest when something comes.

    Return the instances of drawn handlers that are off, those with new options, and those
    that were switched on, by exchange.
    """
    selection = connection.selection
    off: set[Stage] = set()
    renewed: set[Stage] = set()
    joined: dict[Exchange, set[Stage]] = {}
    held = connection.up.exchanges() | connection.down.exchanges()
    known = {*connection.exchanges.live(), *under_way, *held}
    for exchange in sorted(known, key=lambda each: (each.number, each.push)):
        armed = exchange.armed
        if armed is not None and armed in changed:
            exchange.renew()
            renewed.update(exchange.stages())
            exchange.arm_more(connection.protocol, connection.proxy.dice, connection.ordinal)
        if not exchange.over and (exchange in held or exchange in under_way):
            gone, joined[exchange] = selection.anew(exchange, plan)
            off |= gone
            continue
        exchange.plan = None
        if armed is not None and armed is not connection.pinned and not plan.keeps(armed):
            off.update(exchange.stages())
            selection.give(exchange, None)
    return off, renewed, joined


def _drop_holders(
    connection: Connection,
    plan: Plan,
    changed: frozenset[Armed],
    off: set[Stage],
    renewed: set[Stage],
) -> None:
    """The same for what still holds something of exchanges that are over."""
    for link in (connection.up, connection.down):
        for stage in link.holders() - off - renewed:
            armed = stage.armed
            if stage in link.chain or armed is connection.pinned or plan.keeps(armed):
                if armed in changed:
                    stage.handler.options = armed.options
                    renewed.add(stage)
            else:
                off.add(stage)


def _stop(connection: Connection, stages: Set[Stage]) -> None:
    """End the connection if a handler that was switched off says that it cannot go on."""
    for stage in stages:
        for action in stage.handler.on_stop():
            if isinstance(action, (Close, Reset)):
                connection.end("fault", action)


def _join(
    connection: Connection,
    under_way: list[Exchange],
    joined: dict[Exchange, set[Stage]],
    chain: set[Stage],
) -> None:
    """Handlers were switched on while some of these exchanges had gone to the backend."""
    up, down, amid = connection.up, connection.down, connection.exchanges.amid
    unsent = up.unsent()
    for exchange in under_way:
        stages = joined.get(exchange, set()) | chain
        if not stages or exchange in unsent or not connection.number:
            continue
        exchange.sent = True
        for link in (up, down):
            mine = stages.intersection((exchange.stage(link.direction), *link.chain))
            if link is up or amid(exchange, link):
                exchange.joined |= mine
            for stage in mine if amid(exchange, link) else ():
                stage.handler.begun = True
            for stage in mine if link is up else ():
                _ask_waiting(connection, stage, exchange)


def _ask_waiting(connection: Connection, stage: Stage, exchange: Exchange) -> None:
    """Let a handler act on a request that waits, unless its reply comes as it should."""
    if connection.closed or not stage.acts_when_waiting:
        return
    if not connection.exchanges.waits(exchange):
        return
    left = exchange.asked + PAUSE - time.monotonic()
    if left > 0:
        loop = asyncio.get_running_loop()
        loop.call_later(left, _ask_waiting, connection, stage, exchange)
    elif exchange not in connection.up.exchanges() and not connection.up.held:
        connection.up.driver.feed(What.WAITING, NO_FRAME, exchange, stage)
