"""Redis, which keeps nothing on disk."""

from __future__ import annotations

from tests.servers.server import Server, program


class Redis(Server):
    """A ``redis-server``; options are those of its command line."""

    def command(self) -> list[str]:
        place = ["--bind", self.host, "--port", str(self.port), "--dir", str(self.directory)]
        return [
            program("redis-server"), *place, "--save", "", "--appendonly", "no", *self.options,
        ]  # fmt: skip

    def ping(self) -> None:
        import redis

        with redis.Redis(self.host, self.port, socket_timeout=2) as client:
            client.ping()
