"""The profile: what the engine is, as a file would say it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import tomli
from msgspec import structs
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chaostui import profiles
from chaostui.api import policy
from chaostui.api.body import parse
from chaostui.api.routes import Call, Query, Route
from chaostui.errors import NotAllowed
from chaostui.registry import CALLABLE
from chaostui.settings import Profile
from chaostui.wire.shapes import Difference, Differences, ProfileView, SavedView
from chaostui.wire.views import EngineView

TOML = "application/toml"


async def profile(call: Call) -> ProfileView | Response:
    """Show the profile that would make the engine what it is now."""
    kind = call.query("format") or "json"
    if kind not in ("json", "toml"):
        raise HTTPException(400, "format: json or toml is wanted")
    text = await asyncio.to_thread(profiles.dump, call.supervisor.profile())
    if kind == "toml":
        return Response(text, media_type=TOML)
    return ProfileView(profile=tomli.loads(text))


async def apply(call: Call) -> EngineView:
    """Make the engine what a profile says, wholly or not at all."""
    given = await _given(call)
    await call.supervisor.apply(given, call.actor)
    return call.supervisor.view()


async def diff(call: Call) -> Differences:
    """Say what a profile would change."""
    changes = call.supervisor.diff(await _given(call))
    return Differences(changes=[Difference(**change) for change in changes])


async def save(call: Call) -> SavedView:
    """Write the file that the engine was started with."""
    path = call.supervisor.source
    if not path:
        raise HTTPException(409, "the engine was started without a profile file")
    await asyncio.to_thread(profiles.save, path, call.supervisor.profile())
    await call.supervisor.note(f"profile saved to {path}", call.actor)
    return SavedView(path=path)


async def _given(call: Call) -> Profile:
    """The profile of the body, held against what HTTP may say."""
    raw = await call.raw()
    running = call.supervisor.profile()
    code = {table[CALLABLE] for table in running.handler.values() if CALLABLE in table}
    catalog = call.supervisor.catalog
    read: Callable[[], Profile]
    if call.request.headers.get("content-type", "").partition(";")[0].strip() == TOML:
        text = _text(raw)
        read = lambda: profiles.loads(text, catalog=catalog, code=code)  # noqa: E731
    else:
        value = parse(raw)
        read = lambda: profiles.from_builtins(value, catalog=catalog, code=code)  # noqa: E731
    return _allowed(call, await asyncio.to_thread(read), running)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "bad request body: not UTF-8") from None


def _allowed(call: Call, given: Profile, running: Profile) -> Profile:
    """Keep what only the engine's owner may change, and refuse addresses as elsewhere."""
    for key in ("control", "log_output"):
        said = getattr(given, key)
        if said not in (getattr(running, key), getattr(Profile(), key)):
            raise NotAllowed(f"{key}: only a profile file or the command line can change it")
    known = {proxy.name: proxy for proxy in running.proxy}
    control = call.control
    for proxy in given.proxy:
        before = known.get(proxy.name)
        policy.check(
            control.settings,
            control.addresses,
            listen=None if before and before.listen == proxy.listen else proxy.listen,
            backend=None if before and before.backend == proxy.backend else proxy.backend,
        )
    kept: Profile = structs.replace(given, control=running.control, log_output=running.log_output)
    return kept


_BODY = "a profile as JSON, or as TOML with `Content-Type: application/toml`"

ROUTES = (
    Route(method="GET", path="/profile", endpoint=profile, answer=ProfileView,
          summary="The profile that would make the engine what it is now",
          queries=(Query("format", "`json`, or `toml` for application/toml"),)),
    Route(method="PUT", path="/profile", endpoint=apply, takes=_BODY, shape=Profile,
          answer=EngineView, summary="Make the engine what a profile says, wholly or not at all"),
    Route(method="POST", path="/profile/diff", endpoint=diff, takes=_BODY, shape=Profile,
          answer=Differences, summary="What a profile would change"),
    Route(method="POST", path="/profile/save", endpoint=save, answer=SavedView,
          summary="Write the file the engine was started with, comments kept"),
)  # fmt: skip
