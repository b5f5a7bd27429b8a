"""The listeners of the control API: TCP for tests and scripts, a Unix socket for consoles."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from collections.abc import Callable
from pathlib import Path

from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from chaostui.api import guard, metrics, native, unix, vaurien
from chaostui.api.connection import IDLE_TIMEOUT, ControlProtocol
from chaostui.api.routes import Control, resources, unknown
from chaostui.engine.control.supervisor import Supervisor
from chaostui.errors import CannotListen
from chaostui.settings import Address, ControlSettings

ROUTES = (*native.ROUTES, *vaurien.ROUTES, *metrics.ROUTES)

GRACE = 0.05
"""Seconds that calls in flight get when the server closes; streams never end by themselves."""


class Application:
    """The ASGI application: every route, every answer stamped with the engine's revision."""

    def __init__(self, control: Control) -> None:
        self.supervisor = control.supervisor
        self.router = Router(resources(control, ROUTES), redirect_slashes=False, default=unknown)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                stamp = (b"chaos-revision", b"%d" % self.supervisor.revision)
                message["headers"] = [*message.get("headers", ()), stamp]
            await send(message)

        # Names of proxies may hold slashes, so percent signs are read after routing.
        path = scope["raw_path"].decode("ascii", "replace")
        await self.router({**scope, "path": path}, receive, stamped)


class ControlServer:
    """The control API of one engine."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._states: list[ServerState] = []
        self._unlink: tuple[Path, int] | None = None
        self._backends: list[asyncio.Server] = []
        """Those that proxies may have before them: Toxiproxy's API may be its own upstream."""
        self.addresses: tuple[Address, ...] = ()
        """Where it answers: TCP addresses first, then the Unix socket."""
        self.toxiproxy: Address | None = None
        """Where it answers in Toxiproxy's words."""
        self.unauthenticated = False
        """Reachable from other hosts without a token."""
        self.stop: Callable[[str], None] | None = None
        """Ends the engine, at the word of somebody; set it before ``start``."""

    async def start(
        self,
        supervisor: Supervisor,
        settings: ControlSettings,
        unix_path: Path | str | None = None,
    ) -> None:
        """Bind and answer.

        Raises SettingsError where the API would be open to other hosts without a token, and
        CannotListen; nothing stays bound then.
        """
        rules = guard.rules(settings)
        if settings.toxiproxy is not None:
            # Only those who speak it pay for its import.
            from chaostui.api.toxiproxy import check_listen

            check_listen(settings)
        listen = settings.listen
        self.unauthenticated = listen is not None and not listen.loopback and rules.token is None
        control = Control(supervisor, settings, ROUTES, stop=self.stop)
        app = Application(control)
        try:
            if listen is not None:
                self.addresses = (await self._start_tcp(listen, guard.Guard(app, rules)),)
            if settings.toxiproxy is not None:
                others = len(self._servers)
                self.toxiproxy = await self._start_toxiproxy(supervisor, settings)
                self._backends = self._servers[others:]
            if unix_path is not None:
                await self._start_unix(Path(unix_path), app)
        except BaseException:
            await self.close()
            raise
        also = () if self.toxiproxy is None else (self.toxiproxy,)
        control.addresses = (*self.addresses, *also)

    async def _start_toxiproxy(self, supervisor: Supervisor, settings: ControlSettings) -> Address:
        from chaostui.api.toxiproxy import ToxiproxyApp

        assert settings.toxiproxy is not None
        return await self._start_tcp(settings.toxiproxy, ToxiproxyApp(supervisor, settings))

    async def _start_tcp(self, listen: Address, app: ASGIApp) -> Address:
        """Listen on every address the host stands for, all on one port."""
        make = self._factory(app)
        port = listen.port
        for address in await _resolve(listen):
            sock = _bind(address, port, listen)
            port = sock.getsockname()[1]
            await self._serve(make, sock)
        return Address(listen.host, port)

    async def _start_unix(self, path: Path, app: ASGIApp) -> None:
        sock = unix.bind(path)
        self._unlink = (path, unix.inode(path))
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._factory(app), sock=sock)
        self._servers.append(server)
        self.addresses = (*self.addresses, Address("", 0, os.fspath(path)))

    async def _serve(self, make: Callable[[], ControlProtocol], sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(make, sock=sock, backlog=1024))

    def _factory(self, app: ASGIApp) -> Callable[[], ControlProtocol]:
        config = Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=int(IDLE_TIMEOUT),
        )
        config.load()
        state = ServerState()
        self._states.append(state)
        return functools.partial(ControlProtocol, config, state, {})

    @property
    def names(self) -> list[tuple[str, int]]:
        """The IP addresses and ports it is bound to that no proxy may dial."""
        servers = [server for server in self._servers if server not in self._backends]
        sockets = [sock for server in servers for sock in server.sockets]
        return [sock.getsockname()[:2] for sock in sockets if sock.family != socket.AF_UNIX]

    async def close(self) -> None:
        """Stop listening, let calls in flight end, cut streams."""
        for server in self._servers:
            server.close()
        if self._unlink is not None:
            unix.remove(*self._unlink)
            self._unlink = None
        for state in self._states:
            for connection in list(state.connections):
                connection.shutdown()
        await self._tasks_end(GRACE)
        for state in self._states:
            for connection in list(state.connections):
                connection.transport.abort()
        await self._tasks_end(1.0)
        self._servers.clear()

    async def _tasks_end(self, seconds: float) -> None:
        tasks = [task for state in self._states for task in state.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


async def _resolve(listen: Address) -> list[tuple[int, tuple[object, ...]]]:
    """The families and socket addresses that a host stands for."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise CannotListen(f"cannot listen on {listen}: {error.strerror} (control API)") from None
    return [(family, address) for family, _, _, _, address in found]


def _bind(found: tuple[int, tuple[object, ...]], port: int, listen: Address) -> socket.socket:
    """A bound socket on ``port`` of one address; the port may be 0."""
    family, (host, _, *more) = found
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port, *more))
    except OSError as error:
        sock.close()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise CannotListen(f"cannot listen on {listen}: {reason} (control API)") from None
    return sock
