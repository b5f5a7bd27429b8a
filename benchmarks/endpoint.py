"""A backend that either echoes or sends without end, as the first byte of a connection says.

``python -m benchmarks.endpoint PORT``
"""

from __future__ import annotations

import socket
import sys
import threading

ECHO, FLOOD = b"e", b"f"


def serve(port: int) -> None:
    """Listen for ever."""
    threading.stack_size(256 * 1024)
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listener:
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=answer, args=[client], daemon=True).start()


def answer(client: socket.socket) -> None:
    """Do what the first byte asks until the client goes."""
    block = bytes(1 << 20)
    with client:
        try:
            flood = client.recv(1) == FLOOD
            while flood:
                client.sendall(block)
            while data := client.recv(65536):
                client.sendall(data)
        except OSError:
            return


if __name__ == "__main__":
    serve(int(sys.argv[1]))
