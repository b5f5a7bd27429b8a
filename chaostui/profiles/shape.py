"""From tables of anything to typed values: which keys there are, and of which type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from msgspec import Struct

from chaostui.options import Field, convert, fields, show, unknown
from chaostui.profiles.mistakes import Mistake, Path
from chaostui.settings import ChainEntry, Profile, ProxySettings

_MEANT = {
    "local": "listen",
    "distant": "backend",
    "upstream": "backend",
    "toxics": "chain",
    "proxies": "proxy",
    "handlers": "handler",
}
"""Words of Vaurien and Toxiproxy, and what they are called here."""

Values = dict[str, Any]


class Shape:
    """A profile's values as far as they could be read, and what was wrong with the rest."""

    def __init__(self, raw: Any) -> None:
        self.mistakes: list[Mistake] = []
        self.proxies: list[Values] = []
        self.top: Values = {}
        if not isinstance(raw, Mapping):
            self.mistakes.append(Mistake((), f"{show(raw)} is not a table"))
            return
        self.top = self._table(Profile, {k: v for k, v in raw.items() if k != "proxy"}, ())
        for path, item in self._items(raw.get("proxy", ()), ("proxy",)):
            self.proxies.append(self._table(ProxySettings, item, path))

    def note(self, path: Path, what: str) -> None:
        """Note a mistake in a value."""
        self.mistakes.append(Mistake(path, what))

    def _table(self, kind: type[Struct], raw: Any, path: Path) -> Values:
        """Read a table: the fields that are sound, by name."""
        if not isinstance(raw, Mapping):
            self.note(path, f"{show(raw)} is not a table")
            return {}
        known = fields(kind)
        values: Values = {}
        for key, value in raw.items():
            if key not in known:
                self._unknown(key, known, path)
            elif value is not None or known[key].option.default is not None:
                self._read(known[key], value, (*path, key), values)
        for name, field in known.items():
            if field.required and name not in raw:
                self.note(path, f"{name} is missing")
        return values

    def _unknown(self, key: str, known: Mapping[str, Field], path: Path) -> None:
        meant = _MEANT.get(key)
        what = f"no key {show(key)}; it is {meant!r} here" if meant in known else ""
        self.mistakes.append(Mistake((*path, key), what or unknown("key", key, known), "key"))

    def _read(self, field: Field, value: Any, path: Path, into: Values) -> None:
        before = len(self.mistakes)
        result = self._value(field, value, path)
        # A chain is kept with its unsound entries, so that their options are looked at too.
        if len(self.mistakes) == before or field.option.name == "chain":
            into[field.option.name] = result

    def _value(self, field: Field, value: Any, path: Path) -> Any:
        bare = field.bare
        item = get_args(bare)[0] if get_origin(bare) is tuple else None
        if item is ChainEntry:
            return [self._entry(raw, place) for place, raw in self._items(value, path)]
        if isinstance(bare, type) and issubclass(bare, Struct):
            return self._struct(bare, value, path)
        if get_origin(bare) is dict:
            return self._tables(value, path, nested=get_origin(get_args(bare)[1]) is dict)
        try:
            return convert(field, value)
        except ValueError as error:
            self.note(path, str(error))

    def _struct(self, kind: type[Struct], raw: Any, path: Path) -> Struct | None:
        before = len(self.mistakes)
        values = self._table(kind, raw, path)
        return kind(**values) if len(self.mistakes) == before else None

    def _entry(self, raw: Any, path: Path) -> Values:
        """Read a chain entry, whose handler's options stand beside its own keys."""
        if not isinstance(raw, Mapping):
            self.note(path, f"{show(raw)} is not a table")
            return {}
        own = {key: value for key, value in raw.items() if key in fields(ChainEntry)}
        beside = {key: value for key, value in raw.items() if key not in own}
        options = own.get("options", {})
        if isinstance(options, Mapping):
            own["options"] = {**options, **beside}
        return self._table(ChainEntry, own, path)

    def _tables(self, raw: Any, path: Path, *, nested: bool) -> dict[str, Any]:
        if not isinstance(raw, Mapping):
            self.note(path, f"{show(raw)} is not a table")
            return {}
        for name, value in raw.items():
            if nested and not isinstance(value, Mapping):
                self.note((*path, name), f"{show(value)} is not a table")
        return dict(raw)

    def _items(self, raw: Any, path: Path) -> list[tuple[Path, Any]]:
        if isinstance(raw, list | tuple):
            return [((*path, index), item) for index, item in enumerate(raw)]
        hint = "; write [[proxy]]" if path == ("proxy",) and isinstance(raw, Mapping) else ""
        self.note(path, f"{show(raw)} is not an array of tables{hint}")
        return []
