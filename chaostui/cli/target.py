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
UNIX = "unix:"


def client(api: str | None, token_file: str | None, actor: str = "ctl") -> Client:
    """A client of the engine that ``endpoint`` finds; ``token_file`` holds its API's token."""
    found = endpoint(api)
    given = token(token_file)
    if found.startswith(UNIX):
        return Client(unix=found.removeprefix(UNIX), token=given, actor=actor)
    url = urlsplit(found)
    return Client(url.hostname or "", url.port or 0, url.scheme, token=given, actor=actor)


def endpoint(api: str | None) -> str:
    """Where the engine answers: ``unix:/path`` or ``http://host:port``.

    ``api`` is that, ``host:port`` or a socket's path. Without one it is that of the
    environment's CHAOSTUI_API, else this user's only engine, else localhost:8080. Raises
    click.UsageError where several engines run, SettingsError for what is no address.
    """
    address = api or os.environ.get(VARIABLE) or _only_engine()
    if address.startswith((UNIX, "/")):
        return UNIX + str(Path(address.removeprefix(UNIX)).absolute())
    scheme, found = _parse(address)
    return f"{scheme}://{found}"


def _parse(address: str) -> tuple[str, Address]:
    url = urlsplit(address) if "://" in address else None
    scheme = url.scheme if url else "http"
    if scheme not in ("http", "https"):
        what = f"{safe_text(address)!r} is not a URL, host:port or unix:/path"
        raise SettingsError(Problem("--api", what))
    try:
        default = 443 if scheme == "https" else DEFAULT_PORT
        return scheme, Address.parse(url.netloc if url else address, port=default)
    except ValueError as error:
        raise SettingsError(Problem("--api", str(error))) from None


def _only_engine() -> str:
    from chaostui.api.unix import running

    found = [str(path) for path in running()]
    if len(found) > 1:
        listed = ", ".join(f"--api {path}" for path in found)
        raise click.UsageError(f"{len(found)} engines run here; say which: {listed}")
    return UNIX + found[0] if found else f"localhost:{DEFAULT_PORT}"


def token(file: str | None) -> str | None:
    """The token that a file holds. Raises SettingsError when it cannot be read."""
    if file is None:
        return None
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        what = (error.strerror if isinstance(error, OSError) else "") or "not ASCII"
        raise SettingsError(Problem("--token-file", f"{safe_text(file)}: {what}")) from None
