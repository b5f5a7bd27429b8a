"""Names to classes: the built-in handlers and protocols, and those that users add."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from chaostui.actions import Action, Call
from chaostui.catalog import Catalog
from chaostui.errors import Problem, SettingsError
from chaostui.handler import Handler, Limits
from chaostui.handlers.abort import Abort
from chaostui.handlers.blackout import Blackout
from chaostui.handlers.bounce import Bounce
from chaostui.handlers.corrupt import Corrupt
from chaostui.handlers.delay import Delay
from chaostui.handlers.errors import Errors
from chaostui.handlers.hang import Hang
from chaostui.handlers.loss import Loss
from chaostui.handlers.normal import Normal
from chaostui.handlers.refuse import Refuse
from chaostui.handlers.reset import Reset
from chaostui.handlers.slice import Slice
from chaostui.handlers.slow_accept import SlowAccept
from chaostui.handlers.slow_close import SlowClose
from chaostui.handlers.throttle import Throttle
from chaostui.handlers.timeout import Timeout
from chaostui.handlers.transient import Transient
from chaostui.handlers.truncate import Truncate
from chaostui.handlers.unreachable import Unreachable
from chaostui.options import CALLABLE, REST, show
from chaostui.protocol import Frame, Protocol
from chaostui.safe_text import safe_text
from chaostui.settings import Profile

__all__ = [
    "CALLABLE",
    "HANDLERS",
    "NO_CODE",
    "PROTOCOLS",
    "OwnHandler",
    "OwnOptions",
    "builtin",
    "entry_points",
    "load",
    "make",
    "misnamed",
    "names_used",
]

HANDLERS: tuple[type[Handler], ...] = (
    Normal,
    Delay,
    Errors,
    Hang,
    Blackout,
    Abort,
    Transient,
    Reset,
    Throttle,
    Slice,
    Truncate,
    SlowAccept,
    SlowClose,
    Timeout,
    Corrupt,
    Loss,
    Refuse,
    Unreachable,
    Bounce,
)

PROTOCOLS = {
    "tcp": "chaostui.protocols.tcp:Tcp",
    "http": "chaostui.protocols.http:Http",
    "redis": "chaostui.protocols.redis:Redis",
    "memcached": "chaostui.protocols.memcached:Memcached",
    "smtp": "chaostui.protocols.smtp:Smtp",
    "mysql": "chaostui.protocols.mysql:MySQL",
    "postgres": "chaostui.protocols.postgres:Postgres",
    "ldap": "chaostui.protocols.ldap:LDAP",
    "memcache": "chaostui.protocols.memcached:Memcached",
    "postgresql": "chaostui.protocols.postgres:Postgres",
}
"""Each protocol's class by name, imported when it is first asked for: most engines speak one.

The last two are other names, the first of them Vaurien's.
"""

ENTRY_POINTS = "chaostui.handlers"
NO_CODE = "only a profile file or the command line can name code, not the HTTP API"
SIGNATURE = "source, dest, to_backend, name, settings, server"


@functools.cache
def builtin() -> Catalog:
    """The handlers and protocols that come with chaostui."""
    return Catalog(_by_name(HANDLERS), Protocols(PROTOCOLS))


class Protocols(Mapping[str, type[Protocol]]):
    """Protocol classes by name; looking one up imports it."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._loaded: dict[str, type[Protocol]] = {}

    def __getitem__(self, name: str) -> type[Protocol]:
        if name not in self._loaded:
            found = resolve(self._names[name])
            assert isinstance(found, type)
            assert issubclass(found, Protocol)
            self._loaded[name] = found
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _by_name(kinds: Iterable[type[Handler]]) -> dict[str, type[Handler]]:
    found: dict[str, type[Handler]] = {}
    for kind in kinds:
        for name in (kind.name, *kind.aliases):
            if name in found:
                raise RuntimeError(f"{name!r} names both {found[name]} and {kind}")
            found[name] = kind
    return found


def load(profile: Profile, *, source: str = "", allow_code: bool = True) -> Catalog:
    """The built-ins, the handlers that ``profile`` defines, and the plugins that it names.

    Code is looked for among what is installed, in the folder of the profile file ``source``
    and in the working directory. Raises SettingsError with every problem; with
    ``allow_code=False`` each ``callable`` is one, and nothing is imported.
    """
    handlers = dict(builtin().handlers)
    problems: list[Problem] = []
    for name, table in profile.handler.items():
        if CALLABLE not in table:
            continue
        try:
            handlers[name] = _defined(name, table[CALLABLE], source, allow_code=allow_code)
        except SettingsError as error:
            problems += error.problems
    for name in dict.fromkeys(names_used(profile)):
        if name not in handlers and allow_code:
            try:
                handlers.update(_plugin(name))
            except SettingsError as error:
                problems += error.problems
    if problems:
        raise SettingsError(*problems)
    return Catalog(handlers, builtin().protocols)


