"""Notices peers that leave while their sockets are not read.

No event loop reports a reset then, or a FIN: it only looks at sockets that it reads, until their
end. An epoll of our own still tells of resets and hang-ups.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chaostui.engine.pace.jobs import Jobs


class Watched(Protocol):
    """A socket that is not read for now."""

    eof: bool
    """The peer has sent its FIN."""

    def fileno(self) -> int:
        """The socket's file descriptor; -1 when it is gone."""

    def peer_left(self) -> None:
        """The peer's FIN waits in the kernel."""

    def peer_vanished(self) -> None:
        """The peer has reset the connection."""


class Watch:
    """The paused sockets of an engine."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._new: set[Watched] = set()
        self._armed: dict[int, Watched] = {}
        self._fds: dict[Watched, int] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to be told by ``loop``."""
        if self._epoll is not None:
            loop.add_reader(self._epoll.fileno(), self._tell)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """End."""
        if self._epoll is not None:
            loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def add(self, side: Watched) -> None:
        """Reading of ``side`` was paused. It is watched from the next ``arm`` on, since most
        pauses are short."""
        self._new.add(side)

    def discard(self, side: Watched) -> None:
        """Reading of ``side`` goes on, or it is gone."""
        self._new.discard(side)
        fd = self._fds.pop(side, -1)
        if fd >= 0 and self._armed.get(fd) is side and self._epoll is not None:
            del self._armed[fd]
            # Closing the socket has unregistered it already.
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)

    def arm(self) -> None:
        """Watch what has been paused for a while; called at each tick."""
        new, self._new = self._new, set()
        for side in new:
            fd = side.fileno()
            if fd < 0 or self._epoll is None:
                continue
            try:
                # EPOLLERR and EPOLLHUP are told always, readable input is not.
                self._epoll.register(fd, 0 if side.eof else select.EPOLLRDHUP)
            except FileExistsError:
                self._epoll.modify(fd, 0 if side.eof else select.EPOLLRDHUP)
            except (OSError, ValueError):
                continue
            self._armed[fd] = side
            self._fds[side] = fd

    def _tell(self) -> None:
        if self._epoll is None:
            return
        for fd, told in self._epoll.poll(0, 64):
            side = self._armed.get(fd)
            if side is None:
                # What was told before has closed it, and that has unregistered it already.
                with contextlib.suppress(OSError):
                    self._epoll.unregister(fd)
                continue
            if told & (select.EPOLLERR | select.EPOLLHUP):
                self.discard(side)
            else:
                with contextlib.suppress(OSError):
                    self._epoll.modify(fd, 0)  # a FIN is told once
                self._jobs.do("looking for clients that left", side.peer_left)
            # A mere hang-up, FIN from both, is met in order when reading goes on.
            if told & select.EPOLLERR:
                self._jobs.do("ending what was reset", side.peer_vanished)
