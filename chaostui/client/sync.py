"""The blocking client: tests and scripts drive an engine with it."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

from chaostui.client import calls, owner
from chaostui.client.address import Address, refusal, written
from chaostui.client.ask import Ask, Dropped
from chaostui.client.methods import Calls
from chaostui.client.sse import Reader
from chaostui.errors import EngineRefused, EngineUnreachable
from chaostui.events import AnyEvent
from chaostui.wire.views import FaultView

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds that a call may take."""

UNREACHABLE = (OSError, http.client.HTTPException, UnicodeError)
"""What is raised where no engine answers; UnicodeError for a host that no name server knows."""

SILENCE = 45.0
"""Seconds without a byte after which a stream is given up; the engine sends one each 15."""


class Client(Calls):
    """Drives an engine over HTTP, on one connection that is kept.

    Vaurien's client of both generations, and a method for every native call. Threads may share
    it. Raises EngineUnreachable where no engine answers, EngineRefused where it says no, and
    ValueError where Vaurien's client does: an unknown handler, or options it does not have.
    """

    _connection: http.client.HTTPConnection | None = None
    _timeout = TIMEOUT
    _calmed = 0
    """How often this client has ended everybody's faults."""

    def __init__(
        self,
        host: str = "localhost",
        port: int = 8080,
        scheme: str = "http",
        *,
        unix: str | os.PathLike[str] | None = None,
        token: str | None = None,
        actor: str = "",
    ) -> None:
        """Know an engine by host and port, or by its Unix socket; nothing is sent yet.

        ``token`` is the engine's token, else that of the environment's CHAOSTUI_TOKEN.
        ``actor`` says in the journal who asks.
        """
        self.address = Address(
            host, port, scheme, os.fspath(unix) if unix else "", token or "", actor
        )
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def __repr__(self) -> str:
        return f"<Client {self.address}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Vaurien's users never close a client; it must not warn of that.
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- Vaurien ----------------------------------------------------------------------------

    @contextmanager
    def with_handler(
        self, name: str, *, proxy: str | None = None, **options: Any
    ) -> Iterator[FaultView]:
        """Break things within the block.

        The fault ends with the block, or within a second of this process's death, or 30 s after
        it froze. Blocks may nest and end in any order: each takes away its own fault alone.
        Raises ValueError for a handler, option or proxy that does not exist, and FaultLost at
        the block's end where the engine, or the session that owns the fault, ended before it,
        and where others have reset or halted the engine meanwhile.
        """
        with self._owning() as session:
            try:
                fault = self.do(owner.fault(session, name, proxy, options))
            except EngineRefused as error:
                raise owner.senseless(error) from None
            calmed = self._calmed
            try:
                yield fault
            except Exception as error:
                # A block whose fault was lost proves nothing, whatever it raises.
                self._disown(session, fault, calmed, error)
                raise
            self._disown(session, fault, calmed)

    def with_behavior(
        self, name: str, *, proxy: str | None = None, **options: Any
    ) -> AbstractContextManager[FaultView]:
        """Break things within the block: ``with_handler`` in Vaurien 2's words."""
        return self.with_handler(name, proxy=proxy, **options)

    @contextmanager
    def _owning(self) -> Iterator[str]:
        """A session that lives as long as this block, and no longer than this process."""
        session = self.do(owner.session()).id
        held = self._connect()
        over = threading.Event()
        try:
            self._open_stream(held, owner.hold_path(session), "text/event-stream")
            keeper = threading.Thread(target=self._renew, args=(session, over), daemon=True)
            keeper.start()
            yield session
        except BaseException:
            with suppress(EngineUnreachable, EngineRefused):
                self.do(calls.close_session(session))
            raise
        finally:
            over.set()
            held.close()

    def _disown(
        self, session: str, fault: FaultView, calmed: int, cause: Exception | None = None
    ) -> None:
        """End a session with its block. Raises FaultLost where it, or its fault, is over.

        A fault that this client has ended itself since it had ``calmed`` all so often is none.
        """
        for tries in range(owner.TRIES, 0, -1):
            try:
                view = self.do(calls.renew_session(session))
                self.do(calls.close_session(session))
            except EngineRefused as error:
                if not owner.busy(error) or tries == 1:
                    raise owner.lost(error) from cause
                time.sleep(owner.RETRY)  # noqa: TID251 - this client blocks
            except EngineUnreachable as error:
                raise owner.lost(error) from cause
            else:
                break
        if self._calmed == calmed:
            owner.ended(fault, view, cause)

    def _renew(self, session: str, over: threading.Event) -> None:
        pause = owner.RENEWAL
        while not over.wait(pause):
            pause = owner.RETRY
            # Its connection is not kept: an engine has many blocks, and few connections.
            with self._another(timeout=owner.RENEWAL) as client:
                try:
                    client.do(calls.renew_session(session))
                    pause = owner.RENEWAL
                except EngineRefused as error:
                    if owner.gone(error):
                        return
                except EngineUnreachable:
                    continue

    def events(
        self,
        since: int | None = None,
        kinds: Iterable[str] = (),
        connection: int | None = None,
    ) -> Iterator[AnyEvent | Dropped]:
        """Events as they happen, on a connection of its own; without ``since`` from now on.

        ``kinds`` are those of ``/api/v1/events``: ``open``, ``fault``, ``close``, …
        """
        held = self._connect(timeout=SILENCE)
        path = calls.events_query(since, kinds, connection)
        try:
            response = self._open_stream(held, path, "text/event-stream")
            reader = Reader()
            while piece := self._read_some(response):
                yield from reader.feed(piece)
        finally:
            held.close()

    # -- HTTP -------------------------------------------------------------------------------

    def do(self, ask: Ask[T]) -> T:
        """Ask the engine. A kept connection that has gone stale is replaced once."""
        body = written(ask.body)
        self._calmed += owner.calms(ask)
        with self._lock:
            if self._owner != os.getpid():
                # A forked child must not speak on its parent's connection.
                self._connection, self._owner = None, os.getpid()
            for fresh in (self._connection is None, True):
                try:
                    status, raw = self._exchange(ask.method, ask.path, body)
                    break
                except (http.client.RemoteDisconnected, ConnectionError) as error:
                    self.close()
                    if fresh:
                        raise self.address.unreachable(error) from None
                except UNREACHABLE as error:
                    self.close()
                    raise self.address.unreachable(error) from None
                except BaseException:
                    self.close()
                    raise
        return ask.read(status, raw)

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request(method, path, body, self.address.headers(body))
        response = self._connection.getresponse()
        return response.status, response.read()

    def _connect(self, timeout: float | None = None) -> http.client.HTTPConnection:
        address = self.address
        timeout = self._timeout if timeout is None else timeout
        if address.unix:
            return _UnixConnection(address.unix, timeout)
        if address.scheme == "https":
            return http.client.HTTPSConnection(address.host, address.port, timeout=timeout)
        return http.client.HTTPConnection(address.host, address.port, timeout=timeout)

    def _another(self, timeout: float) -> Client:
        """A client of the same engine, with a connection of its own."""
        found = Client()
        found.address = self.address
        found._timeout = timeout
        return found

    def _open_stream(
        self, connection: http.client.HTTPConnection, path: str, media: str
    ) -> http.client.HTTPResponse:
        """Begin an answer that does not end."""
        try:
            connection.request("GET", path, headers=self.address.headers(None, media))
            response = connection.getresponse()
            if response.status != 200:
                raise refusal(response.status, response.read())
        except UNREACHABLE as error:
            raise self.address.unreachable(error) from None
        return response

    def _read_some(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.read1(65536)
        except (*UNREACHABLE, ValueError) as error:
            raise self.address.unreachable(error) from None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
