"""A profile as it was written: its tables, and where each stands, until it is built."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from chaostui.catalog import Catalog
from chaostui.errors import Problem, SettingsError
from chaostui.options import Typed
from chaostui.profiles import sense
from chaostui.profiles.mistakes import Mistake, Part, Path, Spot, in_json
from chaostui.profiles.names import Names
from chaostui.profiles.shape import Shape, Values
from chaostui.settings import ChainEntry, Profile, ProxySettings


@dataclass
class Draft:
    """Tables on their way to a profile.

    ``spot`` finds where a key or value stands; without it mistakes are named by their path,
    after ``place``.
    """

    raw: Any = field(default_factory=dict)
    spot: Callable[[Path, Part], Spot] | None = None
    place: str = ""
    typed: dict[Path, str] = field(default_factory=dict)
    """What was typed over it, by the option that did."""
    found: list[tuple[Spot, Problem]] = field(default_factory=list)
    """What was wrong already when it was read."""
    toml: bool = False
    """Whether it is the text of a TOML profile."""

    def put(self, path: Path, value: Any, option: str) -> None:
        """Set a value from the command line, whatever the file says; strings are ``Typed``."""
        table = self.raw
        for step, following in pairwise(path):
            if isinstance(step, int):
                table = table[step]
            else:
                if not isinstance(table.get(step), dict | list):
                    table[step] = [] if isinstance(following, int) else {}
                table = table[step]
        table[path[-1]] = Typed(value) if isinstance(value, str) else value
        self.typed[path] = option

    def build(
        self,
        *,
        catalog: Catalog | None = None,
        allow_code: bool = True,
        code: Collection[str] = (),
    ) -> Profile:
        """Check everything and make the profile. Raises SettingsError with all problems."""
        shape = Shape(self.raw)
        own = shape.top.get("handler", {})
        names = Names(own, catalog, allow_code=allow_code, code=code)
        mistakes = [*shape.mistakes, *sense.check(shape, names)]
        if mistakes or self.found:
            raise SettingsError(*self.problems(mistakes))
        return Profile(proxy=tuple(map(_proxy, shape.proxies)), **shape.top)

    def problems(self, mistakes: list[Mistake]) -> list[Problem]:
        """Say where the mistakes stand, in the order of the text."""
        placed = [(self._order(mistake), self._problem(mistake)) for mistake in mistakes]
        placed += self.found
        placed.sort(key=lambda item: item[0])
        return list(dict.fromkeys(problem for _, problem in placed))

    def _order(self, mistake: Mistake) -> Spot:
        if option := self._option(mistake.path):
            return Spot("", list(self.typed.values()).index(option), 0)
        return self.spot(mistake.path, mistake.part) if self.spot else Spot("", 0, 0)

    def _problem(self, mistake: Mistake) -> Problem:
        if option := self._option(mistake.path):
            return Problem(option, mistake.what)
        if self.spot:
            return self.spot(mistake.path, mistake.part).problem(mistake.what, mistake.part)
        return in_json(mistake, self.place)

    def _option(self, path: Path) -> str:
        """The command line option that said this value."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.typed:
                return self.typed[path[:end]]
        return ""


def _proxy(values: Values) -> ProxySettings:
    chain = tuple(ChainEntry(**entry) for entry in values.pop("chain", ()))
    return ProxySettings(chain=chain, **values)
