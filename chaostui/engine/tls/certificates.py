"""The certificates that a proxy's settings name, read and checked before anything changes."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chaostui.engine.tls.authority import authority, names
from chaostui.errors import Problem, SettingsError
from chaostui.protocol import Protocol
from chaostui.safe_text import safe_text
from chaostui.settings import Address, ProxySettings

LARGEST = 1 << 20
"""Bytes that a PEM file may have."""
CERTIFICATE, KEY = b"CERTIFICATE-----", b"PRIVATE KEY-----"
CODES = re.compile(r"\A\[[^\]]*\] | \(_ssl\.c:\d+\)\Z")
"""What Python's ssl module puts around a message."""
FIELDS = (
    "tls", "tls_cert", "tls_key",
    "backend_tls", "backend_tls_ca", "backend_tls_cert", "backend_tls_key", "listen",
)  # fmt: skip
NEEDS_TERMINATE = 'is for tls = "terminate" only'
WANTS_CERTIFICATE = "a client's certificate is wanted, which must be named in backend_tls_cert"
MOST_CONTEXTS = 64
"""Contexts that are kept for names of protocols, or of servers, that clients come with."""

Alpn = tuple[str, ...]
"""Names of protocols in the order of preference (RFC 7301)."""


class Contexts:
    """What one side of a proxy speaks TLS with: a context for each list of protocols' names."""

    def __init__(self, make: Callable[[Alpn], ssl.SSLContext], alpn: Alpn = ()) -> None:
        self._make = make
        self._made: dict[Alpn, ssl.SSLContext] = {}
        self.usual = self.speaking(alpn)
        """The one for what the proxy's own protocol is called, if it has a name."""

    def speaking(self, alpn: Alpn) -> ssl.SSLContext:
        """The context that takes part in ALPN by these names."""
        if alpn not in self._made:
            if len(self._made) >= MOST_CONTEXTS:
                self._made = {(): self._make(())}
            self._made[alpn] = self._make(alpn)
        return self._made[alpn]


class Tls(NamedTuple):
    """How the two sides of a proxy that ends TLS speak it."""

    client: Contexts
    backend: Contexts | None
    """None: the backend is spoken to in plain text."""
    name: str | None
    """What the backend is called in its certificate, and by SNI."""


def contexts(settings: ProxySettings, protocol: type[Protocol]) -> Tls | None:
    """What ``settings`` ask for; None where TLS does not end here. Raises SettingsError."""
    values = {field: getattr(settings, field) for field in FIELDS}
    found, problems = read(values, settings.backend, protocol)
    if problems:
        raise SettingsError(*problems)
    return found


def read(
    values: Mapping[str, Any], backend: Address, protocol: type[Protocol]
) -> tuple[Tls | None, list[Problem]]:
    """Read what ``values``, by the names of settings, ask for, and what is wrong with it."""
    problems = list(_nonsense(values, protocol))
    if problems or values.get("tls") != "terminate":
        return None, problems
    try:
        hosts = (backend.host, values["listen"].host if "listen" in values else "")
        client = Contexts(_client(values, names(hosts)), protocol.alpn)
        context = None
        if values.get("backend_tls", "off") != "off":
            context = Contexts(_backend(values, backend), protocol.alpn)
        return Tls(client, context, None if context is None else backend.host or None), []
    except SettingsError as error:
        return None, list(error.problems)


def _nonsense(values: Mapping[str, str], protocol: type[Protocol]) -> Iterator[Problem]:
    mode = values.get("tls", "passthrough")
    if mode == "refuse" and not protocol.negotiates_tls:
        what = f"{protocol.name} cannot refuse TLS: nobody is asked before it begins"
        yield Problem("tls", what)
    if mode != "terminate":
        if values.get("backend_tls", "off") != "off":
            yield Problem("backend_tls", NEEDS_TERMINATE)
    elif values.get("tls_key") and not values.get("tls_cert"):
        yield Problem("tls_key", "is the key of a certificate: say that in tls_cert")
    elif values.get("backend_tls_ca") and values.get("backend_tls") != "verify":
        yield Problem("backend_tls_ca", 'is for backend_tls = "verify" only')
    elif values.get("backend_tls_cert") and values.get("backend_tls", "off") == "off":
        yield Problem("backend_tls_cert", 'is for backend_tls = "on" and "verify" only')
    elif values.get("backend_tls_key") and not values.get("backend_tls_cert"):
        yield Problem(
            "backend_tls_key", "is the key of a certificate: say that in backend_tls_cert"
        )


def _client(values: Mapping[str, Any], own: tuple[str, ...]) -> Callable[[Alpn], ssl.SSLContext]:
    """The server's part of TLS, which clients meet; without a certificate one is made."""
    if not values.get("tls_cert"):
        return Made(own).context
    pair = _pair(values, "tls_cert", "tls_key")

    def make(alpn: Alpn) -> ssl.SSLContext:
        context = _serving(alpn)
        load(context, *pair)
        return context

    return make


