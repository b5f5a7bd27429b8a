"""Toxiproxy's toxics and chain entries: each said in the other's words.

Toxiproxy counts in whole milliseconds, kilobytes and microseconds, and takes any number;
what an option's bounds do not allow acts as the nearest bound.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from chaostui import registry
from chaostui.errors import Conflict
from chaostui.options import fields as declared
from chaostui.profiles.go_json import Float32, fields
from chaostui.settings import ChainDirection, ChainEntry, name_of

Value = int | float


class Attribute(NamedTuple):
    """A toxic's attribute, the option that it sets, and the option's value for 1."""

    option: str
    scale: float = 1
    kind: type = int


class Kind(NamedTuple):
    """A type of toxic."""

    handler: str
    attributes: Mapping[str, Attribute] = {}


KINDS: dict[str, Kind] = {
    "latency": Kind(
        "delay", {"latency": Attribute("sleep", 0.001), "jitter": Attribute("jitter", 0.001)}
    ),
    "bandwidth": Kind("throttle", {"rate": Attribute("rate")}),
    "slow_close": Kind("slow_close", {"delay": Attribute("delay", 0.001)}),
    "timeout": Kind("timeout", {"timeout": Attribute("timeout", 0.001)}),
    "reset_peer": Kind("reset", {"timeout": Attribute("after", 0.001)}),
    "slicer": Kind(
        "slice",
        {
            "average_size": Attribute("size"),
            "size_variation": Attribute("variation"),
            "delay": Attribute("delay", 0.001),
        },
    ),
    "limit_data": Kind("truncate", {"bytes": Attribute("bytes")}),
    "noop": Kind("normal"),
    "packet_loss": Kind(
        "loss",
        {
            "loss_rate": Attribute("rate", 100, float),
            "correlation": Attribute("burst", 100, float),
        },
    ),
}

BY_HANDLER = {kind.handler: type_ for type_, kind in KINDS.items()}

INVALID_STREAM = "stream was invalid, can be either upstream or downstream"
INVALID_TYPE = "invalid toxic type"

_FIELDS: dict[str, type] = {
    "name": str, "type": str, "stream": str, "toxicity": Float32, "attributes": object,
}  # fmt: skip


class Toxic(msgspec.Struct, frozen=True, kw_only=True):
    """A toxic as Toxiproxy's clients know it, its attributes in their own units."""

    type: str
    stream: str
    name: str
    toxicity: Float32
    attributes: dict[str, Value]

    def entry(self) -> ChainEntry:
        """The chain entry that does what the toxic says."""
        return ChainEntry(
            handler=KINDS[self.type].handler,
            name=self.name,
            direction=_direction(self.stream),
            probability=probability(self.toxicity),
            options=options(self.type, self.attributes),
        )

    def shape(self) -> dict[str, Any]:
        """What clients are shown, in Toxiproxy's order."""
        return {
            "attributes": self.attributes,
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }


def probability(toxicity: float) -> float:
    """A toxicity as a probability; Toxiproxy takes any number."""
    return min(max(float(str(Float32(toxicity))), 0.0), 1.0)


def _direction(stream: str) -> ChainDirection:
    return "upstream" if stream.lower() == "upstream" else "downstream"


def options(type_: str, attributes: Mapping[str, Value]) -> dict[str, Any]:
    """The options that ``attributes`` set."""
    kind = KINDS[type_]
    known = declared(registry.builtin().handlers[kind.handler].Options)
    found = {}
    for name, value in attributes.items():
        attribute = kind.attributes[name]
        field = known[attribute.option]
        low, high = field.option.minimum, field.option.maximum
        scaled = float(value * attribute.scale) if field.bare is float else value
        scaled = scaled if low is None else max(scaled, field.bare(low))
        found[attribute.option] = scaled if high is None else min(scaled, field.bare(high))
    return found


def attributes(type_: str, options: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes of a toxic whose handler has these options."""
    found = {}
    for name, attribute in KINDS[type_].attributes.items():
        value = options[attribute.option] / attribute.scale
        found[name] = round(value) if attribute.kind is int else round(value, 9)
    return found


def read_attributes(type_: str, given: Any, owner: str = ".attributes") -> dict[str, Value]:
    """Read the attributes that are given; unknown ones are left out. ValueError."""
    kinds = {name: attribute.kind for name, attribute in KINDS[type_].attributes.items()}
    return fields(given, kinds, owner)


def read_toxic(given: Any, taken: Collection[str] = ()) -> Toxic:
    """Read a toxic, what is absent at its default.

    Raises ValueError and, where the name is ``taken``, Conflict, with Toxiproxy's texts and in
    its order.
    """
    read = {"stream": "downstream", "toxicity": Float32(1), **_of_client(given)}
    if read["stream"].lower() not in ("upstream", "downstream"):
        raise ValueError(INVALID_STREAM)
    type_ = read.get("type", "")
    if type_ not in KINDS:
        raise ValueError(INVALID_TYPE)
    name = name_of(read.get("name") or f"{type_}_{read['stream']}")
    if name in taken:
        raise Conflict("toxic already exists")
    try:
        known = read_attributes(type_, read.get("attributes"))
    except ValueError as error:
        raise ValueError(f"bad request body: {error}") from None
    zeros = {name: attribute.kind() for name, attribute in KINDS[type_].attributes.items()}
    return Toxic(
        type=type_,
        stream=read["stream"],
        name=name,
        toxicity=read["toxicity"],
        attributes={**zeros, **known},
    )


def _of_client(given: Any) -> dict[str, Any]:
    try:
        return fields(given, _FIELDS, "toxics.ToxicWrapper")
    except ValueError as error:
        raise ValueError(f"bad request body: {error}") from None
