"""A request of the control API, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from chaostui.client.address import refusal
from chaostui.errors import EngineRefused

T = TypeVar("T")

API = "/api/v1"


class Dropped(msgspec.Struct, frozen=True):
    """Events that were lost between two others: the reader was too slow."""

    dropped: int


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request, and the type of its answer (None: nothing is answered)."""

    method: str
    path: str
    answer: type[T]
    body: Any = None
    vaurien: bool = False
    member: str = ""
    """The one member of the answer that is wanted; empty: all of it."""

    def read(self, status: int, raw: bytes) -> T:
        """Read the answer.

        Raises EngineRefused, or ValueError where Vaurien's client raises it: what was asked of
        one of its routes makes no sense.
        """
        if status >= 300:
            error = refusal(status, raw)
            if self.vaurien and status == 400:
                raise ValueError(str(error))
            raise error
        if self.answer is type(None) or status == 204:
            return None  # type: ignore[return-value]
        if self.answer is str:
            return raw.decode("utf-8", "replace")  # type: ignore[return-value]
        try:
            found = msgspec.json.decode(raw, type=self.answer)
            return getattr(found, self.member) if self.member else found
        except msgspec.MsgspecError as error:
            raise EngineRefused(f"this is no engine's answer: {error}", status) from None


def member(ask: Ask[Any], name: str) -> Ask[Any]:
    """The same request where one member of its answer is what is wanted."""
    return replace(ask, member=name)


def proxy_path(name: str | None, rest: str = "") -> str:
    """The path of a proxy; None: the first one."""
    return f"{API}/proxies/{'-' if name is None else part(name)}{rest}"


def part(name: str | int) -> str:
    """A name as a part of a path, slashes and all."""
    return quote(str(name), safe="")


def query(path: str, **parameters: Any) -> str:
    """A path with those parameters that are not None."""
    wanted = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(wanted)}" if wanted else path


def given(**values: Any) -> dict[str, Any]:
    """What was given of optional keys."""
    return {name: value for name, value in values.items() if value is not None}
