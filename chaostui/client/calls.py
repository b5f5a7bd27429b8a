"""Every call of the control API, once: what is asked, and what the answer is.

Both clients are made of these. ``proxy=None`` means the first proxy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chaostui.client.ask import API, Ask, given, member, part, proxy_path, query
from chaostui.events import AnyEvent, Changed
from chaostui.wire.shapes import (
    BackendView,
    BehaviorsView,
    BehaviorView,
    Difference,
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
from chaostui.wire.views import (
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


def request(method: str, path: str, body: Any = None) -> Ask[Any]:
    """Any call: ``path`` is the whole path, the answer plain JSON; None where there is none."""
    return Ask(method, path, Any, body)


# -- Vaurien --------------------------------------------------------------------------------


def get_handler(proxy: str | None = None) -> Ask[str]:
    """The name of the handler in force, or the mix where there are several."""
    return Ask("GET", query("/handler", proxy=proxy), str)


def set_handler(name: str, *, proxy: str | None = None, **options: Any) -> Ask[object]:
    """Put one handler in force for everything. Raises ValueError for an unknown one."""
    if options:
        return set_behavior(name, proxy=proxy, **options)
    path = query("/handler", proxy=proxy)
    return Ask("POST", path, str, name.encode(), vaurien=True)


def list_handlers() -> Ask[list[str]]:
    """The names of all handlers."""
    return member(Ask("GET", "/handlers", HandlersView), "handlers")


def get_behavior(proxy: str | None = None) -> Ask[str]:
    """The name of the behavior in force, in Vaurien 2's words."""
    return member(Ask("GET", query("/behavior", proxy=proxy), BehaviorView), "behavior")


def set_behavior(name: str, *, proxy: str | None = None, **options: Any) -> Ask[object]:
    """Put one behavior in force, with these options. Raises ValueError for an unknown one."""
    path = query("/behavior", proxy=proxy)
    return Ask("PUT", path, StatusView, {"name": name, **options}, vaurien=True)


def list_behaviors() -> Ask[list[str]]:
    """The names of all behaviors, in Vaurien 2's words."""
    return member(Ask("GET", "/behaviors", BehaviorsView), "behaviors")


def get_backend(proxy: str | None = None) -> Ask[str]:
    """Where the proxy connects to."""
    return member(Ask("GET", query("/backend", proxy=proxy), BackendView), "backend")


def set_backend(backend: str, *, proxy: str | None = None) -> Ask[object]:
    """Connect to ``host:port`` from now on. Raises ValueError where that is no address."""
    path = query("/backend", proxy=proxy)
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
    return Ask("GET", query(f"{API}/stats", proxy=proxy), dict[str, StatsView])


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


def reset(proxy: str | None = None) -> Ask[None]:
    """Make mixes normal, empty chains, free pins, switch on what is disabled: on all, or on one."""
    return Ask("POST", query(f"{API}/reset", proxy=proxy), type(None))


def stop_engine() -> Ask[None]:
    """End the engine: open connections have the profile's ``drain`` to end."""
    return Ask("POST", f"{API}/stop", type(None))


# -- proxies --------------------------------------------------------------------------------


def proxies() -> Ask[list[ProxyView]]:
    """All proxies."""
    return Ask("GET", f"{API}/proxies", list[ProxyView])


def proxy(name: str | None = None) -> Ask[ProxyView]:
    """One proxy."""
    return Ask("GET", proxy_path(name), ProxyView)


def add_proxy(name: str, listen: str, backend: str, **settings: Any) -> Ask[ProxyView]:
    """Make a proxy; ``settings`` are the keys of a profile, faults included."""
    body = {"name": name, "listen": listen, "backend": backend, **settings}
    return Ask("POST", f"{API}/proxies", ProxyView, body)


def update_proxy(name: str | None = None, **changes: Any) -> Ask[ProxyView]:
    """Change some of a proxy's settings; ``enabled=False`` closes it and its connections."""
    return Ask("PATCH", proxy_path(name), ProxyView, changes)


