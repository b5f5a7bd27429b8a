"""A certificate authority that lives as long as the process: whoever trusts it trusts nobody else.

It signs for whatever name a client asks for, so that TLS can end here without a certificate of
the user's. Its key is never written anywhere.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

NAME = "chaostui (made for this run)"
VALID = timedelta(days=365)
SKEW = timedelta(days=1)
"""How far a peer's clock may be behind ours."""
MOST_NAMES = 100
"""Names that clients asked for whose certificates are kept."""

_lock = threading.Lock()


class Authority:
    """Signs certificates of servers (RFC 5280), with one key on P-256 for all of them."""

    def __init__(self) -> None:
        # 90 ms, which only those pay who need it.
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key = ec.generate_private_key(ec.SECP256R1())
        self._servers = ec.generate_private_key(ec.SECP256R1())
        self._private = self._servers.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
        self._own_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.pem = self._sign(None).decode()
        """Its own certificate, which clients that check can be told to trust."""
        self.issue = functools.lru_cache(MOST_NAMES)(self._issue)

    def _issue(self, names: tuple[str, ...]) -> tuple[bytes, bytes]:
        """A certificate for ``names``, host names or IP addresses, and its private key, as PEM.

        The last ``MOST_NAMES`` are kept (``issue``). Raises ValueError for what is no name.
        """
        return self._sign(names), self._private

    def _sign(self, names: tuple[str, ...] | None) -> bytes:
        """A certificate for ``names``, or its own."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509.oid import ExtendedKeyUsageOID

        authority, now = names is None, datetime.now(UTC)
        key = self._key if authority else self._servers
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._name if authority else x509.Name([]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + VALID)
            .add_extension(x509.BasicConstraints(authority, 0 if authority else None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        if names is None:
            builder = builder.add_extension(_usage(sign_certificates=True), True)
        else:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._own_id)
            server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = (
                builder.add_extension(issuer, False)
                .add_extension(_usage(sign_certificates=False), True)
                .add_extension(server, False)
                .add_extension(x509.SubjectAlternativeName(map(_general, names)), True)
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@functools.cache
def _made() -> Authority:
    return Authority()


def authority() -> Authority:
    """The process's own, made when it is first asked for: 0.1 s then."""
    with _lock:
        return _made()


async def prepare(tls: str, certificate: str) -> None:
    """Make it aside, where settings like these are about to need it: traffic goes on meanwhile."""
    if tls == "terminate" and not certificate and not _made.cache_info().currsize:
        await asyncio.to_thread(authority)


def names(hosts: Iterable[str]) -> tuple[str, ...]:
    """What a server is called whose clients use ``localhost`` or one of ``hosts``.

    Addresses that stand for all of a machine's, and what a certificate cannot hold, are left out.
    """
    found = dict.fromkeys(("localhost", "127.0.0.1", "::1"))
    for host in hosts:
        if host and host.isascii() and host not in ("0.0.0.0", "::", "*") and "%" not in host:
            found[host] = None
    return tuple(found)
