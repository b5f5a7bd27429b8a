"""What a pipeline may be in, and what may follow what."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What keeps the backlog from its way through the handlers."""

    READY = "ready"
    """Nothing does."""
    BUSY = "busy"
    """It has had its share of the time, and goes on when others have had theirs."""
    WAITING = "waiting"
    """A handler waits, for a known time; nothing more is read."""
    STALLED = "stalled"
    """A handler keeps everything until it is switched off."""
    CALLING = "calling"
    """A user's function reads the bytes itself."""
    FINISHED = "finished"
    """A handler, or somebody else, has ended the connection: nothing goes further."""


NEXT: dict[State, frozenset[State]] = {
    State.READY: frozenset(State),
    State.BUSY: frozenset((State.READY, State.FINISHED)),
    State.WAITING: frozenset((State.READY, State.FINISHED)),
    State.STALLED: frozenset((State.READY, State.FINISHED)),
    State.CALLING: frozenset((State.READY, State.FINISHED)),
    State.FINISHED: frozenset((State.FINISHED,)),
}
"""What may follow what: each way to stop leads back to ``READY``, or to the end."""


STOPPED = frozenset((State.WAITING, State.STALLED, State.CALLING))
"""What keeps bytes from leaving for an unknown time."""