def remove_proxy(name: str) -> Ask[None]:
    """Remove a proxy and its connections."""
    return Ask("DELETE", proxy_path(name), type(None))


# -- faults ---------------------------------------------------------------------------------


def mix(proxy: str | None = None) -> Ask[MixView]:
    """The mix in force."""
    return Ask("GET", proxy_path(proxy, "/mix"), MixView)


def set_mix(
    behavior: str,
    *,
    proxy: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    duration: float | None = None,
) -> Ask[ProxyView]:
    """Put a mix such as ``20:delay,5:errors`` in force; ``duration`` in seconds."""
    body = given(behavior=behavior, options=options, duration=duration)
    return Ask("PUT", proxy_path(proxy, "/mix"), ProxyView, body)


def set_weight(handler: str, weight: float, *, proxy: str | None = None) -> Ask[ProxyView]:
    """Change one weight of the mix, in percent."""
    return Ask("PATCH", proxy_path(proxy, "/mix"), ProxyView, {handler: weight})


def set_weights(weights: Mapping[str, float], *, proxy: str | None = None) -> Ask[ProxyView]:
    """Change some weights of the mix, in percent."""
    return Ask("PATCH", proxy_path(proxy, "/mix"), ProxyView, weights)


def set_bypass(bypass: bool, *, proxy: str | None = None) -> Ask[ProxyView]:
    """Keep the mix without applying it, or apply it again."""
    return Ask("PUT", proxy_path(proxy, "/bypass"), ProxyView, {"bypass": bypass})


def freeze(proxy: str | None = None) -> Ask[ProxyView]:
    """Accept nothing new, pass nothing and close nothing, until it is thawed."""
    return Ask("POST", proxy_path(proxy, "/freeze"), ProxyView)


def thaw(proxy: str | None = None) -> Ask[ProxyView]:
    """Let a frozen proxy go on where it was."""
    return Ask("DELETE", proxy_path(proxy, "/freeze"), ProxyView)


def handler(name: str, *, proxy: str | None = None) -> Ask[HandlerView]:
    """A handler's weight, options and hits."""
    return Ask("GET", proxy_path(proxy, f"/handlers/{part(name)}"), HandlerView)


def set_options(name: str, *, proxy: str | None = None, **options: Any) -> Ask[HandlerView]:
    """Change a handler's options at once; None gives one back its default."""
    return Ask("PATCH", proxy_path(proxy, f"/handlers/{part(name)}"), HandlerView, options)


def chain(proxy: str | None = None) -> Ask[list[ChainView]]:
    """The chain, in the order it acts."""
    return Ask("GET", proxy_path(proxy, "/chain"), list[ChainView])


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
    own = given(handler=handler, name=name, direction=direction, probability=probability)
    return Ask("POST", proxy_path(proxy, "/chain"), ChainView, {**options, **own})


def update_chain(
    name: str, *, proxy: str | None = None, probability: float | None = None, **options: Any
) -> Ask[ChainView]:
    """Change a chain entry's probability and options."""
    body = {**options, **given(probability=probability)}
    return Ask("PATCH", proxy_path(proxy, f"/chain/{part(name)}"), ChainView, body)


def remove_chain(name: str, *, proxy: str | None = None) -> Ask[None]:
    """Take an entry out of the chain."""
    return Ask("DELETE", proxy_path(proxy, f"/chain/{part(name)}"), type(None))


# -- connections ----------------------------------------------------------------------------


def connections(proxy: str | None = None, limit: int | None = None) -> Ask[list[ConnectionView]]:
    """Connections of all proxies or of one, the newest last."""
    path = query(f"{API}/connections", proxy=proxy, limit=limit)
    return Ask("GET", path, list[ConnectionView])


def connection(id: int) -> Ask[ConnectionView]:
    """One connection."""
    return Ask("GET", f"{API}/connections/{part(id)}", ConnectionView)


