"""Where this engine itself listens: what it must not dial."""

from __future__ import annotations

import socket
from collections.abc import Iterable

Name = tuple[str, int]
"""A bound IP address and its port."""


class OwnAddresses:
    """The addresses of an engine's own listeners, each added and removed at the same cost."""

    def __init__(self) -> None:
        self._hosts: dict[int, list[str]] = {}

    def add(self, names: Iterable[Name]) -> None:
        """A listener is bound to these."""
        for host, port in names:
            self._hosts.setdefault(port, []).append(host)

    def remove(self, names: Iterable[Name]) -> None:
        """A listener has given these up."""
        for host, port in names:
            self._hosts[port].remove(host)
            if not self._hosts[port]:
                del self._hosts[port]

    def reaches(self, ip: str, port: int) -> bool:
        """Whether a connection to ``ip`` and ``port`` arrives here."""
        return any(_same_host(ip, host) for host in self._hosts.get(port, ()))


def _same_host(ip: str, listening: str) -> bool:
    """Whether a connection to ``ip`` arrives at a socket that listens on ``listening``."""
    ip = ip.removeprefix("::ffff:") if "." in ip else ip
    if ip in ("0.0.0.0", "::"):
        ip = "127.0.0.1" if ip == "0.0.0.0" else "::1"
    if ip == listening:
        return True
    if listening not in ("0.0.0.0", "::"):
        return False
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
    return True
