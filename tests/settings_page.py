"""docs/settings.md: every key of a profile, from the one declaration that is enforced.

``python -m tests.settings_page`` writes its tables anew.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from chaostui.cli.catalogue import default, values
from chaostui.options import Field, fields
from chaostui.settings import (
    ChainEntry,
    ControlSettings,
    Profile,
    ProxySettings,
    StatsdSettings,
    Text,
)

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

TABLES: dict[str, type[Struct]] = {
    "profile": Profile,
    "proxy": ProxySettings,
    "chain": ChainEntry,
    "control": ControlSettings,
    "statsd": StatsdSettings,
}


def table(kind: type[Struct]) -> str:
    """The settings of one kind of table in Markdown."""
    lines = ["| key | takes | default | what it is |", "|---|---|---|---|"]
    lines += [row(name, field) for name, field in fields(kind).items()]
    return "\n".join(lines)


def row(name: str, field: Field) -> str:
    """One setting: what it takes, with bounds and unit, its default, and its help."""
    option = field.option
    above = f"over {field.above}" if field.above is not None else ""
    takes = values(option).replace(" | ", ", ").replace("object", "table")
    if above:
        high = "" if option.maximum is None else f" up to {option.maximum}"
        takes = f"{above}{high} {option.unit}".strip()
    shown = "required" if field.required else standard(option.default) or default(option)
    return f"| `{name}` | {takes} | {shown} | {option.help} |"


def standard(value: object) -> str:
    """A default that is text or a table, as a profile shows it; empty for a number."""
    if isinstance(value, Text | dict | tuple | Struct):
        return (f"`{value}`" if isinstance(value, Text) and str(value) else "") or "–"
    return f"`{value}`" if isinstance(value, str) and value else ""


def written(text: str) -> str:
    """The page with its tables made anew."""
    for name, kind in TABLES.items():
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        _, tail, rest = rest.partition(f"<!-- /{name} -->")
        text = f"{head}<!-- {name} -->\n{table(kind)}\n{tail}{rest}"
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
