"""Who may ask: no web page, no name that was rebound, nobody without the token.

A browser can be made to send requests to this machine, so the Host must be one of ours (DNS
rebinding), an Origin must be our own (cross-site requests), and what looks like a browser is
turned away as Toxiproxy does, which is a courtesy to its clients and no defence.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
from pathlib import Path
from typing import NamedTuple

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from chaostui.api.routes import json
from chaostui.errors import Problem, SettingsError
from chaostui.safe_text import safe_text
from chaostui.settings import ControlSettings

logger = logging.getLogger(__name__)

TOKEN_VARIABLE = "CHAOSTUI_TOKEN"  # noqa: S105 - the name of a variable
MIN_TOKEN = 22
"""Characters: 128 bits in base64."""

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


PRIVATE = (".local", ".internal")
"""Ends of names that no public name server has (RFC 6762, 3; ICANN 2024-07-29): a page cannot
have been fetched from such a host and then be rebound to this machine."""


def is_private(host: str) -> bool:
    """Whether a Host is no name of the world's: an IP address, ``toxiproxy``, ``x.local``."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(PRIVATE))
    return True


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    message: str


class Rules(msgspec.Struct, frozen=True):
    """What a request must show; ``token`` None: no token is asked for."""

    hosts: frozenset[str] = frozenset()
    """Whom the owner lets in, as Host and as Origin, whatever the port."""
    token: bytes | None = None
    private: bool = False
    """Other hosts shall reach it, which call it by names of their network."""
    bound: str = ""
    """The address of the API: a Host, but no Origin, since other servers' pages may have it."""

    def check(
        self,
        headers: list[tuple[bytes, bytes]],
        *,
        method: str = "GET",
        version: str = "1.1",
        target: bytes = b"",
        local: str = "",
    ) -> Refusal | None:
        """Judge a request; None lets it in.

        ``target`` is the authority of an absolute request target, ``local`` the address
        that the connection came in on.
        """
        named: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            named.setdefault(name, []).append(value)
        return (
            self._host(named.get(b"host", []), version, target, local)
            or self._browser(named)
            or self._method(method)
            or self._token(named.get(b"authorization", []))
        )

    def _host(self, values: list[bytes], version: str, target: bytes, local: str) -> Refusal | None:
        if len(values) > 1 or (not values and version != "1.0"):
            return Refusal(400, "exactly one Host header is wanted")
        for value in (*values, *filter(None, (target,))):
            host = host_of(value)
            if not host:
                return Refusal(400, "the Host header is no host name")
            if host in LOCAL_HOSTS | self.hosts or host in (local, self.bound):
                continue
            if not (self.private and is_private(host)):
                shown = safe_text(host, 100)
                return Refusal(403, f"host not allowed: {shown} (use --api-allow-host)")
        return None

    def _browser(self, named: dict[bytes, list[bytes]]) -> Refusal | None:
        hosts = named.get(b"host", [])
        for origin in named.get(b"origin", []):
            scheme, _, authority = origin.partition(b"://")
            if scheme not in (b"http", b"https") or not (
                authority in hosts or host_of(authority) in self.hosts
            ):
                return Refusal(403, "origin not allowed")
        if any(site in (b"cross-site", b"same-site") for site in named.get(b"sec-fetch-site", [])):
            return Refusal(403, "cross-site request not allowed")
        if any(agent.startswith(b"Mozilla/") for agent in named.get(b"user-agent", [])):
            return Refusal(403, "User agent not allowed")
        return None

    @staticmethod
    def _method(method: str) -> Refusal | None:
        return Refusal(405, "OPTIONS is not allowed") if method == "OPTIONS" else None

    def _token(self, values: list[bytes]) -> Refusal | None:
        if self.token is None:
            return None
        scheme, _, given = (values[0] if len(values) == 1 else b"").partition(b" ")
        # Compared even where the scheme is wrong, so that time says nothing.
        same = hmac.compare_digest(given.strip(), self.token)
        if same and scheme.lower() == b"bearer":
            return None
        return Refusal(401, "a token is wanted: Authorization: Bearer …")


def host_of(authority: bytes) -> str:
    """The host of ``host:port`` in lower case, or ``""`` where it is none."""
    text = authority.decode("latin-1").lower()
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        host, port = host + bracket, port.removeprefix(":") if port[:1] in ("", ":") else "?"
    else:
        host, _, port = text.partition(":")
    sound = host.isascii() and host.isprintable() and not set(host) & set(" @/\\?#,")
    return host if sound and (not port or port.isdigit()) else ""


def read_token(settings: ControlSettings) -> bytes | None:
    """The token of ``token_file``, else of the environment's CHAOSTUI_TOKEN, if there is one.

    Raises SettingsError for a file that cannot be read and for a token under 128 bits.
    """
    place = "control.token_file"
    if settings.token_file:
        try:
            text = Path(settings.token_file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            what = error.strerror if isinstance(error, OSError) else "not ASCII"
            raise SettingsError(Problem(place, f"{settings.token_file}: {what}")) from None
    else:
        place, text = TOKEN_VARIABLE, os.environ.get(TOKEN_VARIABLE, "")
        if not text:
            return None
    if len(text) < MIN_TOKEN or not text.isprintable() or " " in text:
        raise SettingsError(Problem(place, f"a token has at least {MIN_TOKEN} characters"))
    return text.encode()


def rules(settings: ControlSettings) -> Rules:
    """What requests over TCP must show.

    Raises SettingsError where others could reach the API and no token keeps them out.
    """
    token = None if settings.no_auth else read_token(settings)
    listen = settings.listen
    if listen is not None and not listen.loopback and token is None and not settings.no_auth:
        raise SettingsError(
            Problem(
                "control.listen",
                f"{listen} can be reached from other hosts: give a token with "
                "--api-token-file, or say --api-no-auth",
            )
        )
    bound = "" if listen is None else listen.host.lower()
    return Rules(
        hosts=frozenset(host.lower() for host in settings.allow_host),
        token=token,
        private=listen is not None and not listen.loopback,
        bound=f"[{bound}]" if ":" in bound else bound,
    )


class Guard:
    """ASGI middleware that holds every request against the rules."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or refuse it."""
        server = scope["server"][0] if scope.get("server") else ""
        refusal = self.rules.check(
            scope["headers"],
            method=scope["method"],
            version=scope["http_version"],
            target=scope["state"].get("authority", b""),
            local=f"[{server}]" if ":" in server else server,
        )
        if refusal is None:
            await self.app(scope, receive, send)
            return
        line = safe_text(f"{scope['method']} {scope['path']}: {refusal.message}", 300)
        logger.warning("refused %s %s", scope["client"][0] if scope.get("client") else "", line)
        response = json({"error": refusal.message, "status": refusal.status}, refusal.status)
        if refusal.status == 401:
            response.headers["www-authenticate"] = "Bearer"
        await response(scope, receive, send)
