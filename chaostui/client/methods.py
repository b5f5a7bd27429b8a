"""The calls of the API as methods, once for both clients."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from chaostui.client import calls
from chaostui.client.ask import Ask
from chaostui.client.signature import describe

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")


class Waits(Protocol):
    """A client whose calls return when they are answered."""

    def do(self, ask: Ask[S]) -> S: ...


class Awaits(Protocol):
    """A client whose calls are awaited."""

    async def do(self, ask: Ask[S]) -> S: ...


class Called(Generic[P, T]):
    """A method that asks what ``make`` says, and answers as its client does."""

    def __init__(self, make: Callable[P, Ask[T]]) -> None:
        @functools.wraps(make)
        def method(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            return client.do(make(*args, **kwargs))

        describe(method, make)
        self._method: Any = method

    @overload
    def __get__(self, client: Awaits, owner: type) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: Waits, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[..., Any]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        return self._method if client is None else self._method.__get__(client, owner)


class Calls:
    """Every call, Vaurien's first. What each does says ``calls``."""

    get_handler = Called(calls.get_handler)
    set_handler = Called(calls.set_handler)
    list_handlers = Called(calls.list_handlers)
    get_behavior = Called(calls.get_behavior)
    set_behavior = Called(calls.set_behavior)
    list_behaviors = Called(calls.list_behaviors)
    get_backend = Called(calls.get_backend)
    set_backend = Called(calls.set_backend)

    request = Called(calls.request)
    health = Called(calls.health)
    version = Called(calls.version)
    engine = Called(calls.engine)
    stats = Called(calls.stats)
    handlers = Called(calls.handlers)
    protocols = Called(calls.protocols)
    halted = Called(calls.halted)
    halt = Called(calls.halt)
    release = Called(calls.release)
    reset = Called(calls.reset)
    stop_engine = Called(calls.stop_engine)
    proxies = Called(calls.proxies)
    proxy = Called(calls.proxy)
    add_proxy = Called(calls.add_proxy)
    update_proxy = Called(calls.update_proxy)
    remove_proxy = Called(calls.remove_proxy)
    mix = Called(calls.mix)
    set_mix = Called(calls.set_mix)
    set_weight = Called(calls.set_weight)
    set_weights = Called(calls.set_weights)
    set_bypass = Called(calls.set_bypass)
    freeze = Called(calls.freeze)
    thaw = Called(calls.thaw)
    handler = Called(calls.handler)
    set_options = Called(calls.set_options)
    chain = Called(calls.chain)
    add_chain = Called(calls.add_chain)
    update_chain = Called(calls.update_chain)
    remove_chain = Called(calls.remove_chain)
    connections = Called(calls.connections)
    connection = Called(calls.connection)
    reset_connection = Called(calls.reset_connection)
    pin = Called(calls.pin)
    recent_events = Called(calls.recent_events)
    journal = Called(calls.journal)
    note = Called(calls.note)
    profile = Called(calls.profile)
    profile_toml = Called(calls.profile_toml)
    authority = Called(calls.authority)
    apply_profile = Called(calls.apply_profile)
    diff_profile = Called(calls.diff_profile)
    save_profile = Called(calls.save_profile)
    sessions = Called(calls.sessions)
    open_session = Called(calls.open_session)
    renew_session = Called(calls.renew_session)
    close_session = Called(calls.close_session)
    add_fault = Called(calls.add_fault)
    remove_fault = Called(calls.remove_fault)
