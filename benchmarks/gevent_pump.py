"""Vaurien's design: two greenlets a connection, blocking calls made cooperative by gevent.

``python -m benchmarks.gevent_pump LISTEN_PORT BACKEND_PORT``
"""

from __future__ import annotations

import sys

import gevent
from gevent import socket
from gevent.server import StreamServer


def pump(port: int, backend_port: int) -> None:
    """Listen for ever."""

    def serve(client: socket.socket, _: object) -> None:
        backend = socket.create_connection(("127.0.0.1", backend_port))
        for sock in (client, backend):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, backend:
            gevent.joinall([
                gevent.spawn(copy, client, backend),
                gevent.spawn(copy, backend, client),
            ])  # fmt: skip

    StreamServer(("127.0.0.1", port), serve, backlog=4096).serve_forever()


def copy(source: socket.socket, dest: socket.socket) -> None:
    """Copy until the end, and pass the end on."""
    try:
        while data := source.recv(65536):
            dest.sendall(data)
        dest.shutdown(socket.SHUT_WR)
    except OSError:
        dest.close()


if __name__ == "__main__":
    pump(int(sys.argv[1]), int(sys.argv[2]))
