"""Toxiproxy's configuration file: a JSON array of proxies, which here may have toxics."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from chaostui.errors import Problem, SettingsError
from chaostui.profiles.go_json import fields, first_value
from chaostui.profiles.toxics import Toxic, read_toxic
from chaostui.safe_text import safe_text
from chaostui.settings import Address, Profile, ProxySettings, name_of

PROXY: dict[str, type] = {
    "name": str, "listen": str, "upstream": str, "enabled": bool, "toxics": object,
}  # fmt: skip
GO_PROXY = "toxiproxy.Proxy"
ANY = "0.0.0.0"


def load(path: str | os.PathLike[str]) -> Profile:
    """Read a configuration file of Toxiproxy's. Raises SettingsError with all problems."""
    place = safe_text(os.fspath(path))
    try:
        given = first_value(Path(path).read_bytes())
    except OSError as error:
        raise SettingsError(Problem(place, (error.strerror or str(error)).lower())) from None
    except ValueError as error:
        raise SettingsError(Problem(place, f"not JSON: {error}")) from None
    if not isinstance(given, list):
        raise SettingsError(Problem(place, "is not an array of proxies"))
    return Profile(proxy=_all(given, place))


def _all(given: list[Any], place: str) -> tuple[ProxySettings, ...]:
    proxies, problems = [], []
    names: set[str] = set()
    for number, item in enumerate(given, 1):
        try:
            proxy = _proxy(item)
            if proxy.name in names:
                raise ValueError(f"there is a proxy {proxy.name!r} already")
        except ValueError as error:
            problems.append(Problem(f"{place}: proxy {number}", str(error)))
        else:
            names.add(proxy.name)
            proxies.append(proxy)
    if problems:
        raise SettingsError(*problems)
    return tuple(proxies)


def _proxy(item: Any) -> ProxySettings:
    read = fields(item, PROXY, GO_PROXY)
    for key in ("name", "upstream"):
        if not read.get(key):
            raise ValueError(f"missing required field: {key}")
    toxics = read_toxics(read.get("toxics"))
    return ProxySettings(
        name=name_of(read["name"]),
        listen=listen_address(read.get("listen", "")),
        backend=Address.parse(read["upstream"]),
        enabled=read.get("enabled", True),
        draw="connection",
        backend_down="close",
        chain=tuple(toxic.entry() for toxic in toxics),
    )


def read_toxics(given: Any) -> list[Toxic]:
    """Read a proxy's array of toxics; null and no array mean none. ValueError."""
    toxics = [read_toxic(each) for each in given] if isinstance(given, list) else []
    names = [toxic.name for toxic in toxics]
    if len(set(names)) < len(names):
        raise ValueError("toxic already exists")
    return toxics


def listen_address(text: str) -> Address:
    """Read an address to listen on, where no host means all of them. ValueError."""
    host, colon, port = (text or ":0").rpartition(":")
    if not colon or port.endswith("]"):
        raise ValueError(f"address {text}: missing port in address")
    if ":" in host and not host.startswith("["):
        raise ValueError(f"address {text}: too many colons in address")
    if port.isdigit() and int(port) > 65535:
        raise ValueError(f"address {port}: invalid port")
    return Address.parse(f"{host or ANY}:{port or 0}")
