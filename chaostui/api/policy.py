"""Addresses that nobody may set over HTTP unless the engine's owner allowed it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from chaostui.errors import NotAllowed
from chaostui.settings import Address, ControlSettings

_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))


def check(
    settings: ControlSettings,
    own: Iterable[Address],
    *,
    listen: Address | None = None,
    backend: Address | None = None,
) -> None:
    """Refuse a listener that other hosts reach, a link-local backend, and ``own`` as a backend.

    ``own`` are the addresses of the control API. Raises NotAllowed, naming the way out. Names
    of hosts are checked by the engine, as what they resolve to, when it dials.
    """
    if listen is not None and not listen.loopback and not settings.allow_remote_listen:
        raise NotAllowed(
            f"{listen} can be reached from other hosts: only the profile or the command line "
            "may listen there, or start the engine with --allow-remote-listen"
        )
    if backend is None:
        return
    if link_local(backend.host) and not settings.allow_upstream:
        raise NotAllowed(f"{backend} is link-local: start the engine with --allow-upstream")
    if any(_same(backend, address) for address in own):
        raise NotAllowed(f"{backend} is the control API itself")


def link_local(host: str) -> bool:
    """Whether a literal address is link-local, where clouds keep their secrets."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in _LINK_LOCAL)


def _same(backend: Address, own: Address) -> bool:
    if own.path or backend.path:
        return own.path == backend.path
    return own.port == backend.port and (own.host == backend.host or backend.loopback)