def reset_connection(id: int) -> Ask[None]:
    """Reset a connection: both sides see RST."""
    return Ask("DELETE", f"{API}/connections/{part(id)}", type(None))


def pin(id: int, handler: str | None) -> Ask[ConnectionView]:
    """Give a connection a handler of its own from the next bytes on; None takes it back."""
    path = f"{API}/connections/{part(id)}/pin"
    return Ask("PUT", path, ConnectionView, {"handler": handler})


# -- events and journal ---------------------------------------------------------------------


def events_query(
    since: int | None = None, kinds: Iterable[str] = (), connection: int | None = None
) -> str:
    """The path of the events that somebody wants."""
    named = ",".join(kinds) or None
    return query(f"{API}/events", since=since, kinds=named, connection=connection)


def recent_events(
    since: int = 0, kinds: Iterable[str] = (), connection: int | None = None
) -> Ask[list[AnyEvent]]:
    """The events after number ``since`` that the engine still keeps, oldest first."""
    return Ask("GET", events_query(since, kinds, connection), list[AnyEvent])


def journal(since: int = 0) -> Ask[list[Changed]]:
    """Who changed what, oldest first."""
    return Ask("GET", query(f"{API}/journal", since=since), list[Changed])


def note(text: str) -> Ask[Changed]:
    """Put a marker into the journal."""
    return Ask("POST", f"{API}/journal", Changed, {"note": text})


# -- profile --------------------------------------------------------------------------------


def profile() -> Ask[dict[str, Any]]:
    """The profile that would make the engine what it is now."""
    return member(Ask("GET", f"{API}/profile", ProfileView), "profile")


def profile_toml() -> Ask[str]:
    """The same as the text of a profile file."""
    return Ask("GET", f"{API}/profile?format=toml", str)


def authority() -> Ask[str]:
    """The certificate, as PEM, of who signs where TLS ends without one of yours: to be trusted."""
    return Ask("GET", f"{API}/authority", str)


def apply_profile(profile: Mapping[str, Any]) -> Ask[EngineView]:
    """Make the engine what a profile says, wholly or not at all."""
    return Ask("PUT", f"{API}/profile", EngineView, profile)


def diff_profile(profile: Mapping[str, Any]) -> Ask[list[Difference]]:
    """What a profile would change."""
    return member(Ask("POST", f"{API}/profile/diff", Differences, profile), "changes")


def save_profile() -> Ask[str]:
    """Write the file the engine was started with."""
    return member(Ask("POST", f"{API}/profile/save", SavedView, {}), "path")


# -- sessions -------------------------------------------------------------------------------


def sessions() -> Ask[list[SessionView]]:
    """All owners of faults."""
    return Ask("GET", f"{API}/sessions", list[SessionView])


def open_session(lease: float = 30.0, owner: str = "") -> Ask[SessionView]:
    """Open a session: an owner of faults, which end ``lease`` seconds after it last renewed."""
    return Ask("POST", f"{API}/sessions", SessionView, {"lease": lease, "owner": owner})


def renew_session(id: str) -> Ask[SessionView]:
    """Begin a session's lease anew."""
    return Ask("PUT", f"{API}/sessions/{part(id)}", SessionView, {})


def close_session(id: str) -> Ask[None]:
    """End a session and its faults."""
    return Ask("DELETE", f"{API}/sessions/{part(id)}", type(None))


def add_fault(
    session: str,
    behavior: str,
    *,
    proxy: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    duration: float | None = None,
) -> Ask[FaultView]:
    """Put a mix over a proxy's own for as long as the session lives."""
    body = given(behavior=behavior, proxy=proxy, options=options, duration=duration)
    return Ask("POST", f"{API}/sessions/{part(session)}/faults", FaultView, body)


def remove_fault(session: str, fault: str) -> Ask[None]:
    """Take one fault of a session away."""
    path = f"{API}/sessions/{part(session)}/faults/{part(fault)}"
    return Ask("DELETE", path, type(None))
