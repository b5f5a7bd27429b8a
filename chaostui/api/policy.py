"""Addresses that nobody may set over HTTP unless the engine's owner allowed it."""

from __future__ import annotations

from collections.abc import Iterable

from chaostui.errors import NotAllowed
from chaostui.settings import Address, ControlSettings


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
    if backend.link_local and not settings.allow_upstream:
        raise NotAllowed(f"{backend} is link-local: start the engine with --allow-upstream")
    if any(_same(backend, address) for address in own):
        raise NotAllowed(f"{backend} is the control API itself")


def _same(backend: Address, own: Address) -> bool:
    if own.path or backend.path:
        return own.path == backend.path
    return own.port == backend.port and (own.host == backend.host or backend.loopback)
