"""The contract of a protocol: cut the bytes of a connection into exchanges, speak errors.

A protocol is pure: no sockets, no clock. The engine makes one per connection, gives it
every byte of both directions in order, and passes on exactly the bytes it gets back.
"""

from __future__ import annotations

import random
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec

from chaostui.actions import Action, Reset

Phase = Literal["open", "request"]
Negotiation = Literal["", "refuse", "grant", "ask"]
TlsStep = Literal["", "asks", "client", "both", "refused"]

SEALED = ("TLS", "STARTTLS", "GSSAPI encryption", "compression")
"""How ``Protocol.opaque`` begins where the peers have agreed on what only they can read."""


class Request(NamedTuple):
    """What a request asks, as far as faults match on it and people read it.

    ``name`` is short and free of secrets (``GET /a``, ``SET user:1``); it may still hold
    hostile bytes, so fronts show it through ``safe_text``.
    """

    name: str
    command: str = ""
    key: str = ""
    """What it is about: a key, a path, an entry's name, or the head of a statement's text.

    Faults match on it; it may hold secrets, and is not shown.
    """
    tag: bytes = b""
    """What the protocol itself needs to answer it (a message id, an opcode)."""


class ProtocolOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a protocol can be told; most take no more than this."""

    proxy_protocol: Annotated[
        bool,
        msgspec.Meta(
            description="recognise a PROXY header (HAProxy's, v1 and v2) before the first bytes"
        ),
    ] = True


class Frame(NamedTuple):
    """A run of bytes that belongs to one message.

    A long message comes as many frames: the first has ``first``, the final one ``last``.
    Upstream a message is a request; all its frames carry the same ``request``, and ``reply``
    says whether the backend will answer it. Downstream a message is the reply to ``request``
    (the same object), or to the oldest unanswered request where that is None; bytes that answer
    none (a greeting, a push, ``100 Continue``) come as ``first=False, last=False``. Where replies
    are not ``ordered``, frames of several may alternate; an empty last one tells that no more
    will come.

    ``answer`` is what the protocol itself says in the backend's place: to the request that ends
    here, or, where there is none, to what comes before the first. ``tls`` says what
    comes of TLS after this frame. Upstream: ``client``, the client begins it (unless a fault has
    answered otherwise); ``both``, with the backend too; ``asks``, the reply tells; ``refused``,
    it must not. Downstream, of what was asked for: ``both`` or ``refused``. No frame follows
    then: what else came is held back, is given out by ``request_end`` (``reply_end``), and
    belongs to TLS, or comes again. Upstream frames with an ``answer``, or whose ``tls`` is
    ``client`` or ``refused``, are not passed on.
    """

    data: bytes
    first: bool = True
    last: bool = True
    request: Request | None = None
    reply: bool = True
    answer: bytes = b""
    tls: TlsStep = ""
    waits: bool = False
    """Upstream: the client sends the rest of the request only when it is told to, so what answers
    it must not wait for that rest; the connection ends with such an answer."""
    header: bool = False
    """Upstream: it comes before the protocol's own bytes (a PROXY header), and passes as it is,
    whatever becomes of the requests behind it."""
    push: bool = False
    """It begins something that nobody asked for; more frames of it come without."""
    messages: int = 1
    """How many whole messages it is, in a run; ``request`` is then the last one's. 0: none, as
    these are the bytes from which on nothing is read (``opaque``)."""


class Kind(NamedTuple):
    """An error a protocol can speak.

    ``phases`` says where it can be spoken: ``open`` (instead of a connection), ``request``
    (instead of a reply). ``default`` kinds are those that a restarting or overloaded
    server really sends: ``errors`` without a kind picks one of them.
    """

    name: str
    help: str
    phases: tuple[Phase, ...] = ("request",)
    default: bool = False


class Protocol:
    """Plain TCP: nothing is known about the bytes.

    Also the base of all protocols. ``framed`` says that ``request`` and ``reply`` find the
    true boundaries; the engine takes turns of the two sides as exchanges where they do not.
    """

    name: ClassVar[str] = "tcp"
    framed: ClassVar[bool] = False
    ordered: ClassVar[bool] = True
    """Whether replies come in the order of their requests; if not, reply frames name theirs."""
    kinds: ClassVar[tuple[Kind, ...]] = ()
    negotiates_tls: ClassVar[bool] = False
    """Clients ask for TLS in the protocol's own words; else it begins with the first byte."""
    logins: ClassVar[frozenset[str]] = frozenset()
    """Commands by which a session is opened: a login, and settings that come at once after it."""
    ports: ClassVar[tuple[int, ...]] = ()
    """Where its servers usually listen: the registered port first (IANA)."""
    example: ClassVar[str] = "nc {host} {port}"
    """The command that makes a first connection: a client's, with ``{host}`` and ``{port}``, or
    ``{listen}`` for both, in place of where to connect."""
    alpn: ClassVar[tuple[str, ...]] = ()
    """Its names in TLS's own negotiation (RFC 7301)."""
    Options: ClassVar[type[ProtocolOptions]] = ProtocolOptions
    """What it can be told, declared as a handler's options are: unit, bounds, help."""

    def __init__(
        self,
        backend: str = "",
        dice: random.Random | None = None,
        *,
        tls: Negotiation = "",
        **options: Any,
    ) -> None:
        """``options`` are fields of ``Options``, already validated; TypeError for others."""
        self.tls = tls
        """What comes of it when a client asks for TLS: it is passed on and the protocol lost
        (""), refused, granted here, or granted when the backend grants it (``ask``)."""
        self.options: Any = self.Options(**options)
        self.backend = backend
        """``host:port`` of the backend, for protocols that name it to the server."""
        self.dice = dice or random.Random()
        """The connection's own seeded dice: which error, when none is named."""
        self.client = ""
        """Whom a PROXY header names as the client, ``host:port``; empty: there was none."""
        self.opaque = ""
        """Why the bytes are not read any more, in words; from then on they pass as they are."""
        self.desync = False
        """They made no sense. False where they belong to somebody else as they should: TLS,
        replication, what an upgrade has begun."""
        self.runs = False
        """Whether one frame may hold many whole messages: the engine says so, before each call,
        while it need not tell them from each other."""

    @property
    def sealed(self) -> bool:
        """Whether the frame was lost because the bytes are encrypted or compressed from now on."""
        return self.opaque.startswith(SEALED)

    def opens(self, request: Request | None) -> bool:
        """Say whether ``request``, its reply, or what belongs to none opens a session.

        Never where nothing opens one, nor where requests cannot be read any more.
        """
        if not self.logins or self.opaque:
            return False
        return request is None or request.command in self.logins

    def first(self, data: bytes) -> str:
        """What a client's first bytes tell of a connection whose bytes are not read, in words."""
        return ""

    def request(self, data: bytes) -> list[Frame]:
        """Cut bytes from the client into frames; their data, joined, is what was given.

        Never raises: when the bytes make no sense, sets ``opaque`` and returns what it holds
        back together with ``data``.
        """
        return [Frame(data)]

    def reply(self, data: bytes) -> list[Frame]:
        """Cut bytes from the backend into frames, by the same rules as ``request``."""
        return [Frame(data)]

    def request_end(self) -> list[Frame]:
        """Take the client's FIN: return what ``request`` still holds back, to be passed on."""
        return []

    def reply_end(self) -> list[Frame]:
        """Take the backend's FIN: return what ``reply`` still holds back, to be passed on."""
        return []

    def give_up(self, why: str) -> None:
        """Read no more: what has come makes no sense."""
        self.opaque, self.desync = why, True

    def secured(self) -> None:
        """Take note that TLS, which ends here, begins with the client: what comes now is in it."""

    def between(self) -> bool:
        """Say whether another reply may begin after what ``reply`` has given out so far.

        Asked only where replies are not ``ordered``.
        """
        return True

    @property
    def promised(self) -> bool:
        """Whether an error was said here that is still to take the place of a backend's reply.

        The client must never see that reply: so the connection cannot go on unread.
        """
        return False

    def dropped(self, request: Request | None = None) -> None:
        """Forget a complete request: it was answered here, so the backend never saw it.

        Several requests may have been cut from the same bytes, so ``request`` is the object
        that came in its frames; None means the newest one.
        """

    def redact(self, frame: Frame, *, upstream: bool) -> bytes:
        """The frame's bytes as they may be shown: passwords and tokens made unreadable.

        The length stays. On plain TCP nothing is known, so everything is shown.
        """
        return frame.data

    def error(
        self, kind: str = "", phase: Phase = "request", request: Request | None = None
    ) -> tuple[Action, ...]:
        """Say what the engine shall do so that the client sees the error ``kind``.

        Called when the request is complete (``phase="request"``, the default), or before
        anything was read (``"open"``: an empty answer means that this kind is not spoken
        there). ``request`` is the one to answer, as its frames carry it; None means the
        newest. An empty ``kind`` picks one of the defaults with the dice. On plain TCP there
        are no words for an error: the connection is reset.

        Raises ValueError for a kind that ``kinds`` does not list.
        """
        if kind:
            raise ValueError(f"plain tcp has no error named {kind!r}")
        return (Reset(),) if phase == "request" else ()
