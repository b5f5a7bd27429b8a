"""At a limit clients wait in the kernel's backlogs, and those whose turn it is come in from there.

A proxy that accepts nobody because all of them together are at a limit has its listening sockets
in a selector: so only those accept again for whom a client waits, however many others there are.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaostui.engine.control.proxy import Proxy
    from chaostui.engine.control.runtime import Core

PATIENCE = 0.5
"""Seconds within which a client who waits is accepted, if it is still there."""


class Backlogs:
    """The proxies of an engine that keep their clients waiting."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._full: set[Proxy] = set()
        """Those at a limit of their own."""
        self._paused: dict[Proxy, list[socket.socket]] = {}
        """Those at the limit of all, and their sockets in the selector."""
        self._coming: dict[Proxy, float] = {}
        """Those that accept a client who waits, and since when: some steps of the loop later it
        is here."""
        self._selector = selectors.DefaultSelector()
        self._watching = False

    def close(self) -> None:
        """End; nobody is let in any more."""
        self._watch(False)
        self._selector.close()
        self._paused.clear()

    # -- keeping clients out ----------------------------------------------------------------

    def opened(self, proxy: Proxy, fd: int) -> None:
        """A client was accepted, by the descriptor ``fd``: it may be the last for now."""
        self._coming.pop(proxy, None)
        if limit := _own_limit(proxy):
            self._keep_out(proxy, limit)
        if limit := self._common_limit(fd):
            self._keep_out(proxy, limit)
            for each in self._core.proxies.values():
                self._keep_out(each)

    def _common_limit(self, fd: int) -> str:
        """The limit of all proxies that is reached; empty: none is."""
        core = self._core
        if core.open >= core.max_connections:
            return f"{core.max_connections} connections of this process"
        return "file descriptors, RLIMIT_NOFILE" if core.files.short(fd) else ""

    def _keep_out(self, proxy: Proxy, limit: str = "") -> None:
        """Accept nobody for now; where it took the last client, tell of the ``limit``."""
        listener = proxy.listener
        if listener is None or not listener.accepting:
            return
        listener.pause()
        self._wait(proxy)
        if limit:
            proxy.warn(f"at its limit ({limit}): clients wait in the backlog")

    def _wait(self, proxy: Proxy) -> None:
        """It accepts again when there is room for a client of its."""
        if _own_limit(proxy):
            self._full.add(proxy)
        elif proxy.listener is not None:
            self._paused[proxy] = sockets = list(proxy.listener.sockets)
            for sock in sockets:
                self._selector.register(sock, selectors.EVENT_READ, proxy)

    # -- letting them in --------------------------------------------------------------------

    @property
    def _room(self) -> int:
        """How many further clients there may be, as far as connections go."""
        return self._core.max_connections - self._core.open - len(self._coming)

    def may_accept(self, proxy: Proxy) -> bool:
        """Whether a proxy that wants to accept may; else it waits until it can."""
        self._take_out(proxy)
        if not _own_limit(proxy) and (proxy in self._coming or self._room > 0):
            return True
        self._wait(proxy)
        return False

    def forget(self, proxy: Proxy) -> None:
        """It gives its address up."""
        self._coming.pop(proxy, None)
        self._take_out(proxy)

    def _take_out(self, proxy: Proxy) -> None:
        self._full.discard(proxy)
        for sock in self._paused.pop(proxy, ()):
            self._selector.unregister(sock)

    def closed(self, proxy: Proxy) -> None:
        """A connection is gone: there is room for a waiting client."""
        if proxy in self._full:
            self._accept(proxy)
        self._look()

    def look(self) -> None:
        """Let waiting clients in where there is room; called at each tick."""
        late = self._core.now - PATIENCE
        for proxy in [each for each, since in self._coming.items() if since < late]:
            del self._coming[proxy]  # whoever waited there has left
        for proxy in [each for each in self._full if not _own_limit(each)]:
            self._accept(proxy)
        self._look()

    def _look(self) -> None:
        """Let clients in who wait because of all; look again when one comes, or room does."""
        if not self._paused or self._room <= 0 or not self._core.files.room():
            self._watch(False)
            return
        for key, _ in self._selector.select(0)[: self._room]:
            if key.data in self._paused:
                self._coming[key.data] = self._core.now
                self._accept(key.data)
        self._watch(bool(self._paused) and self._room > 0)

    def _told(self) -> None:
        self._core.jobs.do("letting clients in", self._look)

    def _accept(self, proxy: Proxy) -> None:
        self._take_out(proxy)
        proxy.spawn(proxy.accept())

    def _watch(self, wanted: bool) -> None:
        """Have the loop tell of clients that come, or not: while there is no room it must not."""
        if wanted is self._watching:
            return
        self._watching = wanted
        loop = asyncio.get_running_loop()
        if wanted:
            loop.add_reader(self._selector.fileno(), self._told)
        else:
            loop.remove_reader(self._selector.fileno())


def _own_limit(proxy: Proxy) -> str:
    """The limit of its own that a proxy is at; empty: it is at none."""
    most = proxy.settings.max_connections
    return f"max_connections {most}" if most and len(proxy.connections) >= most else ""
