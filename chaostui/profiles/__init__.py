"""Profiles: TOML and Vaurien's INI to settings and back.

Everything wrong is told at once, each problem at its ``file:line:col`` with the nearest
valid name. Nothing here imports code that a profile names.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from chaostui.catalog import Catalog
from chaostui.errors import Problem, SettingsError
from chaostui.profiles.draft import Draft
from chaostui.profiles.text import draft, parse
from chaostui.settings import Profile

__all__ = ["Draft", "check", "draft", "dump", "from_builtins", "load", "loads", "save"]


def load(path: str | os.PathLike[str]) -> Profile:
    """Read a profile's file, TOML or Vaurien's INI. Raises SettingsError with all problems."""
    return draft(path).build()


def loads(
    text: str,
    *,
    file: str = "profile",
    catalog: Catalog | None = None,
    allow_code: bool = False,
    code: Collection[str] = (),
) -> Profile:
    """Read TOML text; parameters as in ``from_builtins``, problems as in ``load``."""
    return parse(text, file).build(catalog=catalog, allow_code=allow_code, code=code)


def check(path: str | os.PathLike[str]) -> list[Problem]:
    """Everything wrong with a profile's file, in the order of its lines."""
    try:
        load(path)
    except SettingsError as error:
        return list(error.problems)
    return []


def from_builtins(
    raw: Any,
    place: str = "",
    *,
    catalog: Catalog | None = None,
    allow_code: bool = False,
    code: Collection[str] = (),
) -> Profile:
    """Read a profile from JSON's types, with the checks of ``load``.

    Problems are placed by path, ``proxy[0].listen``, after ``place``. Unless ``allow_code``,
    a ``callable`` is refused that is not among ``code``, those the engine started with.
    ``catalog`` says which handlers there are; without it, the built-in ones.
    """
    return Draft(raw, place=place).build(catalog=catalog, allow_code=allow_code, code=code)


def dump(profile: Profile) -> str:
    """A new profile file as TOML text, without what is at its default."""
    from chaostui.profiles.write import dumps

    return dumps(profile)


def save(path: str | os.PathLike[str], profile: Profile) -> None:
    """Write ``profile`` over its file; comments and layout of what is unchanged stay.

    Raises SettingsError when the file is not a TOML profile or cannot be written.
    """
    from chaostui.profiles.write import change

    change(os.fspath(path), profile)
