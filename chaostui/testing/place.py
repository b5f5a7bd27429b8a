"""The settings of a proxy, as short as a test wants to write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from chaostui.catalog import Catalog
from chaostui.profiles import from_builtins
from chaostui.settings import Address, Profile, ProxySettings

Backend = str | int | tuple[str, int]
"""``host:port``, ``unix:/path``, a port on 127.0.0.1, or what a socket calls its name."""

Settings = Mapping[str, Any]


def proxy(
    backend: Backend,
    protocol: str = "tcp",
    *,
    name: str = "",
    listen: str = "127.0.0.1:0",
    **settings: Any,
) -> dict[str, Any]:
    """A proxy on a free port; ``settings`` are the keys of a profile's ``[[proxy]]``.

    Without a name it is called by its protocol: ``redis``, ``redis-2``. Its draws depend on
    nothing but seed and name.
    """
    if isinstance(backend, int):
        backend = ("127.0.0.1", backend)
    if isinstance(backend, tuple):
        backend = str(Address(*backend[:2]))
    place = {"listen": listen, "backend": backend, "protocol": protocol}
    return {**({"name": name} if name else {}), **place, **settings}


def profile(proxies: Iterable[Settings], options: Settings, catalog: Catalog) -> Profile:
    """The profile of an engine with these proxies; SettingsError names all that is wrong."""
    called: list[Settings] = []
    for one in proxies:
        called.append(named(one, [str(each["name"]) for each in called]))
    return from_builtins({"proxy": called, "handler": dict(options)}, catalog=catalog)


def settings(one: Settings, catalog: Catalog, taken: Collection[str] = ()) -> ProxySettings:
    """One proxy's settings. SettingsError."""
    return profile((named(one, taken),), {}, catalog).proxy[0]


def named(one: Settings, taken: Collection[str]) -> Settings:
    """A proxy with a name: its protocol, or that with the first number nobody has."""
    if "name" in one:
        return one
    name = str(one.get("protocol", "tcp"))
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return {"name": next(each for each in (name, *numbered) if each not in taken), **one}
