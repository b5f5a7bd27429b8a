"""An engine that speaks Toxiproxy's API, and calls as Toxiproxy's clients make them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any

from chaostui.settings import ControlSettings
from tests.api.engine import LOOPBACK, Answer, Engine


class Toxiproxy(Engine):
    """An engine with Toxiproxy's API on a free port."""

    def __init__(self, *proxies: Mapping[str, Any], **control: Any) -> None:
        settings = ControlSettings(listen=LOOPBACK, toxiproxy=LOOPBACK, **control)
        super().__init__(*proxies, control=settings)

    @property
    def api(self) -> int:
        """The port of Toxiproxy's API."""
        assert self.server.toxiproxy is not None
        return self.server.toxiproxy.port

    def http(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Call the API; a body that is no text goes as JSON."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=5)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def create(self, name: str, upstream: str, **more: Any) -> Any:
        """Make a proxy on a free port; return what the API says of it."""
        given = {"name": name, "upstream": upstream, "listen": "127.0.0.1:0", **more}
        answer = self.http("POST", "/proxies", given)
        assert answer.status == 201, answer
        return answer.json

    def toxic(self, proxy: str, type_: str, stream: str = "downstream", **attributes: Any) -> None:
        """Add a toxic."""
        given = {"type": type_, "stream": stream, "attributes": attributes}
        answer = self.http("POST", f"/proxies/{proxy}/toxics", given)
        assert answer.status == 200, answer

    def connect(self, proxy: str, timeout: float = 5.0) -> socket.socket:
        """Connect to a proxy."""
        sock = socket.create_connection(self.address(proxy), timeout=timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
