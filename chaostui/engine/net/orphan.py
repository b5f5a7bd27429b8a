"""Asks the kernel whether the program at the other end of a connection has let go of it.

A FIN does not tell a program that has closed its socket from one that waits for the answer.
Where both are on this machine the kernel knows: a socket that no file refers to any more, an
orphan, has the inode 0 (sock_diag(7), ``inet_diag_msg``). So has what waits for stray segments
after both ends (TIME_WAIT), whoever still has its file: of that nothing can be told.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

SOCK_DIAG_BY_FAMILY, NLMSG_ERROR = 20, 2
NETLINK_SOCK_DIAG = 4
ANY_STATE = 0xFFFFFFFF
NO_COOKIE = b"\xff" * 8
FIN_WAIT1, FIN_WAIT2, LAST_ACK, CLOSING = 4, 5, 9, 11
"""States of TCP's machine after a FIN of its own, as Linux numbers them."""
HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBBI 2s2s 16s16s I 8s")
"""``inet_diag_req_v2``."""
STATE, INODE = HEADER.size + 1, HEADER.size + 68
"""Where they stand in an answer (``inet_diag_msg``)."""

Ends = tuple[tuple[str, int], tuple[str, int]]
"""A connection's two addresses, as one of its sockets sees them: its own, its peer's."""


def ends(transport: asyncio.BaseTransport | None) -> Ends | None:
    """The ends of a TCP connection as the peer sees them; None: there are none."""
    if transport is None:
        return None
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if not (isinstance(peer, tuple) and isinstance(own, tuple)):
        return None  # a Unix socket
    return (peer[0].partition("%")[0], peer[1]), (own[0].partition("%")[0], own[1])


def orphaned(found: Ends | None) -> bool:
    """Whether the socket with these ends is on this machine and belongs to no program.

    False where the kernel cannot tell: a peer elsewhere, another system than Linux.
    """
    if found is None or not hasattr(socket, "AF_NETLINK"):
        return False
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            kernel.setblocking(False)
            kernel.send(_question(found))
            answer = kernel.recv(4096)
    except OSError:
        return False
    if len(answer) < INODE + 4 or HEADER.unpack_from(answer)[1] != SOCK_DIAG_BY_FAMILY:
        return False
    (inode,) = struct.unpack_from("=I", answer, INODE)
    return inode == 0 and answer[STATE] in (FIN_WAIT1, FIN_WAIT2, LAST_ACK, CLOSING)


def _question(found: Ends) -> bytes:
    (own, own_port), (peer, peer_port) = found
    source, target = ipaddress.ip_address(own).packed, ipaddress.ip_address(peer).packed
    family = socket.AF_INET if len(source) == 4 else socket.AF_INET6
    size = HEADER.size + REQUEST.size
    return HEADER.pack(size, SOCK_DIAG_BY_FAMILY, 1, 0, 0) + REQUEST.pack(
        family, socket.IPPROTO_TCP, 0, 0, ANY_STATE, own_port.to_bytes(2), peer_port.to_bytes(2),
        source, target, 0, NO_COOKIE,
    )  # fmt: skip
