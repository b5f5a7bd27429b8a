"""Whether the values of a profile make sense together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from chaostui.engine.faults.compile import entry_name
from chaostui.engine.tls import certificates
from chaostui.handler import Handler
from chaostui.options import show
from chaostui.profiles.mistakes import Mistake, Path
from chaostui.profiles.names import Names
from chaostui.profiles.shape import Shape, Values
from chaostui.protocol import Protocol
from chaostui.settings import (
    MAX_CHAIN,
    MAX_PROXIES,
    Address,
    ChainEntry,
    ControlSettings,
    Mix,
)


def check(shape: Shape, names: Names) -> Iterator[Mistake]:
    """Note what makes no sense; names in ``shape`` become the handlers' own names."""
    if len(shape.proxies) > MAX_PROXIES:
        yield Mistake(("proxy",), f"{len(shape.proxies)} proxies; at most {MAX_PROXIES} can run")
    _resolve(shape, names)
    yield from names.mistakes
    yield from _proxy_names(shape)
    yield from _addresses(shape)
    yield from _statsd(shape)
    for index, proxy in enumerate(shape.proxies):
        yield from _chain(proxy, ("proxy", index, "chain"))
        yield from _matches(proxy, ("proxy", index), shape.top.get("handler", {}), names)
        yield from _tls(proxy, ("proxy", index), names)


def _resolve(shape: Shape, names: Names) -> None:
    """Put every name into its own form and read every option."""
    if "handler" in shape.top:
        shape.top["handler"] = names.tables(shape.top["handler"], ("handler",), top=True)
    for index, proxy in enumerate(shape.proxies):
        path: Path = ("proxy", index)
        if "protocol" in proxy:
            proxy["protocol"] = names.protocol(proxy["protocol"], (*path, "protocol"))
        if "protocol_options" in proxy:
            name = proxy.get("protocol", "tcp")
            options = names.protocol_options(name, proxy["protocol_options"], path)
            proxy["protocol_options"] = options
        if "behavior" in proxy:
            proxy["behavior"] = names.mix(proxy["behavior"], (*path, "behavior"))
        if "handler" in proxy:
            proxy["handler"] = names.tables(proxy["handler"], (*path, "handler"), top=False)
        for at, entry in enumerate(proxy.get("chain", ())):
            _entry(entry, (*path, "chain", at), names)


def _entry(entry: Values, path: Path, names: Names) -> None:
    if "handler" in entry:
        entry["handler"] = names.handler(entry["handler"], (*path, "handler"))
        entry["options"] = names.options(entry["handler"], entry.get("options", {}), path)


def _proxy_names(shape: Shape) -> Iterator[Mistake]:
    seen = set()
    for index, proxy in enumerate(shape.proxies):
        name = proxy.get("name")
        if name is None:
            continue
        path: Path = ("proxy", index, "name")
        if name in seen:
            yield Mistake(path, f"another proxy is named {name!r}")
        seen.add(name)


def _addresses(shape: Shape) -> Iterator[Mistake]:
    listeners = list(_listeners(shape))
    for at, (path, address) in enumerate(listeners):
        if address.path and path != ("control", "listen"):
            yield Mistake(path, "only the control API can listen on a Unix socket")
        for other, taken in listeners[:at]:
            if overlap(address, taken):
                what = f"{address} is taken: {_whose(other, shape)} listens on {taken}"
                yield Mistake(path, what)
                break
    for index, proxy in enumerate(shape.proxies):
        backend = proxy.get("backend")
        if backend is not None:
            yield from _backend(backend, ("proxy", index, "backend"), listeners, shape)


def _statsd(shape: Shape) -> Iterator[Mistake]:
    """Whether there can be such a host."""
    if (statsd := shape.top.get("statsd")) is not None:
        host = f"[{statsd.host}]" if ":" in statsd.host else statsd.host
        try:
            Address.parse(f"{host}:{statsd.port}")
        except ValueError as error:
            yield Mistake(("statsd", "host"), str(error))


