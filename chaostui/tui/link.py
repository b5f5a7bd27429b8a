"""The console's view of the client: one request at a time, live frames, and payload."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from chaostui.client import AsyncClient, Frame
from chaostui.client.ask import API, Ask
from chaostui.errors import EngineRefused


def connect(endpoint: str, *, actor: str = "console", token: str | None = None) -> ClientLink:
    """A link to the engine at ``unix:/path`` or ``http://host:port``. Raises ValueError."""
    if endpoint.startswith("unix:"):
        path = "/" + endpoint.removeprefix("unix:").lstrip("/")
        return ClientLink(AsyncClient(unix=path, actor=actor))
    if "://" not in endpoint:
        endpoint = f"unix:{endpoint}" if endpoint.startswith("/") else f"http://{endpoint}"
        return connect(endpoint, actor=actor, token=token)
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "localhost", parts.port or 8080
    return ClientLink(AsyncClient(host, port, parts.scheme, token=token, actor=actor))


class ClientLink:
    """Speaks to an engine by ``AsyncClient``."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make one call of the native API; ``path`` begins after ``/api/v1``."""
        answer: Any = Any
        if method == "DELETE" or path == "/reset":
            answer = type(None)
        elif path.endswith("format=toml"):
            answer = str
        return await self._client.do(Ask(method, API + path, answer, body))

    def live(self, *, hz: float) -> AsyncIterator[Frame]:
        """Live frames, until the engine goes away."""
        return self._client.live(hz=hz)

    def tap(self, connection: int) -> AsyncIterator[Mapping[str, Any]]:
        """The payload of one connection. Raises EngineRefused where the engine has no tap."""
        tap = getattr(self._client, "tap", None)
        if tap is None:
            raise EngineRefused("this engine shows no payload", 404)
        stream: AsyncIterator[Mapping[str, Any]] = tap(connection)
        return stream

    async def close(self) -> None:
        """Close the kept connection."""
        await self._client.close()
