"""Where an engine answers, and what goes into every request."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chaostui.errors import EngineRefused, EngineUnreachable
from chaostui.safe_text import safe_text
from chaostui.settings import encode

TOKEN_VARIABLE = "CHAOSTUI_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Address:
    """One engine: a host and port, or a Unix socket; who asks, and with which token."""

    host: str = "localhost"
    port: int = 8080
    scheme: str = "http"
    unix: str = ""
    token: str = field(default="", repr=False)
    actor: str = ""

    def __post_init__(self) -> None:
        if self.scheme not in ("http", "https"):
            raise ValueError(f"scheme is http or https, not {self.scheme!r}")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.unix}" if self.unix else f"{self.scheme}://{host}:{self.port}"

    def headers(self, body: bytes | None, media: str = "application/json") -> dict[str, str]:
        """The headers of a request beside Host and lengths."""
        headers = {"Accept": media}
        token = self.token or os.environ.get(TOKEN_VARIABLE, "")
        if token and not self.unix:
            headers["Authorization"] = f"Bearer {token}"
        if self.actor:
            headers["Chaos-Actor"] = self.actor
        if body is not None:
            headers["Content-Type"] = "application/json"
        return headers

    def unreachable(self, error: BaseException) -> EngineUnreachable:
        """The one line about an engine that does not answer."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        said = f"no engine answers at {self}: {safe_text(reason or type(error).__name__)}"
        return EngineUnreachable(said)


def written(body: Any) -> bytes | None:
    """A request's body: JSON, bytes as they are, or none.

    Raises ValueError, by name, for NaN and infinity, which JSON has no words for: written as
    null they would ask for something else.
    """
    if body is None or isinstance(body, bytes):
        return body
    for name, value in _numbers(body):
        if not math.isfinite(value):
            raise ValueError(f"{name}: {value} is not a finite number")
    return msgspec.json.encode(body, enc_hook=encode)


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a body and what it is called there."""
    if isinstance(value, float):
        yield name or "value", value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _numbers(inner, f"{name}[{number}]")


def refusal(status: int, raw: bytes) -> EngineRefused:
    """The error that an answer tells, in the native shape or in Vaurien's."""
    try:
        said = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        said = {}
    message = ""
    if isinstance(said, Mapping):
        message = str(said.get("error") or "")
        errors = said.get("errors")
        if isinstance(errors, list):
            message = "; ".join(str(one.get("description")) for one in errors)
    message = safe_text(message, 2000) or f"the engine answered with status {status}"
    return EngineRefused(message, status)