def _listeners(shape: Shape) -> Iterator[tuple[Path, Address]]:
    control = shape.top.get("control", ControlSettings())
    for key in ("listen", "toxiproxy"):
        if address := getattr(control, key):
            yield ("control", key), address
    for index, proxy in enumerate(shape.proxies):
        # One that is off has no address until it is switched on.
        if (address := proxy.get("listen")) and proxy.get("enabled", True):
            yield ("proxy", index, "listen"), address


def _backend(
    backend: Address, path: Path, listeners: Iterable[tuple[Path, Address]], shape: Shape
) -> Iterator[Mistake]:
    if not backend.path and not backend.port:
        yield Mistake(path, "a backend's port is 1 to 65535")
    for other, taken in listeners:
        # Toxiproxy's API may be an upstream of its own.
        if other != ("control", "toxiproxy") and overlap(backend, taken):
            what = f"{backend} is where {_whose(other, shape)} listens: traffic would go in circles"
            yield Mistake(path, what)
            break


def _whose(path: Path, shape: Shape) -> str:
    if path[0] == "control":
        return "the control API" if path[1] == "listen" else "the Toxiproxy API"
    index = int(path[1])
    return f"proxy {show(shape.proxies[index].get('name', index))}"


def overlap(one: Address, other: Address) -> bool:
    """Whether two addresses are the same listener; port 0 is never another's."""
    if one.path or other.path:
        return one.path == other.path
    if one.port != other.port or not one.port:
        return False
    return _covers(one.host, other.host) or _covers(other.host, one.host)


def _covers(host: str, other: str) -> bool:
    """Whether ``host`` is one of the addresses of ``other``, or a wildcard over one."""
    return any(
        mine == its or (mine, version) in (("0.0.0.0", 4), ("::", 6))
        for mine, _ in _numbers(host)
        for its, version in _numbers(other)
    )


def _numbers(host: str) -> list[tuple[str, int]]:
    """The addresses that are known of a host without asking anybody, with their IP versions."""
    if host.lower() == "localhost":
        return [("127.0.0.1", 4), ("::1", 6)]
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return [(host.lower(), 0)]
    return [(str(number), number.version)]


def _chain(proxy: Values, path: Path) -> Iterator[Mistake]:
    chain = proxy.get("chain", ())
    if len(chain) > MAX_CHAIN:
        yield Mistake(path, f"{len(chain)} entries; at most {MAX_CHAIN} can stand in a chain")
    seen = set()
    for index, entry in enumerate(chain):
        if not entry.keys() >= {"handler", "options"}:
            continue
        given = entry.get("name", "")
        name = given or entry_name(ChainEntry(**entry))
        if name in seen:
            yield Mistake(
                (*path, index, "name"), f"another entry is named {name!r}; give it a name"
            )
        seen.add(name)


def _tls(proxy: Values, path: Path, names: Names) -> Iterator[Mistake]:
    """Whether what is said of TLS makes sense, and its certificates can be used."""
    protocol = names.catalog.protocols.get(proxy.get("protocol", "tcp"))
    backend = proxy.get("backend")
    if protocol is None or backend is None:
        return
    for problem in certificates.read(proxy, backend, protocol)[1]:
        yield Mistake((*path, problem.place), problem.what)


def _matches(proxy: Values, path: Path, tables: Values, names: Names) -> Iterator[Mistake]:
    """Whether the handlers in use and the protocol go together."""
    protocol = names.catalog.protocols.get(proxy.get("protocol", "tcp"))
    if protocol is None:
        return
    own = proxy.get("handler", {})
    for name, _ in proxy.get("behavior", Mix()).weights:
        options = tables.get(name, {}) | own.get(name, {})
        place: Path = (*path, "behavior")
        if name in tables:
            place = ("handler", name)
        if name in own:
            place = (*path, "handler", name)
        yield from _suits(names.kind(name), options, protocol, names.written.get(place, place))
    for index, entry in enumerate(proxy.get("chain", ())):
        place = (*path, "chain", index)
        kind = names.kind(entry.get("handler", ""))
        yield from _suits(kind, entry.get("options", {}), protocol, place)


def _suits(
    kind: type[Handler] | None, options: Values, protocol: type[Protocol], path: Path
) -> Iterator[Mistake]:
    if kind is not None and (what := kind.refusal(kind.Options(**options), protocol)):
        yield Mistake(path, what)
