"""The certificates that a proxy's settings name, read and checked before anything changes."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from chaostui.errors import Problem, SettingsError
from chaostui.protocol import Protocol
from chaostui.safe_text import safe_text
from chaostui.settings import Address, ProxySettings

LARGEST = 1 << 20
"""Bytes that a PEM file may have."""
CERTIFICATE, KEY = b"CERTIFICATE-----", b"PRIVATE KEY-----"
CODES = re.compile(r"\A\[[^\]]*\] | \(_ssl\.c:\d+\)\Z")
"""What Python's ssl module puts around a message."""
FIELDS = ("tls", "tls_cert", "tls_key", "backend_tls", "backend_tls_ca")
NEEDS_TERMINATE = 'is for tls = "terminate" only'


class Contexts(NamedTuple):
    """How the two sides of a proxy that ends TLS speak it."""

    client: ssl.SSLContext
    backend: ssl.SSLContext | None
    """None: the backend is spoken to in plain text."""
    name: str | None
    """What the backend is called in its certificate, and by SNI."""


def contexts(settings: ProxySettings, protocol: type[Protocol]) -> Contexts | None:
    """What ``settings`` ask for; None where TLS does not end here. Raises SettingsError."""
    values = {field: getattr(settings, field) for field in FIELDS}
    found, problems = read(values, settings.backend, protocol)
    if problems:
        raise SettingsError(*problems)
    return found


def read(
    values: Mapping[str, str], backend: Address, protocol: type[Protocol]
) -> tuple[Contexts | None, list[Problem]]:
    """Read what ``values``, by the names of settings, ask for, and what is wrong with it."""
    problems = list(_nonsense(values, protocol))
    if problems or values.get("tls") != "terminate":
        return None, problems
    try:
        client = _client(values, protocol)
        verifies = values.get("backend_tls") == "verify"
        context = None
        if values.get("backend_tls", "off") != "off":
            context = _backend(values.get("backend_tls_ca", ""), protocol, verifies=verifies)
        return Contexts(client, context, _name(backend, context)), []
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
    elif not values.get("tls_cert"):
        yield Problem("tls", 'tls = "terminate" needs a certificate: say it in tls_cert')
    elif values.get("backend_tls_ca") and values.get("backend_tls") != "verify":
        yield Problem("backend_tls_ca", 'is for backend_tls = "verify" only')


def _client(values: Mapping[str, str], protocol: type[Protocol]) -> ssl.SSLContext:
    """The server's part of TLS, which clients meet."""
    certificate = values["tls_cert"]
    key = values.get("tls_key") or certificate
    place = "tls_key" if values.get("tls_key") else "tls_cert"
    _pem("tls_cert", certificate, CERTIFICATE, "certificate")
    _pem(place, key, KEY, "private key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A client that closes with tickets unread resets the connection, and loses what it sent.
    context.num_tickets = 0
    if protocol.alpn:
        context.set_alpn_protocols(protocol.alpn)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        what = f"cannot be used: {words(error)}"
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            what = f"is not the key of the certificate in {safe_text(certificate)}"
        raise SettingsError(Problem(place, f"{safe_text(key)}: {what}")) from None
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is no password for it")


def _backend(ca: str, protocol: type[Protocol], *, verifies: bool) -> ssl.SSLContext:
    """The client's part of TLS, which backends meet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options |= ssl.OP_NO_RENEGOTIATION
    if protocol.alpn:
        context.set_alpn_protocols(protocol.alpn)
    if not verifies:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not ca:
        context.load_default_certs()
    else:
        _pem("backend_tls_ca", ca, CERTIFICATE, "certificate")
        try:
            context.load_verify_locations(ca)
        except (ssl.SSLError, OSError) as error:
            what = f"{safe_text(ca)}: cannot be used: {words(error)}"
            raise SettingsError(Problem("backend_tls_ca", what)) from None
    return context


def _name(backend: Address, context: ssl.SSLContext | None) -> str | None:
    """The name by which a backend is asked for, if it can be."""
    if context is None:
        return None
    if backend.path:
        context.check_hostname = False  # a Unix socket has no name; who signed is still checked
        return None
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=backend.host)
    except ValueError as error:
        what = f"{safe_text(backend.host)} is no name that TLS can ask for: {error}"
        raise SettingsError(Problem("backend", what)) from None
    return backend.host


def _pem(place: str, file: str, kind: bytes, what: str) -> None:
    """Say what is wrong with a PEM file; its contents are never told."""
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


def words(error: Exception) -> str:
    """An error of the ssl module in words, fit to be shown."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {safe_text(error.verify_message, 200)}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return safe_text(error.reason.replace("_", " ").lower(), 200)
    text = str(error.args[-1] if error.args else error)
    return safe_text(CODES.sub("", text), 200)
