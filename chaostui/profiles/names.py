"""Which handlers and protocols a profile may name, and whether it says the right things to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from chaostui import registry
from chaostui.catalog import Catalog
from chaostui.handler import Handler
from chaostui.options import CALLABLE, fields, meant, parse, unknown
from chaostui.profiles.mistakes import Mistake, Part, Path
from chaostui.settings import Mix


class Names:
    """Resolves names to what they mean and checks what is said about them.

    ``own`` are the profile's handler tables. ``code`` are callables that may be named even
    where ``allow_code`` is false. Nothing is imported.
    """

    def __init__(
        self,
        own: Mapping[str, Mapping[str, Any]],
        catalog: Catalog | None,
        *,
        allow_code: bool,
        code: Collection[str] = (),
    ) -> None:
        self.catalog = catalog or registry.builtin()
        self.mistakes: list[Mistake] = []
        self.written: dict[Path, Path] = {}
        """Where a handler's table really stands that may be written under an alias."""
        self._own = {name: table[CALLABLE] for name, table in own.items() if CALLABLE in table}
        self._allow_code = allow_code
        self._code = code

    @cached_property
    def _plugins(self) -> Collection[str]:
        return registry.entry_points()

    def kind(self, name: str) -> type[Handler] | None:
        """The class behind a name; None for code that is not imported yet, and unknown names."""
        return None if name in self._own else self.catalog.handlers.get(name)

    def handler(self, name: str, path: Path, part: Part = "value") -> str:
        """The handler's own name, where ``name`` may be an alias; notes an unknown one."""
        if name in self._own:
            return name
        if name in self.catalog.handlers:
            return self.catalog.handlers[name].name
        if name not in self._plugins:
            own_names = dict.fromkeys(kind.name for kind in self.catalog.handlers.values())
            known = [*own_names, *self._own, *self._plugins]
            self.mistakes.append(Mistake(path, unknown("handler", name, known), part))
        return name

    def protocol(self, name: str, path: Path) -> str:
        """The protocol's own name; notes an unknown one."""
        if name in self.catalog.protocols:
            return self.catalog.protocols[name].name
        self._note(path, unknown("protocol", name, self.catalog.protocols))
        return name

    def protocol_options(self, name: str, table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """What a proxy's protocol is told, as far as it is sound."""
        kind = self.catalog.protocols.get(name)
        if kind is None:
            return dict(table)
        return self._parse(kind.Options, table, (*path, "protocol_options"))

    def mix(self, mix: Mix, path: Path) -> Mix:
        """The mix with each handler's own name."""
        weights: dict[str, float] = {}
        for given, weight in mix.weights:
            name = self.handler(given, path)
            if name in weights:
                self._note(path, f"{given!r} is another name of {name!r}, which is there too")
            weights[name] = weight
        return Mix(tuple(weights.items()))

    def tables(self, tables: Mapping[str, Any], path: Path, *, top: bool) -> dict[str, Any]:
        """Handler tables by the handlers' own names, their options read."""
        found: dict[str, Any] = {}
        for given, table in tables.items():
            place = (*path, given)
            coded = isinstance(table, Mapping) and CALLABLE in table
            name = given if coded else self.handler(given, place, "key")
            self.written[*path, name] = place
            if name in found:
                self._note(place, f"another name of {name!r}, which has a table too")
            if isinstance(table, Mapping):
                found[name] = self.options(name, table, place, top=top)
        return found

    def options(
        self, name: str, table: Mapping[str, Any], path: Path, *, top: bool = False
    ) -> dict[str, Any]:
        """The options of one handler, as far as they are sound."""
        if CALLABLE in table:
            self._callable(name, table[CALLABLE], (*path, CALLABLE), top=top)
        kind = self.kind(name)
        if kind is None or kind.Options is registry.OwnOptions:
            return {key: meant(value) for key, value in table.items()}
        return self._parse(kind.Options, table, path)

    def _parse(self, kind: type[Struct], table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        values, problems = parse(kind, table)
        for problem in problems:
            place, part = _place(kind, problem.place)
            self.mistakes.append(Mistake((*path, *place), problem.what, part))
        return values

    def _callable(self, name: str, target: object, path: Path, *, top: bool) -> None:
        if not top:
            self._note(path, f"code is named once for all proxies: in [handler.{name}]")
        elif not self._allow_code and target not in self._code:
            self._note(path, registry.NO_CODE)
        elif what := registry.misnamed(name, target):
            self._note(path, what)

    def _note(self, path: Path, what: str) -> None:
        self.mistakes.append(Mistake(path, what))


def _place(kind: type[Struct], dotted: str) -> tuple[Path, Part]:
    """Where a problem's place is in a table, and whether it is the key that is wrong."""
    name, _, inner = dotted.partition(".")
    known = fields(kind)
    if dotted in known:
        return (dotted,), "value"
    bare = known[name].bare if name in known else None
    if not (isinstance(bare, type) and issubclass(bare, Struct)):
        return (dotted,), "key"
    place, part = _place(bare, inner)
    return (name, *place), part
