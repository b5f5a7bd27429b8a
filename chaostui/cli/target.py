"""Which running engine a command means."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

from chaostui.cli import engines
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


def endpoint(api: str | None, ask: Callable[[list[str]], int] | None = None) -> str:
    """Where the engine answers: ``unix:/path`` or ``http://host:port``.

    ``api`` is that, ``host:port``, a socket's path, or the number, process id or name of an
    engine as ``chaostui engines`` lists them. Without one it is that of the environment's
    CHAOSTUI_API, else this user's only engine, else localhost:8080. ``ask`` asks which one where
    several run. Raises click.UsageError where that is open, SettingsError for what is no address.
    """
    address = api or os.environ.get(VARIABLE) or _only_engine(ask)
    if ":" not in address and "/" not in address:
        address = _numbered(address)
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


def _only_engine(ask: Callable[[list[str]], int] | None) -> str:
    from chaostui.api.unix import running

    found = running()
    if len(found) > 1:
        return UNIX + str(_one_of_several(ask))
    return f"{UNIX}{found[0]}" if found else f"localhost:{DEFAULT_PORT}"


def _one_of_several(ask: Callable[[list[str]], int] | None) -> Path:
    found = engines.running()
    if ask is not None:
        return found[ask(engines.listed(found)) - 1].path
    listed = "; ".join(f"{number} is {each.described}" for number, each in enumerate(found, 1))
    raise click.UsageError(f"{len(found)} engines run here; say which by --api NUMBER: {listed}")


def _numbered(word: str) -> str:
    """The socket of the engine that a number or a name means, else the word as a host."""
    found = engines.running()
    meant = engines.chosen(word, found)
    if meant is not None:
        return f"{UNIX}{meant.path}"
    if word.isdecimal():
        number = f"there are {len(found)}" if found else "none runs here"
        raise click.UsageError(f"no engine {word}: {number} (chaostui engines lists them)")
    return word


def token(file: str | None) -> str | None:
    """The token that a file holds. Raises SettingsError when it cannot be read."""
    if file is None:
        return None
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        what = (error.strerror if isinstance(error, OSError) else "") or "not ASCII"
        raise SettingsError(Problem("--token-file", f"{safe_text(file)}: {what}")) from None
