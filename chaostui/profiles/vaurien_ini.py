"""Vaurien's INI files, of both generations, as drafts of a profile.

2012: ``[vaurien] local distant behavior`` and ``[handler:delay]``; 2.0: ``proxy backend
protocol behavior``, ``[behavior:delay]``, ``[protocol:http]`` and ``[statsd]``; both with
``extends = other.ini`` and ``${VARIABLE}``. What only tuned Vaurien's own sockets is read and
has no effect.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

from chaostui.errors import Problem, SettingsError
from chaostui.handlers.delay import before
from chaostui.options import CALLABLE, Typed, unknown
from chaostui.profiles.defaults import BACKEND, CONTROL_HOST, CONTROL_PORT, LISTEN
from chaostui.profiles.draft import Draft
from chaostui.profiles.ini import Entry, Section, parse
from chaostui.profiles.mistakes import Part, Path, Spot
from chaostui.safe_text import safe_text

_PROXY: Path = ("proxy", 0)
_KEYS: dict[str, Path] = {
    "local": (*_PROXY, "listen"),
    "proxy": (*_PROXY, "listen"),
    "distant": (*_PROXY, "backend"),
    "backend": (*_PROXY, "backend"),
    "protocol": (*_PROXY, "protocol"),
    "behavior": (*_PROXY, "behavior"),
    "timeout": (*_PROXY, "connect_timeout"),
    "log_level": ("log_level",),
    "log_output": ("log_output",),
}
_CONTROL = ("http", "http_host", "http_port")
_WITHOUT_EFFECT = frozenset(
    {
        "async_mode",
        "backlog",
        "buffer",
        "bufsize",
        "keep_alive",
        "pool_max_size",
        "pool_timeout",
        "reuse_socket",
        "sample_rate",
        "stay_connected",
    }
)
_STATSD = ("host", "port", "prefix")


def draft(text: str, file: str) -> Draft:
    """Read an INI text into a draft, with what is wrong with it."""
    reader = _Reader(file)
    reader.read(text)
    return Draft(reader.raw, spot=reader.spot, found=reader.problems)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[tuple[Spot, Problem]] = []
        self.raw: dict[str, Any] = {
            "proxy": [{"name": "proxy", "listen": LISTEN, "backend": BACKEND}]
        }
        self._spots: dict[Path, Entry] = {}

    def read(self, text: str) -> None:
        """Read all sections, those of the files it extends included."""
        sections = self._sections(text, FilePath(self.file), ())
        if "vaurien" not in sections:
            spot = Spot(safe_text(self.file), 1, 1)
            self.problems.append((spot, spot.problem("there is no section [vaurien]")))
        for section in sections.values():
            if section.name.lower() != "default":
                self._section(section)

    def spot(self, path: Path, part: Part) -> Spot:
        """Where the entry stands that a value was read from."""
        for end in range(len(path), 0, -1):
            if entry := self._spots.get(path[:end]):
                return entry.spot(part)
        return Spot(safe_text(self.file), 1, 1)

    def _sections(
        self, text: str, file: FilePath, seen: tuple[FilePath, ...]
    ) -> dict[str, Section]:
        """The sections of a file by name; what it extends fills in what it leaves open."""
        sections, problems = parse(text, str(file))
        self.problems += problems
        for name in ("DEFAULT", "vaurien"):
            entry = sections[name].entries.pop("extends", None) if name in sections else None
            if entry:
                for other in entry.value.splitlines():
                    self._extend(sections, entry, file.parent / other.strip(), (*seen, file))
        return sections

    def _extend(
        self,
        sections: dict[str, Section],
        entry: Entry,
        file: FilePath,
        seen: tuple[FilePath, ...],
    ) -> None:
        from chaostui.profiles.text import read_text

        if file in seen:
            self._problem(entry, f"{file} extends itself")
            return
        try:
            text = read_text(str(file))
        except SettingsError as error:
            self._problem(entry, str(error))
            return
        for name, base in self._sections(text, file, seen).items():
            own = sections.setdefault(name, Section(name, base.file, base.line, {}))
            own.entries = {**base.entries, **own.entries}

    def _section(self, section: Section) -> None:
        kind, colon, name = section.name.partition(":")
        readers: dict[str, Callable[[Section, str], None]] = {
            "vaurien": self._vaurien,
            "handler": self._handler,
            "behavior": self._handler,
            "protocol": self._protocol,
            "statsd": self._statsd,
        }
        reader = readers.get(kind)
        if reader is None or bool(colon) != (kind in ("handler", "behavior", "protocol")):
            known = ["vaurien", "handler:NAME", "behavior:NAME", "protocol:NAME", "statsd"]
            spot = Spot(safe_text(section.file), section.line, 1)
            what = unknown("section", section.name, known)
            self.problems.append((spot, spot.problem(what)))
        else:
            reader(section, name.strip())

    def _vaurien(self, section: Section, _: str) -> None:
        control: dict[str, Entry] = {}
        for key, entry in section.entries.items():
            plain = key.replace("-", "_").lower()
            if plain in _KEYS:
                self._put(_KEYS[plain], entry)
                # There it also ended connections on which nothing moved.
                if plain == "timeout" and isinstance(entry.meant(), int | float):
                    self._put((*_PROXY, "idle_timeout"), entry)
            elif plain in _CONTROL:
                control[plain] = entry
            elif plain not in _WITHOUT_EFFECT:
                self._problem(entry, unknown("key", key, [*_KEYS, *_CONTROL]), key=True)
        self._control(control)

    def _control(self, found: dict[str, Entry]) -> None:
        if "http" not in found or not self._true(found["http"]):
            return
        host = found["http_host"].value if "http_host" in found else CONTROL_HOST
        port = found["http_port"].value if "http_port" in found else CONTROL_PORT
        path: Path = ("control", "listen")
        self._put(path, found.get("http_port") or found.get("http_host") or found["http"])
        self.raw["control"]["listen"] = f"{host}:{port}"

    def _handler(self, section: Section, name: str) -> None:
        self._spots["handler", name] = Entry(name, "", section.file, section.line)
        self.raw.setdefault("handler", {}).setdefault(name, {})
        if CALLABLE in section.entries:
            for key, entry in section.entries.items():
                self._put(("handler", name, key), entry, entry.meant())
            return
        for key, entry in section.entries.items():
            plain = key.replace("-", "_")
            if name == "delay" and plain == "before":
                for option, side in before({plain: self._true(entry)}).items():
                    self._put(("handler", name, option), entry, side)
            else:
                self._put(("handler", name, plain), entry)

    def _protocol(self, section: Section, name: str) -> None:
        for key, entry in section.entries.items():
            plain = key.replace("-", "_")
            if plain in _WITHOUT_EFFECT:
                continue
            if self.raw["proxy"][0].get("protocol", "tcp") == name:
                self._put((*_PROXY, "protocol_options", plain), entry, entry.meant())

    def _statsd(self, section: Section, _: str) -> None:
        if "enabled" not in section.entries or not self._true(section.entries["enabled"]):
            return
        self.raw["statsd"] = {}
        for key, entry in section.entries.items():
            plain = key.replace("-", "_")
            if plain in _STATSD:
                self._put(("statsd", plain), entry)
            elif plain != "enabled" and plain not in _WITHOUT_EFFECT:
                self._problem(entry, unknown("key", key, ["enabled", *_STATSD]), key=True)

    def _put(self, path: Path, entry: Entry, value: Any = None) -> None:
        table: Any = self.raw
        for step in path[:-1]:
            table = table[step] if isinstance(step, int) else table.setdefault(step, {})
        table[path[-1]] = Typed(entry.value) if value is None else value
        self._spots[path] = entry

    def _true(self, entry: Entry) -> bool:
        if entry.value.lower() in ("true", "false"):
            return entry.value.lower() == "true"
        self._problem(entry, f"{entry.value!r} is not true or false")
        return False

    def _problem(self, entry: Entry, what: str, *, key: bool = False) -> None:
        part: Part = "key" if key else "value"
        spot = entry.spot(part)
        self.problems.append((spot, spot.problem(what, part)))