def names_used(profile: Profile) -> Iterator[str]:
    """Every handler's name that the profile mentions."""
    yield from profile.handler
    for proxy in profile.proxy:
        yield from proxy.handler
        yield from (name for name, _ in proxy.behavior.weights)
        yield from (entry.handler for entry in proxy.chain)


def entry_points() -> dict[str, list[Any]]:
    """The installed plugins by name, not yet imported."""
    # Costs 26 ms of CPU: only where a name is not known otherwise.
    from importlib import metadata

    found: dict[str, list[Any]] = {}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        found.setdefault(point.name, []).append(point)
    return found


def _plugin(name: str) -> dict[str, type[Handler]]:
    points = entry_points().get(name, [])
    place = f"handler.{name}"
    if len(points) > 1:
        both = " and ".join(sorted(point.value for point in points))
        raise SettingsError(Problem(place, f"two plugins have this name: {both}"))
    if not points:
        return {}
    found = _import(place, points[0].value, points[0].load)
    return {name: make(name, found, place)}


def _defined(name: str, target: object, source: str, *, allow_code: bool) -> type[Handler]:
    place = f"handler.{name}.{CALLABLE}"
    what = misnamed(name, target) if allow_code else NO_CODE
    if what:
        raise SettingsError(Problem(place, what))
    dotted = str(target)
    _look_in(Path(source).resolve().parent if source else Path.cwd(), Path.cwd())
    return make(name, _import(place, dotted, lambda: resolve(dotted)), place)


def misnamed(name: str, target: object) -> str:
    """Say why ``target`` cannot be the code of a handler ``name``, or ``""``; imports nothing."""
    if name in builtin().handlers:
        return f"{name!r} is a built-in handler; give yours another name"
    if not isinstance(target, str) or not _dotted(target):
        return f"{show(target)} does not name code, as package.module:function does"
    return ""


def _dotted(target: str) -> bool:
    module, colon, attribute = target.partition(":")
    parts = [*module.split("."), *attribute.split(".")] if colon else target.split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def _look_in(*folders: Path) -> None:
    # At the end: a redis.py beside the profile must not replace the installed one.
    sys.path += [str(folder) for folder in folders if str(folder) not in sys.path]


def resolve(target: str) -> object:
    """Import what ``package.module:function`` or ``package.module.function`` names."""
    module, colon, attribute = target.partition(":")
    if not colon:
        module, _, attribute = target.rpartition(".")
    return functools.reduce(getattr, attribute.split("."), importlib.import_module(module))


def _import(place: str, target: str, load: Callable[[], object]) -> object:
    try:
        return load()
    except (Exception, SystemExit) as error:
        what = f"cannot import {target!r}: {type(error).__name__}: {error}"
        raise SettingsError(Problem(place, safe_text(what, 500))) from error


def make(name: str, found: object, place: str = "") -> type[Handler]:
    """Make a handler class named ``name`` of a Handler class or of a function.

    The function is Vaurien's: ``function(source, dest, to_backend, name, settings, server)``,
    plain or ``async``. Raises SettingsError for anything else.
    """
    if isinstance(found, type) and issubclass(found, Handler):
        if vars(found).get("name") == name:
            return found
        return type(found.__name__, (found,), {"name": name, "aliases": ()})
    if not callable(found):
        raise SettingsError(Problem(place, f"{found!r} is neither a function nor a Handler class"))
    try:
        inspect.signature(found).bind(*[None] * 6)
    except TypeError:
        what = f"{getattr(found, '__name__', found)} must take six arguments: {SIGNATURE}"
        raise SettingsError(Problem(place, what)) from None
    except ValueError:
        pass  # a built-in function that does not tell its signature
    return type(name, (OwnHandler,), {"name": name, "function": staticmethod(found)})


class OwnOptions(Limits, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Whatever the user's function understands."""

    settings: Annotated[Mapping[str, Any], Meta(extra=REST)] = {}


class OwnHandler(Handler):
    """Calls a user's function with the bytes of both directions."""

    Options = OwnOptions
    function: ClassVar[Callable[..., Any]]

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield Call(self.function, self.name, dict(self.options.settings), frame.data)
