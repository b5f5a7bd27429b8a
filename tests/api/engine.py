"""An engine with its control API, on a loop in a thread of the test process."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import socketserver
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import uvloop

from chaostui import registry
from chaostui.api.server import ControlServer
from chaostui.client import Client
from chaostui.engine.control.supervisor import Supervisor
from chaostui.profiles import from_builtins
from chaostui.settings import Address, ControlSettings

T = TypeVar("T")

LOOPBACK = Address("127.0.0.1", 0)


class Answer(NamedTuple):
    """What the API said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Engine:
    """A running engine: ``with Engine() as engine``."""

    def __init__(
        self,
        *proxies: Mapping[str, Any],
        control: ControlSettings | None = None,
        unix: Path | None = None,
        source: str = "",
        **profile: Any,
    ) -> None:
        raw = {"proxy": [dict(proxy) for proxy in proxies], **profile}
        self.profile = from_builtins(raw)
        self.control = control or ControlSettings(listen=LOOPBACK)
        self.unix = unix
        self.supervisor = Supervisor(registry.builtin(), seed=1, source=source)
        self.server = ControlServer()
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=uvloop.run, args=(self._run(),))

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            await self.supervisor.start(self.profile)
            await self.server.start(self.supervisor, self.control, self.unix)
        except Exception as error:  # noqa: BLE001 - raised again where the test sees it
            self._failed = error
            await self.supervisor.close()
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await self.server.close()
        await self.supervisor.close()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            raise self._failed
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; a second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def call(self, make: Callable[[Supervisor], Awaitable[T]]) -> T:
        """Await something on the engine's loop."""

        async def run() -> T:
            return await make(self.supervisor)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def look(self, at: Callable[[Supervisor], T]) -> T:
        """Read something on the engine's loop."""

        async def run(supervisor: Supervisor) -> T:
            return at(supervisor)

        return self.call(run)

    @property
    def port(self) -> int:
        """The port of the control API."""
        return self.server.addresses[0].port

    def client(self, **options: Any) -> Client:
        """A client of it."""
        return Client("127.0.0.1", self.port, **options)

    def address(self, proxy: str | None = None) -> tuple[str, int]:
        """Where a proxy listens."""
        listen = Address.parse(self.look(lambda supervisor: supervisor.proxy(proxy)).listen)
        return listen.host, listen.port

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask the API; a body that is no bytes goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes, *, patience: float = 10.0) -> bytes:
        """Send bytes to the API and read until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as sock:
            sock.sendall(data)
            got = b""
            while piece := sock.recv(65536):
                got += piece
            return got


def proxy(name: str = "web", backend: str = "127.0.0.1:9", **more: Any) -> dict[str, Any]:
    """A proxy's settings on a free port."""
    return {"name": name, "listen": "127.0.0.1:0", "backend": backend, **more}


class Echo(socketserver.ThreadingTCPServer):
    """A backend that sends back what it gets."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _EchoHandler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def address(self) -> str:
        """Where it listens, as ``host:port``."""
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"


class _EchoHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Echo until the client ends."""
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            return
