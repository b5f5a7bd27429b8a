"""Certificates of the tests' own, made once in a process: for ``localhost`` and 127.0.0.1."""

from __future__ import annotations

import atexit
import functools
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import trustme


class Files(NamedTuple):
    """Paths of PEM files."""

    ca: str
    """Who has signed ``cert``."""
    cert: str
    key: str
    both: str
    """Certificate and key in one file."""


def files(signer: str = "ours") -> Files:
    """A CA, and a certificate that it has signed; each ``signer`` is another CA."""
    return _made(signer)


@functools.cache
def _made(signer: str) -> Files:
    directory = Path(tempfile.mkdtemp(prefix="chaostui-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)
    ca = trustme.CA()
    made = ca.issue_cert("localhost", "127.0.0.1", "::1")
    found = Files(*(str(directory / f"{name}.pem") for name in Files._fields))
    ca.cert_pem.write_to_path(found.ca)
    made.cert_chain_pems[0].write_to_path(found.cert)
    made.private_key_pem.write_to_path(found.key)
    made.private_key_and_cert_chain_pem.write_to_path(found.both)
    return found


def server_context(signer: str = "ours") -> ssl.SSLContext:
    """What a server speaks TLS with."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files(signer).both)
    return context


def client_context(signer: str = "ours") -> ssl.SSLContext:
    """What a client speaks TLS with that trusts ``signer``."""
    return ssl.create_default_context(cafile=files(signer).ca)


def terminating(**more: str) -> dict[str, Any]:
    """The settings of a proxy that ends TLS."""
    return {"tls": "terminate", "tls_cert": files().both, **more}
