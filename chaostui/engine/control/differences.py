"""In what two profiles differ, for those who ask before and for the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from chaostui.settings import Profile, ProxySettings, encode

Difference = dict[str, Any]
"""A leaf in which two settings differ: its ``path``, ``running`` and ``given``."""
AT_START = ("seed", "statsd", "log_level", "log_output", "control")
"""What an engine reads of a profile at its start alone."""
AT_ONCE = "control.allow_upstream"
"""What it reads of those later too."""


def difference(before: Any, after: Any, path: str = "") -> list[Difference]:
    """The leaves in which two settings differ."""
    old = msgspec.to_builtins(before, enc_hook=encode)
    new = msgspec.to_builtins(after, enc_hook=encode)
    return list(_differences(old, new, path))


def profile_difference(before: Profile, after: Profile) -> list[Difference]:
    """The leaves in which two profiles differ; proxies that are equal cost next to nothing."""
    known = {proxy.name: proxy for proxy in before.proxy}
    same = {proxy.name for proxy in after.proxy if known.get(proxy.name) == proxy}
    return difference(_without(before, same), _without(after, same))


def _without(profile: Profile, names: set[str]) -> Profile:
    return replace(profile, proxy=tuple(p for p in profile.proxy if p.name not in names))


def _differences(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif _named(old) and _named(new):
        yield from _differences({i["name"]: i for i in old}, {i["name"]: i for i in new}, path)
    elif old != new:
        yield {"path": path, "running": old, "given": new}


def _named(items: Any) -> bool:
    return isinstance(items, (list, tuple)) and all(
        isinstance(item, dict) and "name" in item for item in items
    )


@dataclass(frozen=True)
class ProfileChanges:
    """What became of an engine when it took a profile."""

    added: tuple[ProxySettings, ...]
    changed: dict[str, list[Difference]]
    """What differs, by the names of proxies that stay."""
    removed: tuple[str, ...]
    rest: list[Difference]
    """What differs beside the proxies."""

    def __str__(self) -> str:
        """``2 proxies added, 1 changed, 1 removed``; ``nothing changed``."""
        counts = ((self.added, "added"), (self.changed, "changed"), (self.removed, "removed"))
        told = [f"{len(found)} {what}" for found, what in counts if found]
        if told:
            first, _, what = told[0].partition(" ")
            told[0] = f"{first} {'proxy' if first == '1' else 'proxies'} {what}"
        if self.rest:
            told.append(", ".join(each["path"] for each in self.rest) + " changed")
        return ", ".join(told) or "nothing changed"

    @property
    def at_start(self) -> list[str]:
        """The paths of what was given and acts at the engine's next start only."""
        paths = [each["path"] for each in self.rest]
        return [p for p in paths if p.partition(".")[0] in AT_START and p != AT_ONCE]


def profile_changes(before: Profile, after: Profile) -> ProfileChanges:
    """Compare what an engine was with what it is."""
    old, new = ({proxy.name: proxy for proxy in each.proxy} for each in (before, after))
    return ProfileChanges(
        added=tuple(proxy for name, proxy in new.items() if name not in old),
        changed={
            name: difference(old[name], proxy)
            for name, proxy in new.items()
            if name in old and old[name] != proxy
        },
        removed=tuple(name for name in old if name not in new),
        rest=difference(replace(before, proxy=()), replace(after, proxy=())),
    )
