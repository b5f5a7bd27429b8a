"""Settings to TOML text; a file that is there keeps its comments and its layout."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import tomlkit
from msgspec import Struct, structs
from tomlkit.container import Container
from tomlkit.items import AoT, Item, Table

from chaostui import registry
from chaostui.errors import Problem, SettingsError
from chaostui.options import default
from chaostui.profiles.text import draft, read_text
from chaostui.safe_text import safe_text
from chaostui.settings import ChainEntry, Profile, Text, composed

HIDDEN = re.compile(r"[^ -~\n\t]")

_Table = Container | Table


def dumps(profile: Profile) -> str:
    """A new file's text, without what is at its default."""
    document = tomlkit.document()
    for key, value in plain(profile).items():
        document.add(key, _item(value))
    return HIDDEN.sub(_escape, tomlkit.dumps(document).lstrip("\n"))


def _escape(found: re.Match[str]) -> str:
    """Spell a character for TOML, unless it is harmless wherever the text is shown."""
    character = found[0]
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def change(file: str, profile: Profile) -> None:
    """Change in a file what differs between it and ``profile``, and nothing else."""
    if not Path(file).exists():
        _replace(file, dumps(profile))
        return
    before = draft(file)
    if not before.toml:
        what = "Vaurien's files are read only; `chaostui convert` makes a profile of one"
        raise SettingsError(Problem(safe_text(file), what))
    document = tomlkit.parse(read_text(file))
    was, is_now = plain(before.build()), plain(profile)
    if was != is_now:
        _apply(document, was, is_now)
        _replace(file, tomlkit.dumps(document).rstrip("\n") + "\n")


def plain(settings: Struct) -> dict[str, Any]:
    """A struct as a profile spells it, without what is at its default."""
    found: dict[str, Any] = {}
    for field in structs.fields(settings):
        value = getattr(settings, field.name)
        if field.required or value != default(field):
            found[field.name] = _spell(value)
    if isinstance(settings, ChainEntry):
        options = found.pop("options", {})
        # An option that is named like one of the entry's own keys stays apart.
        apart = {key: value for key, value in options.items() if key in settings.__struct_fields__}
        found |= {key: value for key, value in options.items() if key not in apart}
        if apart:
            found["options"] = apart
    return found


def _spell(value: Any) -> Any:
    match value:
        case Text():
            return str(value)
        case Struct():
            return plain(value)
        case Mapping():
            return {key: _spell(item) for key, item in value.items()}
        case list() | tuple():
            return [_spell(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _item(value: Any, *, inside: bool = False) -> Item:
    """A new TOML item: tables as tables, those inside an array inline."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table() if inside else tomlkit.table(_only_tables(value))
        for key, item in value.items():
            table.add(key, _item(item, inside=inside))
        return table
    if isinstance(value, list):
        return _items(value, inside=inside)
    plain_item: Item = tomlkit.item(value)
    return plain_item


def _only_tables(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(isinstance(item, Mapping) for item in value.values())


def _items(value: list[Any], *, inside: bool) -> Item:
    # Proxies are [[proxy]]; a chain is an array of inline tables.
    if value and all(isinstance(item, Mapping) and "listen" in item for item in value):
        tables = tomlkit.aot()
        for item in value:
            tables.append(_item(item, inside=inside))
        return tables
    array = tomlkit.array()
    for item in value:
        array.append(_item(item, inside=True))
    array.multiline(len(value) > 1 and isinstance(value[0], Mapping))
    return array


def _apply(table: _Table, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Turn ``before`` into ``after``; what is in neither stays as it is."""
    for name in before.keys() - after.keys():
        if (key := _key(table, name)) is not None:
            table.remove(key)
    # What is no table must stand before those that are.
    for name, value in sorted(after.items(), key=lambda item: isinstance(item[1], Mapping)):
        key = _key(table, name)
        if key is None:
            _add(table, name, _item(value))
        elif before.get(name) != value:
            _change(table, key, before.get(name), value)


def _add(table: _Table, name: str, item: Item) -> None:
    """Add a key after the last one, before the comments that lead to the next table."""
    body = table.body if isinstance(table, Container) else table.value.body
    end = len(body)
    while end and body[end - 1][0] is None and not isinstance(item, Table):
        end -= 1
    tail = body[end:]
    del body[end:]
    table.add(name, item)
    if isinstance(item, Table):
        item.add(tomlkit.nl())
    body.extend(tail)


def _change(table: _Table, key: str, before: Any, after: Any) -> None:
    old = table[key]
    if isinstance(old, AoT) and key == "proxy":
        _proxies(old, before, after)
    elif isinstance(old, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping):
        _apply(cast("_Table", old), before, after)
    else:
        table[key] = _item(after, inside=isinstance(after, list))


def _proxies(tables: AoT, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Change, remove and add proxies; they are the same where their names are."""
    was = {proxy["name"]: proxy for proxy in before}
    is_now = {proxy["name"]: proxy for proxy in after}
    for index in reversed(range(len(tables))):
        name = composed(str(tables[index]["name"]))
        if name in is_now:
            _apply(tables[index], was[name], is_now[name])
        else:
            del tables[index]
    for name, proxy in is_now.items():
        if name not in was:
            tables.append(_item(proxy))
            tables[-1].add(tomlkit.nl())


def _key(table: _Table, name: str) -> str | None:
    """The key in the file that says ``name``: itself, or a handler's alias."""
    if name in table:
        return name
    kind = registry.builtin().handlers.get(name)
    aliases = kind.aliases if kind else ()
    return next((alias for alias in aliases if alias in table), None)


def _replace(file: str, text: str) -> None:
    """Put a whole new file in the old one's place, with its mode; never half a file."""
    target = Path(os.path.realpath(file))
    draft_file = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
        draft_file.write_text(text, "utf-8")
        draft_file.chmod(mode)
        draft_file.replace(target)
    except OSError as error:
        draft_file.unlink(missing_ok=True)
        raise SettingsError(
            Problem(safe_text(file), f"cannot be written: {error.strerror}")
        ) from None
