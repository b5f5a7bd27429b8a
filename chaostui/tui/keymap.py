"""What ``[keymap]`` of config.toml may say: known actions, known keys, no two at one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaostui.errors import Problem
from chaostui.options import did_you_mean
from chaostui.tui.actions import ACTIONS, BY_ID, EVERYWHERE, shown

PANIC = "fault.normal"
PANIC_KEY = "0"
"""Ends all faults; a keymap may add keys to it, and may not give this one away."""


def normal(keymap: Mapping[str, str]) -> dict[str, str]:
    """The keymap in Textual's words: ``/`` is ``slash``, blanks around commas are nothing."""
    return {name: ",".join(map(_named, _split(keys))) for name, keys in keymap.items()}


def problems(keymap: Mapping[str, str], place: str) -> Iterator[Problem]:
    """Everything that is wrong with a keymap, each placed at its line's name."""
    known = {identity: action for action in ACTIONS for _, identity, _ in action.bindings()}
    for name, keys in keymap.items():
        where = f"{place}: keymap.{name}"
        if name not in known:
            near = did_you_mean(name, known) or " (? and `chaostui config sample` list them)"
            yield Problem(where, f"no action {name!r}{near}")
            continue
        split = _split(keys)
        if not split:
            yield Problem(where, 'a key is missing, as in "f9" or "0,f9"')
        for key in split:
            if not _is_key(_named(key)):
                yield Problem(where, f"no key {key!r}{did_you_mean(key, _keys())}")
    yield from _conflicts(normal(keymap), place)


def _conflicts(keymap: Mapping[str, str], place: str) -> Iterator[Problem]:
    """Keys that a moved action would share with another one that can be meant there."""
    contexts = {i: action.context for action in ACTIONS for _, i, _ in action.bindings()}
    defaults = {i: keys.split(",") for action in ACTIONS for keys, i, _ in action.bindings()}
    held = defaults | {name: keys.split(",") for name, keys in keymap.items() if name in defaults}
    for name in (name for name in keymap if name in defaults):
        for other, key in ((o, k) for o, keys in held.items() for k in keys if k in held[name]):
            both = {contexts[name], contexts[other]}
            apart = len(both) == 2 and not both & set(EVERYWHERE)
            by_default = key in defaults[name] and key in defaults[other]
            if other != name and not apart and not by_default:
                taken = f"{shown(key)} is the key of {other}"
                if key == PANIC_KEY and other == PANIC:
                    taken += ", which ends all faults"
                yield Problem(f"{place}: keymap.{name}", f"{taken} ({_help(other)})")


def _help(identity: str) -> str:
    found = BY_ID.get(identity) or BY_ID[identity.rpartition(".")[0]]
    return found.help


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]


def _named(key: str) -> str:
    from textual.keys import _character_to_key

    prefix, plus, last = key.rpartition("+")
    return f"{prefix}{plus}{_character_to_key(last)}" if len(last) == 1 else key


def _keys() -> set[str]:
    from textual.keys import Keys

    return {key.value for key in Keys} | {
        key for action in ACTIONS for key in action.keys if len(key) > 1
    }


def _is_key(key: str) -> bool:
    from textual.keys import _character_to_key

    *modifiers, last = key.split("+")
    if not set(modifiers) <= {"ctrl", "shift", "alt"}:
        return False
    if len(last) == 1:
        return last.isprintable()
    punctuation = {_character_to_key(chr(code)) for code in range(32, 127)}
    return last in _keys() or last in punctuation