def _serving(alpn: Alpn) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A client that closes with tickets unread resets the connection, and loses what it sent.
    context.num_tickets = 0
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class Made:
    """Certificates that are made as clients ask for names (SNI), signed by the run's authority."""

    def __init__(self, own: tuple[str, ...]) -> None:
        self._own = own
        self._named: dict[tuple[str, Alpn], ssl.SSLContext] = {}

    def context(self, alpn: Alpn) -> ssl.SSLContext:
        """What to begin with: good for the proxy's own names."""
        context = self._for(self._own, alpn)

        def named(peer: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: object) -> None:
            if name and name not in self._own:
                peer.context = self._asked(name, alpn, context)

        context.sni_callback = named
        return context

    def _for(self, hosts: tuple[str, ...], alpn: Alpn) -> ssl.SSLContext:
        context = _serving(alpn)
        load(context, *authority().issue(hosts))
        return context

    def _asked(self, name: str, alpn: Alpn, else_: ssl.SSLContext) -> ssl.SSLContext:
        """The context for a name that a client asks for."""
        if (name, alpn) not in self._named:
            if len(self._named) >= MOST_CONTEXTS:
                self._named.clear()
            try:
                self._named[name, alpn] = self._for((name,), alpn)
            except ValueError:
                return else_  # no name that a certificate could have
        return self._named[name, alpn]


def load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Give a context what is in memory, where OpenSSL reads files only.

    Raises what ``load_cert_chain`` does.
    """
    numbers = [os.memfd_create("chaostui") for _ in range(2)]
    try:
        for number, pem in zip(numbers, (certificate, key), strict=True):
            with os.fdopen(number, "wb", closefd=False) as file:
                file.write(pem)
        first, second = (f"/proc/self/fd/{number}" for number in numbers)
        context.load_cert_chain(first, second, password=_no_password)
    finally:
        for number in numbers:
            os.close(number)


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is no password for it")


def _pair(values: Mapping[str, Any], cert: str, key: str) -> tuple[bytes, bytes]:
    """The PEM of a certificate and its key, by the settings that name them; SettingsError."""
    certificate = values[cert]
    place = key if values.get(key) else cert
    file = values.get(key) or certificate
    pair = (
        _pem(cert, certificate, CERTIFICATE, "certificate"),
        _pem(place, file, KEY, "private key"),
    )
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *pair)
    except (ssl.SSLError, ValueError, OSError) as error:
        what = f"cannot be used: {words(error)}"
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            what = f"is not the key of the certificate in {safe_text(certificate)}"
        raise SettingsError(Problem(place, f"{safe_text(file)}: {what}")) from None
    return pair


def _backend(values: Mapping[str, Any], backend: Address) -> Callable[[Alpn], ssl.SSLContext]:
    """The client's part of TLS, which backends meet."""
    verifies, ca = values.get("backend_tls") == "verify", values.get("backend_tls_ca", "")
    trusted = _pem("backend_tls_ca", ca, CERTIFICATE, "certificate") if ca else b""
    pair = None
    if values.get("backend_tls_cert"):
        pair = _pair(values, "backend_tls_cert", "backend_tls_key")

    def make(alpn: Alpn) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.options |= ssl.OP_NO_RENEGOTIATION
        if alpn:
            context.set_alpn_protocols(alpn)
        if pair:
            load(context, *pair)
        if not verifies:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        # A Unix socket has no name; who signed is still checked.
        context.check_hostname = not backend.path
        if trusted:
            context.load_verify_locations(cadata=trusted.decode())
        else:
            context.load_default_certs()
        return context

    _try(make, backend, ca)
    return make


def _try(make: Callable[[Alpn], ssl.SSLContext], backend: Address, ca: str) -> None:
    """Say what is wrong with the backend's part; SettingsError."""
    try:
        context = make(())
    except (ssl.SSLError, ValueError, OSError) as error:
        what = f"{safe_text(ca)}: cannot be used: {words(error)}"
        raise SettingsError(Problem("backend_tls_ca", what)) from None
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=backend.host or None)
    except ValueError as error:
        what = f"{safe_text(backend.host)} is no name that TLS can ask for: {error}"
        raise SettingsError(Problem("backend", what)) from None


def _pem(place: str, file: str, kind: bytes, what: str) -> bytes:
    """Read a PEM file; SettingsError says what is wrong with it, never what is in it."""
    shown = safe_text(file)
    try:
        path = Path(file)
        if path.exists() and not path.is_file():
            raise SettingsError(Problem(place, f"{shown}: is not a file"))
        with path.open("rb") as opened:
            text = opened.read(LARGEST)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SettingsError(Problem(place, f"{shown}: {why[:1].lower()}{why[1:]}")) from None
    if kind not in text:
        raise SettingsError(Problem(place, f"{shown}: there is no {what} in PEM in it"))
    return text


def words(error: Exception) -> str:
    """An error of the ssl module in words, fit to be shown."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {safe_text(error.verify_message, 200)}"
    if isinstance(error, ssl.SSLError) and error.reason:
        if error.reason.endswith("ALERT_CERTIFICATE_REQUIRED"):
            return WANTS_CERTIFICATE
        return safe_text(error.reason.replace("_", " ").lower(), 200)
    text = str(error.args[-1] if error.args else error)
    return safe_text(CODES.sub("", text), 200)
