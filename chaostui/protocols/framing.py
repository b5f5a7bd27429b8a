"""What the framed protocols share: cutting a direction into messages, choosing an error.

A protocol says where its messages end in two cutters, one a direction, and which errors its
servers send in ``kinds`` and ``speak``.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from collections import deque
from dataclasses import replace
from typing import Any, ClassVar

from chaostui.actions import Action, Reply, Reset, Send
from chaostui.protocol import Frame, Kind, Negotiation, Phase, Protocol, Request, TlsStep
from chaostui.protocols import proxy_header, tls


class Desync(Exception):
    """The bytes make no sense; the argument says why, in words."""


class Handover(Desync):
    """The bytes are not the protocol's any more, as they should be: to whom they belong."""


FEW = 64
"""Bytes in which a run of messages is not looked for where it would be the first."""


def masked(data: bytes, start: int) -> bytes:
    """``data`` with what stands at ``start`` and after it made unreadable."""
    return data[:start] + b"*" * len(data[start:])


def named(action: Action, kind: str) -> Action:
    """The same action, which says that it is the error ``kind``, if it does not say more."""
    if not isinstance(action, (Reply, Send)) or action.what:
        return action
    return replace(action, what=kind)


def step(data: bytes = b"", answer: bytes = b"", tls: TlsStep = "") -> Frame:
    """Make a frame of what comes before the first request: a step towards TLS."""
    return Frame(data, first=False, last=False, reply=False, answer=answer, tls=tls)


class Cutter:
    """One direction of a connection.

    Holds back only what ``advance`` cannot decide on yet, and at most ``limit`` bytes.
    ``waiting`` is shared by both directions: the requests whose replies the backend owes,
    oldest first.
    """

    limit = 65_536
    runs = False
    """Whether messages may come in runs."""

    def __init__(self, waiting: deque[Request]) -> None:
        self.waiting = waiting
        self.held = bytearray()
        self.request: Request | None = None
        """What the current message asks, on its way to the backend."""
        self.replied = True
        """Whether the backend will answer it."""
        self.aside = False
        """The current message, on its way to the client, answers no request."""
        self.push = False
        """Nor would it, were there one that waits."""
        self.begun = False
        """Frames of the current message were given out."""
        self.done = False
        """The current message ends where ``advance`` has come to."""
        self.instead = b""
        """What to pass on in place of the message's last frame."""
        self.lost = ""
        """Why what follows is not cut; empty while it is."""
        self.desync = False
        """It makes no sense."""
        self.halted = False
        """Nothing more is cut until ``end``: it may not be the protocol's."""

    @abstractmethod
    def advance(self, data: bytes, pos: int) -> int:
        """Go on with the current message at ``pos``; return up to where the bytes may pass.

        Never looks beyond the message's end; sets ``done`` when it passes bytes. What is left
        is held back and offered again, from its start, with more. Raises Desync.
        """

    def take_run(self, data: bytes, pos: int) -> Frame | None:
        """Take whole messages at ``pos`` in one frame, if one begins there and that is cheap."""
        return None

    def ready(self, start: int) -> bool:
        """Say whether ``held``, new from ``start`` on, is worth offering again.

        Makes a long token that comes in small pieces cost no more than one that does not.
        """
        return True

    def feed(self, data: bytes) -> list[Frame]:
        """Cut the next bytes into frames. Once ``lost`` is set, the last frame is the rest."""
        if self.held:
            start = len(self.held)
            self.held += data
            if not self.ready(start) and len(self.held) <= self.limit:
                return []
            data = self.flush()
        frames: list[Frame] = []
        passed = self.cut(data, frames)
        if passed < len(data):
            self.hold(data[passed:], frames)
        return frames

    def cut(self, data: bytes, frames: list[Frame]) -> int:
        """Add the frames that ``data`` makes; return up to where they come."""
        start, size = 0, len(data)
        try:
            while start < size and not self.lost:
                if self.runs and (start or size > FEW) and (run := self.take_run(data, start)):
                    frames.append(run)
                    start += len(run.data)
                    continue
                end = self.advance(data, start)
                if end == start:
                    break
                frames.append(self.frame(data if end - start == size else data[start:end]))
                start = end
                if not self.done:
                    break
        except Desync as desync:
            self.lose(desync)
        return start

    def lose(self, desync: Desync) -> None:
        """Cut no more."""
        self.lost = str(desync)
        self.desync = not isinstance(desync, Handover)

    def frame(self, data: bytes) -> Frame:
        """Make the current message's next frame."""
        first = not self.begun
        self.begun = not self.done
        if self.instead:
            data, self.instead = self.instead, b""
        if self.aside:
            push = first and (self.push or not self.waiting)
            return Frame(data, first=False, last=False, push=push)
        return Frame(data, first, self.done, self.request, self.replied)

    def hold(self, rest: bytes, frames: list[Frame]) -> None:
        """Keep what is left, or give it out when there is no hope for it."""
        if not (self.lost or self.halted) and len(rest) > self.limit:
            self.lose(Desync(f"more than {self.limit} bytes without an end of line"))
        if self.lost:
            frames.append(Frame(rest, messages=0))
        else:
            self.held += rest

    def flush(self) -> bytes:
        """Give back what is held."""
        held = bytes(self.held)
        self.held.clear()
        return held

    def end(self) -> list[Frame]:
        """Give out what is held, as no more will come, or none that is like it."""
        self.halted = False
        if not self.held:
            return []
        request = self.request if self.begun else None
        return [Frame(self.flush(), not self.begun, False, request, self.replied)]


