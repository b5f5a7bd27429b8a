"""How many files the process may open, and whether there is one left for another client."""

from __future__ import annotations

import os
import resource

RESERVED_FILES = 64
"""File descriptors kept for the API, logs and listeners."""


def reserve(limit: int) -> int:
    """How many of ``limit`` files are not for clients."""
    return min(RESERVED_FILES, limit * 3 // 8)


def spare(limit: int) -> int:
    """How many of ``limit`` files a client never gets, whoever has taken the others."""
    return min(RESERVED_FILES // 2, limit // 16)


def connection_limit() -> int:
    """How many connections this process can hold, two file descriptors each.

    Raises the soft limit to the hard one first.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            pass
    if soft == resource.RLIM_INFINITY:
        return 1_000_000
    return max((soft - reserve(soft)) // 2, 1)


class Files:
    """The descriptors that are left: the kernel hands out the lowest that is free.

    So one that is near the limit tells that all below are taken, by whomever. Without a look at
    it the loop would accept clients and close them again, uncounted, and the API's with them.
    """

    __slots__ = ("_highest", "calls")

    def __init__(self) -> None:
        self.calls = 0
        """Calls of backends under way, each of which will have a file."""
        self._highest = 0
        self.look()

    def look(self) -> None:
        """Look what the limit is now: it can be changed from outside."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._highest = 1 << 30 if soft == resource.RLIM_INFINITY else soft - spare(soft)

    def room(self) -> bool:
        """Whether there is a file for another client now."""
        try:
            fd = os.open("/", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        os.close(fd)
        return not self.short(fd)

    def short(self, fd: int) -> bool:
        """Whether the client that got ``fd`` is the last for now."""
        return fd + self.calls >= self._highest
