"""errors: the request is read, then the protocol's own error comes back; on plain tcp a reset."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from chaostui.actions import Action, Reset, Send
from chaostui.handler import Handler, Limits
from chaostui.protocol import Frame, Protocol


class Errors(Handler):
    """Answer in the backend's place, with an error the client knows from the real server.

    Where nothing is read, as on plain tcp, nothing can be said either: there it resets. What is
    encrypted passes, and the engine tells of it.
    """

    name = "errors"
    aliases: ClassVar[tuple[str, ...]] = ("error",)

    class Options(Limits, frozen=True, kw_only=True):
        """Which error, and from which call on."""

        kind: Annotated[
            str, Meta(description="the protocol's name of the error (empty: a likely one)")
        ] = ""
        inject: Annotated[bool, Meta(description="instead: put random bytes into the request")] = (
            False
        )
        warmup: Annotated[int, Meta(ge=0, description="calls that pass before it begins")] = 0

    @classmethod
    def check(cls, options: Any, protocol: type[Protocol]) -> str:
        names = [kind.name for kind in protocol.kinds]
        if not options.kind or options.kind in names:
            return ""
        known = ", ".join(names) if names else "none: it can only reset"
        return f"{protocol.name} has no error named {options.kind!r} (it has {known})"

    @classmethod
    def needs_words(cls, options: Any) -> bool:
        return not options.inject

    def on_open(self) -> Iterable[Action]:
        if not self.options.inject and not self.options.warmup:
            yield from self.context.protocol.error(self.options.kind, "open")

    def on_waiting(self) -> Iterable[Action]:
        acts = self.reaches and not self.options.inject and not self.warming(calls=0)
        error = self.error() if acts else ()
        # What needs a word with the backend comes too late: it has the request already.
        return (Reset(),) if any(isinstance(action, Send) for action in error) else error

    def on_data(self, frame: Frame) -> Iterable[Action]:
        late = self.context.late and not self.options.inject
        if late and not self.context.upstream and not self.warming(calls=0):
            yield Reset()  # as a server that fails in the middle of a reply
        elif not self.reaches or self.warming(calls=frame.first):
            yield Send(frame.data)
        elif self.options.inject:
            yield Send(self.spoil(frame.data))
        elif late and any(isinstance(action, Send) for action in self.error()):
            yield Reset()  # the backend has some of the request already
        elif frame.last or frame.waits or late:
            yield from self.error()

    def error(self) -> tuple[Action, ...]:
        """Make the error for the request."""
        return self.context.protocol.error(self.options.kind, request=self.context.request)

    @property
    def reaches(self) -> bool:
        """Whether it can act on what comes: on requests, or for ``inject`` on their bytes."""
        sealed = self.context.protocol.sealed and not self.options.inject
        return self.context.upstream and not sealed

    def warming(self, calls: int) -> bool:
        """Count calls of the proxy and say whether this one still passes."""
        passed = self.context.shared["calls"] = self.context.shared.get("calls", 0) + calls
        return bool(passed + (not calls) <= self.options.warmup)

    def spoil(self, data: bytes) -> bytes:
        """Put up to 100 random bytes somewhere into ``data``."""
        middle = self.context.dice.randrange(len(data) + 1)
        noise = self.context.dice.randbytes(self.context.dice.randrange(1, 101))
        return data[:middle] + noise + data[middle:]
