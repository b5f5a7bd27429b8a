"""The settings of an engine: the only model there is, in memory and in a profile.

Times are seconds, sizes bytes, addresses ``host:port`` (``[::1]:80`` for IPv6) or
``unix:/path`` where a backend or the control API may be a Unix socket.
"""

from __future__ import annotations

import functools
import ipaddress
import unicodedata
from abc import abstractmethod
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from chaostui.safe_text import safe_text

Draw = Literal["request", "connection"]
ChainDirection = Literal["upstream", "downstream", "both"]
TlsMode = Literal["passthrough", "refuse", "terminate"]
BackendTls = Literal["off", "on", "verify"]
BackendDown = Literal["reset", "close"]
Abandoned = Literal["drop", "deliver"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]

MAX_LABEL = 63
MAX_NAME = 255
MAX_PROXIES = 1000
MAX_CHAIN = 100


class Text:
    """A value that is written as one string: equal, hashed and shown by that string."""

    __slots__ = ()

    @classmethod
    @abstractmethod
    def parse(cls, text: str) -> Self:
        """Read one. Raises ValueError with one line that says what is wrong."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Address(Text):
    """A TCP address, or a Unix socket when ``path`` is set."""

    __slots__ = ("host", "path", "port")

    def __init__(self, host: str, port: int, path: str = "") -> None:
        self.host = host
        self.port = port
        self.path = path

    @classmethod
    def parse(cls, text: str, *, port: int | None = None) -> Address:
        """Read ``host:port``, ``:port`` (loopback), ``[v6]:port`` or ``unix:/path``.

        ``port`` is the default where the text names none. Ports are 0 to 65535. Raises
        ValueError with one line that says what is wrong.
        """
        if text.startswith("unix:"):
            path = text[5:]
            if not path or "\0" in path or len(path.encode()) > 107:
                raise ValueError(f"not a path for a Unix socket: {path!r}")
            return cls("", 0, path)
        host, colon, number = text.rpartition(":")
        if not colon or number.endswith("]") or (":" in host and not host.startswith("[")):
            host, number = text, ""
        if not number and port is not None:
            number = str(port)
        if not (number.isascii() and number.isdigit() and len(number) <= 5):
            raise ValueError(f"{text!r} is not host:port: a port from 0 to 65535 is missing")
        if int(number) > 65535:
            raise ValueError(f"port {number} is over 65535")
        return cls(_host(host), int(number))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def link_local(self) -> bool:
        """Whether it is a literal link-local address, where clouds keep their secrets.

        RFC 3927 and RFC 4291, 2.5.6; mapped into IPv6 too (RFC 4291, 2.5.5.2).
        """
        return _is_link_local(self.host)

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@functools.lru_cache(1024)  # asked for each connection that is dialled
def _is_link_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_link_local


def _host(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        host = text[1:-1]
        ipaddress.IPv6Address(host.partition("%")[0])
        return host
    host = text or "127.0.0.1"
    # uvloop cuts a host at NUL, and the others mean something elsewhere in a URL.
    if len(host) > 253 or any(c in "@/\\[]?#:" or c.isspace() or not c.isprintable() for c in host):
        raise ValueError(f"{text!r} is not a host name")
    for label in host.removesuffix(".").split("."):
        if not _is_label(label):
            what = f"has a part of over {MAX_LABEL} characters" if label else "has an empty part"
            raise ValueError(f"{text!r} is not a host name: it {what} between its dots")
    return host


def _is_label(text: str) -> bool:
    """Whether a part of a host name can be asked for (RFC 1035, 2.3.4; IDNA: RFC 3490, 4.1)."""
    if text.isascii():
        return 0 < len(text) <= MAX_LABEL
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def _weight(part: str, percent: str, name: str) -> float:
    """The weight before a colon; ``delay:20`` is told the right way round."""
    try:
        weight = float(percent)
    except ValueError:
        weight = -1.0
        if name.strip().replace(".", "", 1).isdecimal():
            right = f"{name.strip()}:{percent.strip()}"
            raise ValueError(f"{part!r}: the weight comes first, as in {right}") from None
    if not 0 <= weight <= 100:
        raise ValueError(f"{part!r}: a weight is a percentage from 0 to 100")
    return weight


class Mix(Text):
    """Weights, in percent, of handlers that exclude each other; the rest is ``normal``."""

    __slots__ = ("weights",)

    def __init__(self, weights: tuple[tuple[str, float], ...] = ()) -> None:
        self.weights = weights

    @classmethod
    def parse(cls, text: str) -> Mix:
        """Read ``20:delay,5:errors``; a name alone means 100. Raises ValueError."""
        weights: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            percent, colon, name = part.partition(":")
            if not colon:
                percent, name = "100", part
            weight = _weight(part, percent, name)
            name = name.strip()
            if not name:
                raise ValueError(f"{part!r}: a handler's name is missing, as in 20:delay")
            if name in weights:
                raise ValueError(f"{name!r} stands there twice")
            weights[name] = weight
        mix = cls(tuple(weights.items()))
        if mix.total > 100 + 1e-9:
            raise ValueError(f"the weights add up to {mix.total:g}, which is over 100")
        return mix

    def __bool__(self) -> bool:
        return any(weight for _, weight in self.weights)

    def trimmed(self) -> Mix:
        """The same without the handlers that are off."""
        return Mix(tuple((name, weight) for name, weight in self.weights if weight))

    @property
    def total(self) -> float:
        """What is given away of 100, ``normal`` included where it is named."""
        return sum(weight for _, weight in self.weights)

    def __str__(self) -> str:
        return ",".join(f"{weight:g}:{name}" for name, weight in self.weights)


NAMED = {"name": True}
"""``Meta(extra=NAMED)`` marks a name that people give: read by ``name_of``."""


def name_of(text: str) -> str:
    """The name of a proxy or a chain entry, in Unicode's composed form (NFC).

    Whatever is a name can be shown, saved, loaded, and be a part of a path. Raises ValueError
    with one line for what is none.
    """
    name = composed(text)
    if not name.isprintable() or not name.strip() or len(name) > MAX_NAME:
        why = f"1 to {MAX_NAME} printable characters"
    elif name in ("-", ".", "..") or not name.strip("/ "):
        why = "it cannot stand in a URL"
    else:
        return name
    raise ValueError(f"{safe_text(repr(text), 60)} is not a name: {why}")


def composed(text: str) -> str:
    """The same text in Unicode's composed form, in which names are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def says(help: str, unit: str = "", **more: Any) -> Meta:
    """What a setting is for, its unit (``s``, ``B``), and its bounds: all there is to know of it.

    The command line's help, the console, the documentation and the JSON schemas are made of it.
    """
    named = {"extra": {"unit": unit}, "extra_json_schema": {"x-unit": unit}} if unit else {}
    return Meta(description=help, **{**named, **more})


class ChainEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A handler that acts always, on one direction, with a probability per draw.

    In a profile its options stand beside these keys:
    ``{ handler = "delay", direction = "upstream", probability = 0.5, sleep = 0.2 }``.
    """

    handler: Annotated[str, says("the handler that acts")]
    name: Annotated[str, says("what to call the entry; empty: its handler's name", extra=NAMED)] = (
        ""
    )
    direction: Annotated[ChainDirection, says("which way it acts")] = "downstream"
    probability: Annotated[float, says("how likely it acts, at each draw", ge=0, le=1)] = 1.0
    options: Annotated[dict[str, Any], says("the handler's options")] = {}


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One proxy: a listener, its backend and what happens between them."""

    name: Annotated[str, says("what it is called", min_length=1, max_length=MAX_NAME, extra=NAMED)]
    listen: Annotated[
        Address, says("where clients connect; an address that cannot be bound changes nothing")
    ]
    backend: Annotated[Address, says("where the traffic goes: host:port or unix:/path")]
    protocol: Annotated[str, says("what the backend speaks; tcp: bytes that are not read")] = "tcp"
    enabled: Annotated[bool, says("false: it is closed, its connections too")] = True
    behavior: Annotated[Mix, says("handlers by percent: 20:delay,5:errors")] = Mix()
    draw: Annotated[
        Draw, says("request: the dice are rolled for each; connection: once for each of them")
    ] = "request"
    chain: Annotated[tuple[ChainEntry, ...], says("handlers that act always, in this order")] = ()
    handler: Annotated[
        dict[str, dict[str, Any]], says("handlers' options, for this proxy over the profile's")
    ] = {}
    protocol_options: Annotated[
        dict[str, Any], says("what the protocol itself is told, such as overwrite_host_header")
    ] = {}
    tls: Annotated[
        TlsMode, says("clients' TLS: passthrough, refuse (hidden from them), terminate (ends here)")
    ] = "passthrough"
    tls_cert: Annotated[
        str, says("certificate to terminate TLS with, a PEM file; empty: one is made for the run")
    ] = ""
    tls_key: Annotated[str, says("its key, a PEM file; empty: it stands in tls_cert")] = ""
    backend_tls: Annotated[
        BackendTls, says("TLS that ends here goes on as: off (plain), on (not checked), verify")
    ] = "off"
    backend_tls_ca: Annotated[
        str, says("whom to trust then, a PEM file; empty: whom the system trusts")
    ] = ""
    backend_tls_cert: Annotated[
        str, says("certificate for a backend that wants one of its clients, a PEM file")
    ] = ""
    backend_tls_key: Annotated[
        str, says("its key, a PEM file; empty: it stands in backend_tls_cert")
    ] = ""
    connect_timeout: Annotated[
        float, says("how long the backend has to accept a connection", "s", gt=0, le=3600)
    ] = 10.0
    backend_down: Annotated[
        BackendDown,
        says("how a client ends whose backend is down: reset, or close if it said nothing"),
    ] = "reset"
    idle_timeout: Annotated[
        float, says("without a byte for so long, a connection is closed; 0: never", "s", ge=0)
    ] = 0.0
    half_close_timeout: Annotated[
        float, says("how long the other side may go on after one has ended", "s", gt=0)
    ] = 300.0
    slow_reply: Annotated[
        float, says("a reply that takes so long to begin is an event; 0: none is", "s", ge=0)
    ] = 1.0
    linger: Annotated[
        float, says("how long a close waits for a peer that does not read", "s", gt=0)
    ] = 10.0
    abandoned: Annotated[
        Abandoned, says("what a fault holds of a client that has gone: drop or deliver it")
    ] = "drop"
    max_connections: Annotated[
        int, says("at so many, further clients wait; 0: what the file limit allows", ge=0)
    ] = 0
    max_held: Annotated[
        int, says("held back by each connection and direction before reading pauses", "B", ge=4096)
    ] = 134_217_728  # a second of a gigabit


class ControlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and for whom the control API answers."""

    listen: Annotated[Address | None, says("the HTTP API; absent: its Unix socket alone")] = None
    toxiproxy: Annotated[Address | None, says("the same engine in Toxiproxy's words")] = None
    token_file: Annotated[str, says("callers must know the token in this file")] = ""
    no_auth: Annotated[bool, says("other hosts may call the API without a token")] = False
    allow_host: Annotated[tuple[str, ...], says("names that calls may have in Host")] = ()
    allow_upstream: Annotated[bool, says("let the API name link-local backends")] = False
    allow_remote_listen: Annotated[
        bool, says("let the API listen where other hosts can connect")
    ] = False


class StatsdSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where counters go by statsd; the defaults are Vaurien's."""

    host: Annotated[str, says("the statsd server's host")] = "localhost"
    port: Annotated[int, says("its UDP port", ge=1, le=65535)] = 8125
    prefix: Annotated[str, says("how the counters' names begin")] = "vaurien"
    interval: Annotated[float, says("how often they are sent", "s", gt=0)] = 1.0


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an engine is told at its start."""

    seed: (
        Annotated[int, says("same seed, same decisions; absent: one is drawn", ge=0, le=2**63 - 1)]
        | None
    ) = None
    control: Annotated[ControlSettings, says("the control API, a table")] = ControlSettings()
    proxy: Annotated[tuple[ProxySettings, ...], says("the proxies, a table each")] = ()
    handler: Annotated[
        dict[str, dict[str, Any]], says("handlers' options by handler, a table each")
    ] = {}
    statsd: Annotated[StatsdSettings | None, says("where counters go by statsd, a table")] = None
    max_held: Annotated[
        int, says("what faults hold in all, before those with most are not read", "B", ge=65_536)
    ] = 268_435_456
    drain: Annotated[float, says("how long a stop waits for open connections", "s", ge=0)] = 10.0
    log_level: Annotated[LogLevel, says("from which level on lines are logged")] = "info"
    log_output: Annotated[str, says("where the log goes: a file, or - for standard error")] = "-"


def decode(kind: type, value: Any) -> Any:
    """Read the types msgspec does not know: ``dec_hook`` for every use of these models."""
    if isinstance(value, str) and issubclass(kind, Text):
        return kind.parse(value)
    raise ValueError(f"expected a string, got {type(value).__name__}")


def encode(value: Any) -> Any:
    """Write the types msgspec does not know: ``enc_hook`` for every use of these models."""
    if isinstance(value, Text):
        return str(value)
    raise NotImplementedError(type(value).__name__)
