"""What the README shows and the code knows: its tables and its examples.

``python -m tests.readme`` writes the tables anew.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from chaostui.handler import Limits
from chaostui.options import Option, describe
from chaostui.protocol import Kind
from chaostui.registry import HANDLERS, builtin
from chaostui.tui.actions import key_table
from tests.real.kinds import KINDS, USABLE

README = Path(__file__).parent.parent / "README.md"


def handler_table() -> str:
    """The built-in handlers with their own settings, and what an application sees of them."""
    lines = ["| handler | what happens | settings (default) |", "|---|---|---|"]
    for kind in HANDLERS:
        doc = importlib.import_module(kind.__module__).__doc__ or ""
        what = doc.strip().splitlines()[0].partition(": ")[2].rstrip(".")
        limits = {option.name for option in describe(Limits)}
        own = [option for option in describe(kind.Options) if option.name not in limits]
        names = ", ".join([f"`{kind.name}`", *(f"`{alias}`" for alias in kind.aliases)])
        lines.append(f"| {names} | {what} | {', '.join(map(setting, own)) or '–'} |")
    return "\n".join(lines)


def setting(option: Option) -> str:
    """An option's name with its default and unit."""
    default = option.default
    if isinstance(default, bool):
        default = str(default).lower()
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    unit = f" {option.unit}" if option.unit else ""
    return f"`{option.name}` ({shown}{unit})" if shown else f"`{option.name}`"


def protocol_table() -> str:
    """The kinds of errors, and what clients that were tested with each make of it."""
    lines = ["| protocol | `kind` | what it tells | what a client raises |", "|---|---|---|---|"]
    for protocol in dict.fromkeys(protocol for protocol, _ in KINDS):
        for kind in builtin().protocols[protocol].kinds:
            what = kind.help.replace("|", "\\|")
            name = f"**`{kind.name}`**" if kind.default else f"`{kind.name}`"
            lines.append(f"| {protocol} | {name} | {what} | {raised(protocol, kind)} |")
    return "\n".join(lines)


def raised(protocol: str, kind: Kind) -> str:
    """What each client of a protocol makes of a kind, and who closes the connection then."""
    tables = {client: table for (spoken, client), table in KINDS.items() if spoken == protocol}
    rows = {client: table[kind.name] for client, table in tables.items()}
    told = [f"{client} {row.raises}" for client, row in rows.items()]
    ends = {row.then for row in rows.values()} - {USABLE}
    return "; ".join([", ".join(told), *ends])


TABLES = {"handlers": handler_table, "keys": key_table, "protocols": protocol_table}


def between(name: str) -> re.Pattern[str]:
    """Finds the table of that name, with the marks around it."""
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


def table(name: str) -> str:
    """The table of that name, as the README has it."""
    found = between(name).search(README.read_text(encoding="utf-8"))
    return found[2].strip() if found else ""


def blocks(language: str) -> list[str]:
    """The README's examples in a language."""
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def block(language: str, word: str) -> str:
    """The one example in a language that contains a word."""
    [found] = [text for text in blocks(language) if word in text]
    return found


def write() -> None:
    """Write the tables into the README."""
    text = README.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        _, tail, rest = rest.partition(f"<!-- /{name} -->")
        text = f"{head}<!-- {name} -->\n{make().strip()}\n{tail}{rest}"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
