"""One call of Toxiproxy's API and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chaostui.engine.control.supervisor import Supervisor
from chaostui.profiles.go_json import dumps, fields, first_value

if TYPE_CHECKING:
    from chaostui.api.toxiproxy_state import State


@dataclass
class Answer:
    """Status, body and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """A request: the names in its path, its body, and who asks."""

    supervisor: Supervisor
    state: State
    names: Mapping[str, str]
    body: bytes
    actor: str

    def json(self) -> Any:
        """The first JSON value of the body. Refused, 400, in Go's words."""
        try:
            return first_value(self.body)
        except ValueError as error:
            raise bad_body(error) from None

    def fields(self, kinds: Mapping[str, type], owner: str) -> dict[str, Any]:
        """The fields of the body, an object. Refused, 400, in Go's words."""
        try:
            return fields(self.json(), kinds, owner)
        except ValueError as error:
            raise bad_body(error) from None


class Refused(Exception):
    """A call that is answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def answer(self) -> Answer:
        """The error as Toxiproxy says it: JSON whose type is plain text."""
        body = dumps({"error": self.text, "status": self.status})
        return failed(self.status, body.decode())


def bad_body(error: Exception) -> Refused:
    """What is wrong with a body."""
    return Refused(400, f"bad request body: {error}")


def failed(status: int, text: str) -> Answer:
    """An error as Go's http.Error sends it."""
    return Answer(
        status,
        f"{text}\n".encode(),
        {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
    )


def json(value: Any, status: int = 200) -> Answer:
    """A value as compact JSON."""
    return Answer(status, dumps(value), {"Content-Type": "application/json"})


def done() -> Answer:
    """Nothing more to say."""
    return Answer(204)
