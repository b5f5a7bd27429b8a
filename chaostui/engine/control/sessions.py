"""Owners of faults: when one ends, or stops renewing its lease, its faults end."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from chaostui.engine.control.proxy import Proxy
from chaostui.engine.faults.overlays import Layer
from chaostui.engine.pace.jobs import Jobs
from chaostui.errors import Conflict, NotFound
from chaostui.wire.views import SessionView

MAX_SESSIONS = 1_000


class Session:
    """One owner."""

    def __init__(self, owner: str, lease: float) -> None:
        self.id = secrets.token_hex(8)
        self.owner = owner
        self.lease = lease
        self.expires = time.monotonic() + lease
        self.faults: list[tuple[Proxy, Layer]] = []
        self.timer: asyncio.TimerHandle | None = None
        self.ended = asyncio.Event()

    def view(self) -> SessionView:
        """A frozen picture."""
        return SessionView(
            id=self.id,
            owner=self.owner,
            lease=self.lease,
            expires_in=max(self.expires - time.monotonic(), 0.0),
            faults=tuple(layer.id for proxy, layer in self.faults if layer in proxy.layers.over),
        )


class Sessions:
    """The open sessions of an engine."""

    def __init__(self, expired: Callable[[Session], None], jobs: Jobs) -> None:
        self._jobs = jobs
        self._open: dict[str, Session] = {}
        self._expired = expired

    def views(self) -> tuple[SessionView, ...]:
        """Frozen pictures of all."""
        return tuple(session.view() for session in self._open.values())

    def open(self, owner: str, lease: float) -> Session:
        """Open one that ends ``lease`` seconds after its last renewal. Conflict over the limit."""
        if len(self._open) >= MAX_SESSIONS:
            raise Conflict(f"there are {MAX_SESSIONS} sessions, which is the limit")
        session = Session(owner, lease)
        self._open[session.id] = session
        self._set_timer(session)
        return session

    def get(self, id: str) -> Session:
        """The open session of that id; NotFound."""
        try:
            return self._open[id]
        except KeyError:
            raise NotFound("no such session, or its lease is over") from None

    def renew(self, id: str) -> Session:
        """Begin the lease anew; NotFound."""
        session = self.get(id)
        session.expires = time.monotonic() + session.lease
        self._set_timer(session)
        return session

    def close(self, id: str) -> Session:
        """Take one away; its faults are the caller's to end. NotFound."""
        session = self.get(id)
        del self._open[id]
        session.ended.set()
        if session.timer is not None:
            session.timer.cancel()
        return session

    def _set_timer(self, session: Session) -> None:
        if session.timer is not None:
            session.timer.cancel()
        loop = asyncio.get_running_loop()
        delay = max(session.expires - time.monotonic(), 0.0) + 0.001
        session.timer = loop.call_later(delay, self._look, session)

    def _look(self, session: Session) -> None:
        if time.monotonic() < session.expires:
            self._set_timer(session)
        else:
            self._jobs.until_done("ending a session", self._expire, session)

    def _expire(self, session: Session) -> None:
        if session.id in self._open:
            self._expired(session)
