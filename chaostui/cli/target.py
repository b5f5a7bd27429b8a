"""Which running engine a command means."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from chaostui.client import Client
from chaostui.errors import Problem, SettingsError
from chaostui.safe_text import safe_text
from chaostui.settings import Address

VARIABLE = "CHAOSTUI_API"
DEFAULT_PORT = 8080


def client(api: str | None, token_file: str | None, actor: str = "ctl") -> Client:
    """A client of the engine at ``api``: a URL, ``host:port``, ``unix:/path`` or a socket's path.

    Without one: that of the environment's CHAOSTUI_API, else this user's only engine, else
    localhost:8080. Raises click.UsageError where several engines run.
    """
    address = api or os.environ.get(VARIABLE) or _only_engine()
    token = _token(token_file)
    if address.startswith(("unix:", "/")):
        return Client(unix=address.removeprefix("unix:"), token=token, actor=actor)
    scheme, host, port = _parse(address)
    return Client(host, port, scheme, token=token, actor=actor)


def _parse(address: str) -> tuple[str, str, int]:
    url = urlsplit(address) if "://" in address else None
    try:
        default = {"https": 443}.get(url.scheme, DEFAULT_PORT) if url else DEFAULT_PORT
        found = Address.parse(url.netloc if url else address, port=default)
    except ValueError as error:
        raise SettingsError(Problem("--api", str(error))) from None
    scheme = url.scheme if url else "http"
    if scheme not in ("http", "https") or found.path:
        what = f"{safe_text(address)!r} is not a URL, host:port or unix:/path"
        raise SettingsError(Problem("--api", what))
    return scheme, found.host, found.port


def _only_engine() -> str:
    from chaostui.api.unix import running

    found = [str(path) for path in running()]
    if len(found) > 1:
        listed = ", ".join(f"--api {path}" for path in found)
        raise click.UsageError(f"{len(found)} engines run here; say which: {listed}")
    return f"unix:{found[0]}" if found else f"localhost:{DEFAULT_PORT}"


def _token(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        what = (error.strerror if isinstance(error, OSError) else "") or "not ASCII"
        raise SettingsError(Problem("--token-file", f"{safe_text(file)}: {what}")) from None
