"""Every call of the control API, once: what is asked, and what the answer is.

Both clients are made of these. ``proxy=None`` means the first proxy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from chaostui.client.address import refusal
from chaostui.client.shapes import (
    BackendView,
    BehaviorsView,
    BehaviorView,
    Differences,
    HandlerHelp,
    HandlersView,
    MixView,
    ProfileView,
    ProtocolHelp,
    SavedView,
    StatusView,
    VersionView,
)
from chaostui.engine.views import (
    ChainView,
    ConnectionView,
    EngineView,
    FaultView,
    HaltView,
    HandlerView,
    ProxyView,
    SessionView,
    StatsView,
)
from chaostui.errors import EngineRefused
from chaostui.events import AnyEvent, Changed
from chaostui.settings import Mix

T = TypeVar("T")

API = "/api/v1"

LEASE = 30.0
"""Seconds after which the faults of a frozen owner end."""

RENEW = 3
"""How often a lease is renewed in its own time."""


class Dropped(msgspec.Struct, frozen=True):
    """Events that were lost between two others: the reader was too slow."""

    dropped: int


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request, and the type of its answer (None: nothing is answered)."""

    method: str
    path: str
    answer: type[T]
    body: Any = None
    vaurien: bool = False

    def read(self, status: int, raw: bytes) -> T:
        """Read the answer.

        Raises EngineRefused, or ValueError where Vaurien's client raises it: what was asked of
        one of its routes makes no sense.
        """
        if status >= 300:
            error = refusal(status, raw)
            if self.vaurien and status == 400:
                raise ValueError(str(error))
            raise error
        if self.answer is type(None) or not raw:
            return None  # type: ignore[return-value]
        if self.answer is str:
            return raw.decode()  # type: ignore[return-value]
        return msgspec.json.decode(raw, type=self.answer)


def _proxy(name: str | None, rest: str = "") -> str:
    return f"{API}/proxies/{'-' if name is None else _part(name)}{rest}"


def _part(name: str | int) -> str:
    return quote(str(name), safe="")


