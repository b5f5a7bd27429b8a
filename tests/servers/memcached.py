"""memcached, over TCP only."""

from __future__ import annotations

import os
import signal

from tests.servers.server import Server, program


class Memcached(Server):
    """A ``memcached``; options are those of its command line."""

    stop_signal = signal.SIGKILL  # it takes a second to end on SIGTERM, and keeps nothing anyway

    def command(self) -> list[str]:
        user = ["-u", "root"] if os.geteuid() == 0 else []
        place = ["-l", self.host, "-p", str(self.port), "-U", "0"]
        return [program("memcached"), *user, *place, "-m", "16", "-t", "1", *self.options]

    def ping(self) -> None:
        from pymemcache.client.base import Client

        client = Client((self.host, self.port), connect_timeout=2, timeout=2)
        client.version()
        client.close()
