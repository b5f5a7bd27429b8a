"""A handler's settings as a form: fields with units and bounds, made from its options."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chaostui import quantity
from chaostui.handler import Limits
from chaostui.tui.model import figures

COMMON = Limits.__struct_fields__
"""Options every handler has; the form shows them last."""


class FieldError(ValueError):
    """A value that a field cannot take; the text says which it can."""


@dataclass(frozen=True)
class Field:
    """One option of a handler as the catalogue describes it."""

    name: str
    type: str = "string"
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    help: str = ""

    @property
    def kind(self) -> str:
        """``choice``, ``bool``, ``int``, ``float``, ``table`` or ``text``."""
        if self.choices:
            return "choice"
        for kind, names in _KINDS.items():
            if self.type in names:
                return kind
        return "text"

    def show(self, value: object) -> str:
        """A value with its unit."""
        if value is None:
            return "any" if self.kind == "table" else "default"
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{n} = {json.dumps(v)}" for n, v in value.items()) + " }"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value == 0 and "(0: no " in self.help:
            return figures.NONE
        if isinstance(value, (int, float)):
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            return f"{text} {self.unit}".rstrip()
        return str(value) if value != "" else figures.NONE

    def bounds(self) -> str:
        """What the field takes, in words: ``0 to 100 s``, ``constant, uniform``."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind == "table":
            return 'a table such as { command = "GET" }, or any'
        if self.kind == "bool":
            return "yes, no"
        low, high = self.minimum, self.maximum
        if low is None and high is None:
            return ""
        unit = f" {self.unit}" if self.unit else ""
        if high is None:
            return f"from {low:g}{unit}"
        return f"{low:g} to {high:g}{unit}" if low is not None else f"up to {high:g}{unit}"

    def read(self, text: str) -> Any:
        """Read a typed value. Raises FieldError, which says what the field takes."""
        text = text.strip()
        if text in (figures.NONE, "-", "no limit") and "(0: no " in self.help:
            return 0 if self.kind == "int" else 0.0
        if text in ("default", "none", "any"):
            return None
        try:
            value = self._read(text)
        except ValueError as error:
            raise FieldError(f"{self.name}: {error}") from None
        if isinstance(value, (int, float)) and self._clamp(value) != value:
            raise FieldError(f"{self.name} is {self.bounds()}")
        return value

    def _read(self, text: str) -> Any:
        match self.kind:
            case "choice":
                found = [choice for choice in self.choices if choice.startswith(text)]
                if text in self.choices or len(found) == 1:
                    return text if text in self.choices else found[0]
                raise ValueError(f"one of {self.bounds()}")
            case "bool":
                if text.lower() not in _TRUTH:
                    raise ValueError("yes or no")
                return _TRUTH[text.lower()]
            case "table":
                return self._table(text)
            case "int":
                return round(self._number(text))
            case "float":
                return self._number(text)
        return text

    def _table(self, text: str) -> dict[str, Any]:
        try:
            table = tomllib.loads(f"it = {text if text.startswith('{') else '{' + text + '}'}")[
                "it"
            ]
        except tomllib.TOMLDecodeError:
            raise ValueError(self.bounds()) from None
        return dict(table)

    def _number(self, text: str) -> float:
        return quantity.read(text, self.unit)

    def step(self, value: Any, direction: int, *, large: bool = False) -> Any:
        """The next value up (1) or down (-1): next choice, other truth, or a fitting step."""
        match self.kind:
            case "choice":
                at = self.choices.index(value) if value in self.choices else 0
                return self.choices[(at + direction) % len(self.choices)]
            case "bool":
                return not value
            case "int" | "float":
                return self._stepped(value or 0, direction, large)
        return value

    def _stepped(self, value: float, direction: int, large: bool) -> float:
        # Going down from 1.0 continues in steps of 0.01, not of 0.1 past zero.
        basis = abs(value) * (0.999 if direction < 0 else 1)
        small = 10.0 ** (math.floor(math.log10(basis)) - 1) if basis > 1e-6 else self._first()
        step = small * (10 if large else 1)
        if self.kind == "int":
            step = max(1.0, round(step))
        elif self.maximum is not None and self.maximum <= 1:
            step = 0.1 if large else 0.01
        stepped = self._clamp(round(value + direction * step, 9))
        return round(stepped) if self.kind == "int" else float(stepped)

    def _first(self) -> float:
        return 0.01 if self.unit == "s" else 1.0

    def _clamp(self, value: float) -> float:
        low = self.minimum if self.minimum is not None else -math.inf
        high = self.maximum if self.maximum is not None else math.inf
        return min(max(value, low), high)


_KINDS = {
    "bool": ("boolean", "bool"),
    "int": ("integer", "int"),
    "float": ("number", "float"),
    "table": ("object",),
}
_TRUTH = {"yes": True, "y": True, "true": True, "on": True, "1": True}
_TRUTH |= {"no": False, "n": False, "false": False, "off": False, "0": False}


def fields(catalogue: Iterable[Mapping[str, Any]]) -> tuple[Field, ...]:
    """The fields of a handler, its own first and those that every handler has last."""
    made = [
        Field(
            name=str(option["name"]),
            type=str(option.get("type", "string")),
            unit=str(option.get("unit") or ""),
            minimum=option.get("minimum"),
            maximum=option.get("maximum"),
            choices=tuple(map(str, option.get("choices") or ())),
            default=option.get("default"),
            help=str(option.get("help") or ""),
        )
        for option in catalogue
    ]
    return tuple(sorted(made, key=lambda field: field.name in COMMON))