def _query(path: str, **given: Any) -> str:
    given = {name: value for name, value in given.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _given(**values: Any) -> dict[str, Any]:
    """What was given of optional keys."""
    return {name: value for name, value in values.items() if value is not None}


def request(method: str, path: str, body: Any = None) -> Ask[Any]:
    """Any call: ``path`` is the whole path, the answer plain JSON; None where there is none."""
    return Ask(method, path, Any, body)


# -- Vaurien --------------------------------------------------------------------------------


def get_handler(proxy: str | None = None) -> Ask[str]:
    """The name of the handler in force, or the mix where there are several."""
    return Ask("GET", _query("/handler", proxy=proxy), str)


def set_handler(name: str, *, proxy: str | None = None, **options: Any) -> Ask[object]:
    """Put one handler in force for everything. Raises ValueError for an unknown one."""
    if options:
        return set_behavior(name, proxy=proxy, **options)
    path = _query("/handler", proxy=proxy)
    return Ask("POST", path, str, name.encode(), vaurien=True)


def list_handlers() -> Ask[HandlersView]:
    """The names of all handlers."""
    return Ask("GET", "/handlers", HandlersView)


def get_behavior(proxy: str | None = None) -> Ask[BehaviorView]:
    """The name of the behavior in force, in Vaurien 2's words."""
    return Ask("GET", _query("/behavior", proxy=proxy), BehaviorView)


def set_behavior(name: str, *, proxy: str | None = None, **options: Any) -> Ask[object]:
    """Put one behavior in force, with these options. Raises ValueError for an unknown one."""
    path = _query("/behavior", proxy=proxy)
    return Ask("PUT", path, StatusView, {"name": name, **options}, vaurien=True)


def list_behaviors() -> Ask[BehaviorsView]:
    """The names of all behaviors, in Vaurien 2's words."""
    return Ask("GET", "/behaviors", BehaviorsView)


def get_backend(proxy: str | None = None) -> Ask[BackendView]:
    """Where the proxy connects to."""
    return Ask("GET", _query("/backend", proxy=proxy), BackendView)


def set_backend(backend: str, *, proxy: str | None = None) -> Ask[object]:
    """Connect to ``host:port`` from now on. Raises ValueError where that is no address."""
    path = _query("/backend", proxy=proxy)
    return Ask("PUT", path, StatusView, {"backend": backend}, vaurien=True)


# -- the engine -----------------------------------------------------------------------------


def health() -> Ask[dict[str, str]]:
    """Whether all listeners are bound."""
    return Ask("GET", f"{API}/health", dict[str, str])


def version() -> Ask[VersionView]:
    """Which version answers."""
    return Ask("GET", f"{API}/version", VersionView)


def engine() -> Ask[EngineView]:
    """Everything at a glance."""
    return Ask("GET", f"{API}/engine", EngineView)


def stats(proxy: str | None = None) -> Ask[dict[str, StatsView]]:
    """The counters of all proxies, or of one."""
    return Ask("GET", _query(f"{API}/stats", proxy=proxy), dict[str, StatsView])


def handlers() -> Ask[list[HandlerHelp]]:
    """All handlers with their options."""
    return Ask("GET", f"{API}/handlers", list[HandlerHelp])


def protocols() -> Ask[list[ProtocolHelp]]:
    """All protocols with the errors they speak."""
    return Ask("GET", f"{API}/protocols", list[ProtocolHelp])


def halted() -> Ask[HaltView]:
    """Whether everything is halted."""
    return Ask("GET", f"{API}/halt", HaltView)


def halt(reason: str = "") -> Ask[HaltView]:
    """Make everything normal, and refuse new faults until ``release``."""
    return Ask("POST", f"{API}/halt", HaltView, {"reason": reason})


def release() -> Ask[None]:
    """Take faults again after a halt."""
    return Ask("DELETE", f"{API}/halt", type(None))


def reset() -> Ask[None]:
    """Make all mixes normal, empty all chains, switch disabled proxies on."""
    return Ask("POST", f"{API}/reset", type(None))


# -- proxies --------------------------------------------------------------------------------


def proxies() -> Ask[list[ProxyView]]:
    """All proxies."""
    return Ask("GET", f"{API}/proxies", list[ProxyView])


def proxy(name: str | None = None) -> Ask[ProxyView]:
    """One proxy."""
    return Ask("GET", _proxy(name), ProxyView)


def add_proxy(name: str, listen: str, backend: str, **settings: Any) -> Ask[ProxyView]:
    """Make a proxy; ``settings`` are the keys of a profile, faults included."""
    body = {"name": name, "listen": listen, "backend": backend, **settings}
    return Ask("POST", f"{API}/proxies", ProxyView, body)


def update_proxy(name: str | None = None, **changes: Any) -> Ask[ProxyView]:
    """Change some of a proxy's settings; ``enabled=False`` closes it and its connections."""
    return Ask("PATCH", _proxy(name), ProxyView, changes)


def remove_proxy(name: str) -> Ask[None]:
    """Remove a proxy and its connections."""
    return Ask("DELETE", _proxy(name), type(None))


# -- faults ---------------------------------------------------------------------------------


def mix(proxy: str | None = None) -> Ask[MixView]:
    """The mix in force."""
    return Ask("GET", _proxy(proxy, "/mix"), MixView)


def set_mix(
    behavior: str,
    *,
    proxy: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    duration: float | None = None,
) -> Ask[ProxyView]:
    """Put a mix such as ``20:delay,5:errors`` in force; ``duration`` in seconds."""
    body = _given(behavior=behavior, options=options, duration=duration)
    return Ask("PUT", _proxy(proxy, "/mix"), ProxyView, body)


def set_weight(handler: str, weight: float, *, proxy: str | None = None) -> Ask[ProxyView]:
    """Change one weight of the mix, in percent."""
    return Ask("PATCH", _proxy(proxy, "/mix"), ProxyView, {handler: weight})


def set_weights(weights: Mapping[str, float], *, proxy: str | None = None) -> Ask[ProxyView]:
    """Change some weights of the mix, in percent."""
    return Ask("PATCH", _proxy(proxy, "/mix"), ProxyView, weights)


def set_bypass(bypass: bool, *, proxy: str | None = None) -> Ask[ProxyView]:
    """Keep the mix without applying it, or apply it again."""
    return Ask("PUT", _proxy(proxy, "/bypass"), ProxyView, {"bypass": bypass})


def handler(name: str, *, proxy: str | None = None) -> Ask[HandlerView]:
    """A handler's weight, options and hits."""
    return Ask("GET", _proxy(proxy, f"/handlers/{_part(name)}"), HandlerView)


def set_options(name: str, *, proxy: str | None = None, **options: Any) -> Ask[HandlerView]:
    """Change a handler's options at once; None gives one back its default."""
    return Ask("PATCH", _proxy(proxy, f"/handlers/{_part(name)}"), HandlerView, options)


def chain(proxy: str | None = None) -> Ask[list[ChainView]]:
    """The chain, in the order it acts."""
    return Ask("GET", _proxy(proxy, "/chain"), list[ChainView])


def add_chain(
    handler: str,
    *,
    proxy: str | None = None,
    name: str | None = None,
    direction: str | None = None,
    probability: float | None = None,
    **options: Any,
) -> Ask[ChainView]:
    """Put a handler with these options at the end of the chain."""
    own = _given(handler=handler, name=name, direction=direction, probability=probability)
    return Ask("POST", _proxy(proxy, "/chain"), ChainView, {**options, **own})


def update_chain(
    name: str, *, proxy: str | None = None, probability: float | None = None, **options: Any
) -> Ask[ChainView]:
    """Change a chain entry's probability and options."""
    body = {**options, **_given(probability=probability)}
    return Ask("PATCH", _proxy(proxy, f"/chain/{_part(name)}"), ChainView, body)


def remove_chain(name: str, *, proxy: str | None = None) -> Ask[None]:
    """Take an entry out of the chain."""
    return Ask("DELETE", _proxy(proxy, f"/chain/{_part(name)}"), type(None))


# -- connections ----------------------------------------------------------------------------


def connections(proxy: str | None = None, limit: int | None = None) -> Ask[list[ConnectionView]]:
    """Connections of all proxies or of one, the newest last."""
    path = _query(f"{API}/connections", proxy=proxy, limit=limit)
    return Ask("GET", path, list[ConnectionView])


def connection(id: int) -> Ask[ConnectionView]:
    """One connection."""
    return Ask("GET", f"{API}/connections/{_part(id)}", ConnectionView)


def reset_connection(id: int) -> Ask[None]:
    """Reset a connection: both sides see RST."""
    return Ask("DELETE", f"{API}/connections/{_part(id)}", type(None))


def pin(id: int, handler: str | None) -> Ask[ConnectionView]:
    """Give a connection a handler of its own from its next exchange on; None takes it back."""
    path = f"{API}/connections/{_part(id)}/pin"
    return Ask("PUT", path, ConnectionView, {"handler": handler})


# -- events and journal ---------------------------------------------------------------------


def events_query(
    since: int | None = None, kinds: Iterable[str] = (), connection: int | None = None
) -> str:
    """The path of the events that somebody wants."""
    named = ",".join(kinds) or None
    return _query(f"{API}/events", since=since, kinds=named, connection=connection)


def recent_events(
    since: int = 0, kinds: Iterable[str] = (), connection: int | None = None
) -> Ask[list[AnyEvent]]:
    """The events after number ``since`` that the engine still keeps, oldest first."""
    return Ask("GET", events_query(since, kinds, connection), list[AnyEvent])


def journal(since: int = 0) -> Ask[list[Changed]]:
    """Who changed what, oldest first."""
    return Ask("GET", _query(f"{API}/journal", since=since), list[Changed])


def note(text: str) -> Ask[Changed]:
    """Put a marker into the journal."""
    return Ask("POST", f"{API}/journal", Changed, {"note": text})


# -- profile --------------------------------------------------------------------------------


def profile() -> Ask[ProfileView]:
    """The profile that would make the engine what it is now."""
    return Ask("GET", f"{API}/profile", ProfileView)


def profile_toml() -> Ask[str]:
    """The same as the text of a profile file."""
    return Ask("GET", f"{API}/profile?format=toml", str)


def apply_profile(profile: Mapping[str, Any]) -> Ask[EngineView]:
    """Make the engine what a profile says, wholly or not at all."""
    return Ask("PUT", f"{API}/profile", EngineView, profile)


def diff_profile(profile: Mapping[str, Any]) -> Ask[Differences]:
    """What a profile would change."""
    return Ask("POST", f"{API}/profile/diff", Differences, profile)


def save_profile() -> Ask[SavedView]:
    """Write the file the engine was started with."""
    return Ask("POST", f"{API}/profile/save", SavedView, {})


# -- sessions -------------------------------------------------------------------------------


def sessions() -> Ask[list[SessionView]]:
    """All owners of faults."""
    return Ask("GET", f"{API}/sessions", list[SessionView])


def open_session(lease: float = LEASE, owner: str = "") -> Ask[SessionView]:
    """Open a session: an owner of faults, which end ``lease`` seconds after it last renewed."""
    body = {"lease": lease, "owner": owner or whoami()}
    return Ask("POST", f"{API}/sessions", SessionView, body)


def renew_session(id: str) -> Ask[SessionView]:
    """Begin a session's lease anew."""
    return Ask("PUT", f"{API}/sessions/{_part(id)}", SessionView, {})


def close_session(id: str) -> Ask[None]:
    """End a session and its faults."""
    return Ask("DELETE", f"{API}/sessions/{_part(id)}", type(None))


def hold_path(id: str) -> str:
    """The path of the answer that stays open as long as a session shall live."""
    return f"{API}/sessions/{_part(id)}/hold"


def add_fault(
    session: str,
    behavior: str,
    *,
    proxy: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    duration: float | None = None,
) -> Ask[FaultView]:
    """Put a mix over a proxy's own for as long as the session lives."""
    body = _given(behavior=behavior, proxy=proxy, options=options, duration=duration)
    return Ask("POST", f"{API}/sessions/{_part(session)}/faults", FaultView, body)


def remove_fault(session: str, fault: str) -> Ask[None]:
    """Take one fault of a session away."""
    path = f"{API}/sessions/{_part(session)}/faults/{_part(fault)}"
    return Ask("DELETE", path, type(None))


def with_fault(
    session: str, name: str, proxy: str | None, options: Mapping[str, Any]
) -> Ask[FaultView]:
    """The fault of a with-block: a handler, in either generation's words, and its options."""
    mine = dict(options)
    weights = Mix.parse(name).weights
    if mine and len(weights) != 1:
        raise ValueError("options need one handler to belong to")
    if mine and weights[0][0] == "delay" and isinstance(mine.get("before"), bool):
        # Vaurien 2 says with it which way is delayed.
        mine.setdefault("direction", "upstream" if mine.pop("before") else "downstream")
    behavior = str(Mix(tuple(("normal" if n == "dummy" else n, w) for n, w in weights)))
    given = {weights[0][0]: mine} if mine else None
    return add_fault(session, behavior, proxy=proxy, options=given)


def senseless(error: EngineRefused) -> Exception:
    """What a with-block raises: ValueError where its handler, options or proxy do not exist."""
    return ValueError(str(error)) if error.status in (400, 404) else error


def whoami() -> str:
    """This process, for people who look at sessions: its test, else its program."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    return f"{test or Path(sys.argv[0] or 'python').name} (pid {os.getpid()})"[:255]