class Framed(Protocol):
    """The base of protocols whose messages are found by two cutters."""

    framed = True
    tls_first: ClassVar[bool] = True
    """TLS may begin with the client's first byte."""
    requests: ClassVar[type[Cutter]]
    replies: ClassVar[type[Cutter]]
    secured_requests: ClassVar[type[Cutter] | None] = None
    secured_replies: ClassVar[type[Cutter] | None] = None
    """Those in their place where TLS may end here, if others are needed."""

    def __init__(
        self,
        backend: str = "",
        dice: random.Random | None = None,
        *,
        tls: Negotiation = "",
        **options: Any,
    ) -> None:
        super().__init__(backend, dice, tls=tls, **options)
        self.waiting: deque[Request] = deque()
        secured = tls in ("grant", "ask")
        self.upstream = ((secured and self.secured_requests) or self.requests)(self.waiting)
        self.downstream = ((secured and self.secured_replies) or self.replies)(self.waiting)
        self.fresh = True
        """The client has sent nothing yet."""
        self.headed = self.options.proxy_protocol
        """A PROXY header may come."""

    def request(self, data: bytes) -> list[Frame]:
        return self._begin(data) if self.fresh else self._cut(self.upstream, data)

    def _begin(self, data: bytes) -> list[Frame]:
        """The first bytes: TLS, or the protocol's, either of them behind a PROXY header."""
        frames: list[Frame] = []
        if self.headed:
            data = self.upstream.flush() + data
            header = proxy_header.read(data)
            if header is None:
                self.upstream.held += data
                return []
            self.headed = False
            if header.size:
                head, data = data[: header.size], data[header.size :]
                self.client = header.client
                frames.append(Frame(head, False, False, None, False, header=True))
        if not data:
            return frames
        self.fresh = False
        if self.tls_first and data.startswith(tls.HANDSHAKE):
            if self.tls:
                return [*frames, self._direct(data)]
            self.opaque = tls.reason(data)
        return frames + self._cut(self.upstream, data)

    def _direct(self, data: bytes) -> Frame:
        """TLS that begins unasked."""
        self.upstream.held += data
        self.upstream.halted = True
        steps: dict[Negotiation, TlsStep] = {"refuse": "refused", "grant": "client", "ask": "both"}
        return step(tls=steps[self.tls])

    def reply(self, data: bytes) -> list[Frame]:
        return self._cut(self.downstream, data)

    def _cut(self, cutter: Cutter, data: bytes) -> list[Frame]:
        if self.opaque:
            return [Frame(cutter.flush() + data, messages=0)]
        cutter.runs = self.runs
        frames = cutter.feed(data)
        if cutter.lost:
            self.opaque, self.desync = cutter.lost, cutter.desync
        return frames

    def request_end(self) -> list[Frame]:
        return self.upstream.end()

    def reply_end(self) -> list[Frame]:
        return self.downstream.end()

    def dropped(self, request: Request | None = None) -> None:
        if self.waiting and self.waiting[0] is request:
            self.waiting.popleft()
            return
        for at in reversed(range(len(self.waiting))):
            if request is None or self.waiting[at] is request:
                del self.waiting[at]
                return

    def redact(self, frame: Frame, *, upstream: bool) -> bytes:
        # Where the frame is lost, secrets could be anywhere.
        return masked(frame.data, 0) if self.opaque else self.shown(frame, upstream=upstream)

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        """A frame's bytes without its secrets, while the protocol can be followed."""
        return frame.data

    def error(
        self, kind: str = "", phase: Phase = "request", request: Request | None = None
    ) -> tuple[Action, ...]:
        if request is None and self.waiting:
            request = self.waiting[-1]
        known = [known for known in self.kinds if known.name == kind]
        if kind and not known:
            raise ValueError(f"{self.name} has no error named {kind!r}")
        chosen = self.dice.choice(known or self.likely(phase, request))
        if phase == "open" and "open" not in chosen.phases:
            return ()
        if self.opaque and phase == "request":
            return (Reset(f"{'not readable' if self.desync else 'not read'}: {self.opaque}"),)
        return tuple(named(action, chosen.name) for action in self.speak(chosen.name, request))

    def likely(self, phase: Phase, request: Request | None) -> list[Kind]:
        """The errors to pick from where none is named."""
        kinds = [kind for kind in self.kinds if kind.default]
        return kinds if phase == "open" else [kind for kind in kinds if "request" in kind.phases]

    @abstractmethod
    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        """Say what makes the client see the error ``kind`` in answer to ``request``.

        A kind that belongs to the opening of a connection is spoken later all the same, with
        the end of the connection that it means.
        """
