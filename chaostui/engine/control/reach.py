"""Which faults in force cannot reach a connection, because only its peers can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaostui.engine.faults.plan import needing
from chaostui.wire.views import NotReached

if TYPE_CHECKING:
    from chaostui.engine.control.proxy import Proxy
    from chaostui.engine.relay.connection import Connection
    from chaostui.engine.relay.owner import Owner


def missed(connection: Connection) -> tuple[str, ...]:
    """The handlers, by name, that are on and would need to read this connection's requests."""
    protocol = connection.protocol
    return _missed(connection, needing(connection.proxy.plan)) if protocol.sealed else ()


def _missed(connection: Connection, names: tuple[str, ...]) -> tuple[str, ...]:
    """The same of one that is sealed; ``names`` are those of its proxy's plan."""
    pinned = connection.pinned
    if pinned is None:
        return names
    return (pinned.name,) if pinned.needs_words else ()


def remedy(proxy: Owner) -> dict[str, str]:
    """Settings that let such connections be read; empty where they are in force already.

    What passes here is TLS that the backend speaks: so it is spoken to it then as well.
    """
    if proxy.settings.tls != "passthrough":
        return {}
    return {"tls": "terminate", "backend_tls": "on"}


def told(connection: Connection) -> str:
    """What a warning says of it, after why it cannot be read."""
    names = missed(connection)
    if not names:
        return ""
    mend = " (tls = terminate mends it)" if remedy(connection.proxy) else ""
    return f", and {' and '.join(names)} cannot reach it{mend}"


def view(proxy: Proxy) -> NotReached | None:
    """Those of a proxy's open connections that pass although faults are on; None: none."""
    if not proxy.sealed:
        return None
    mine = needing(proxy.plan)
    found = {
        connection: names for connection in proxy.sealed if (names := _missed(connection, mine))
    }
    if not found:
        return None
    handlers = dict.fromkeys(name for names in found.values() for name in names)
    why = next(iter(found)).protocol.opaque
    return NotReached(
        connections=len(found), handlers=tuple(handlers), why=why, remedy=remedy(proxy)
    )


def lost(connection: Connection) -> None:
    """It is sealed from now on: count the fault that was drawn for what it was about to ask."""
    proxy, exchange = connection.proxy, connection.exchange
    whole = proxy.settings.draw == "connection"
    number = 1 if whole else max(connection.number, 1)
    armed = connection.pinned or proxy.plan.pick(proxy.dice.roll(connection.ordinal, number))
    if armed is None or not armed.needs_words or (exchange is not None and exchange.hit):
        return
    if not connection.number:
        proxy.stats.not_reached += 1  # later ones are counted when they are drawn
    if whole and exchange is not None and exchange.armed is armed and not connection.pinned:
        armed.give_back()  # what is taken for the whole connection is given back by nobody else
