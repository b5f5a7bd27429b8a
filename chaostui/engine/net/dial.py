"""Calls a backend: its name looked up, all its addresses tried, never ourselves."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from chaostui.engine.net.resolver import SYSTEM, AddressInfo, Resolver
from chaostui.errors import NotAllowed
from chaostui.settings import Address

STAGGER = 0.25
"""Seconds after which the next address of a name is tried beside the one before (RFC 8305)."""

INVALID = (".invalid", ".invalid.")
"""Names that nobody has, and that nobody is asked about (RFC 6761, 6.4)."""

LOOK_UP = 10.0
"""Seconds that a name may take where no connect timeout limits it."""


def numeric(host: str) -> str:
    """An IP address in the one spelling that rules look at; ``""`` for a name.

    IPv4 inside IPv6 (``::ffff:7f00:1``) is spelled as the IPv4 address that it means.
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return ""
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


async def dial(
    address: Address,
    protocol: Callable[[], asyncio.Protocol],
    refused: Callable[[str, int], str],
    resolver: Resolver = SYSTEM,
) -> None:
    """Connect what ``protocol`` makes to ``address``.

    ``refused(ip, port)`` says why an address must not be dialled, or ``""``; it is asked about
    the resolved address, each time. Raises NotAllowed, or the OSError of the last address tried.
    """
    loop = asyncio.get_running_loop()
    if address.path:
        await loop.create_unix_connection(protocol, address.path)
        return
    infos = await resolve(address, resolver, within=None)
    allowed = []
    for info in infos:
        why = refused(info[4][0], address.port)
        if not why:
            allowed.append(info)
    if not allowed:
        raise NotAllowed(refused(infos[0][4][0], address.port))
    if len(allowed) == 1:
        await loop.create_connection(protocol, allowed[0][4][0], address.port)
    else:
        sock = await _first_of(allowed)
        await loop.create_connection(protocol, sock=sock)


async def resolve(
    address: Address, resolver: Resolver = SYSTEM, *, within: float | None = LOOK_UP
) -> list[AddressInfo]:
    """The socket addresses behind a host; IP addresses and ``localhost`` ask nobody.

    Raises OSError with one line when the name cannot be resolved, or not ``within`` seconds.
    """
    # RFC 6761, 6.3: localhost is loopback, no DNS.
    ips = ["127.0.0.1", "::1"] if address.host == "localhost" else [numeric(address.host)]
    if address.host.endswith(INVALID):
        raise OSError(f"cannot resolve {address.host}: no such name")
    if not ips[0]:
        found = await resolver.resolve(address.host, within)
        return [(f, t, p, c, (a[0], address.port, *a[2:])) for f, t, p, c, a in found]
    return [
        (
            socket.AF_INET6 if ":" in ip else socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            "",
            (ip, address.port, 0, 0) if ":" in ip else (ip, address.port),
        )
        for ip in ips
    ]


async def _first_of(infos: list[AddressInfo]) -> socket.socket:
    if all(ipaddress.ip_address(info[4][0]).is_loopback for info in infos):
        # Loopback answers at once, so there is nothing to race.
        return await _one_after_another(infos)
    import aiohappyeyeballs

    return await aiohappyeyeballs.start_connection(infos, happy_eyeballs_delay=STAGGER)


async def _one_after_another(infos: list[AddressInfo]) -> socket.socket:
    loop = asyncio.get_running_loop()
    problem: OSError = OSError("no address")
    for family, kind, proto, _, sockaddr in infos:
        sock = socket.socket(family, kind, proto)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, sockaddr)
        except OSError as error:
            sock.close()
            if not isinstance(problem, ConnectionRefusedError):
                problem = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise problem


def keep_alive(transport: asyncio.BaseTransport | None) -> None:
    """Let the kernel ask a silent peer whether it is still there, after 15 s and each 15 s."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0 or sock.family == socket.AF_UNIX:
        return
    # uvloop's own makes a socket of the descriptor anew for each call.
    real = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.fileno())
    try:
        set_keep_alive(real)
    finally:
        real.detach()


def set_keep_alive(sock: socket.socket) -> None:
    """Turn keep-alive probes on; a listener's sockets inherit this."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
