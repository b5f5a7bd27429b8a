"""haproxy: passes TCP on, and speaks the PROXY protocol on either side."""

from __future__ import annotations

import socket

from tests.servers.server import Server, program

CONFIGURATION = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen all
    bind {host}:{port} {bind}
    server one {server}
"""


class Haproxy(Server):
    """A ``haproxy`` with options for ``bind`` (such as ``accept-proxy``) and for ``server``."""

    def prepare(self) -> None:
        bind, server = self.options
        text = CONFIGURATION.format(host=self.host, port=self.port, bind=bind, server=server)
        (self.directory / "haproxy.cfg").write_text(text)

    def command(self) -> list[str]:
        return [program("haproxy"), "-db", "-f", str(self.directory / "haproxy.cfg")]

    def ping(self) -> None:
        socket.create_connection((self.host, self.port), timeout=2).close()
