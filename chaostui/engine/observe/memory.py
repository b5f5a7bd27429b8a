"""The memory of this process: how much it is, and giving back what is not needed any more."""

from __future__ import annotations

import os

LOOK_INTERVAL = 5.0
"""Seconds between two looks at the memory."""
PAGE = os.sysconf("SC_PAGE_SIZE")
SPARE = 16_777_216
"""Bytes over the size at the start that are not worth a look."""


def resident() -> int:
    """This process's resident memory in bytes; 0 where the system does not tell."""
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(file, 256).split()[1]) * PAGE
    finally:
        os.close(file)


class Memory:
    """Gives freed memory back to the system from time to time.

    What a delay held or a slow reader left unread lies in chunks of 64 KiB, too small for the C
    library to map one by one: freed, they stay in its heap until it is told to let go of them.
    """

    def __init__(self) -> None:
        self._next = 0.0
        self._enough = resident() + SPARE

    def look(self, now: float) -> None:
        """Give memory back if there may be some and the last look was a while ago."""
        if now >= self._next:
            self._next = now + LOOK_INTERVAL
            if resident() > self._enough:
                give_back()


def give_back() -> None:
    """Return the free pages of the heap; costs 50 us, or some milliseconds if there are many."""
    import ctypes  # 5 ms, and most engines never need it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)
