"""Commands on proxies and on the engine as a whole."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from chaostui import profiles
from chaostui.cli import output
from chaostui.cli.ctl import show
from chaostui.cli.ctl.group import Asked, argument, command
from chaostui.profiles.write import plain
from chaostui.wire.shapes import Difference


def _list(asked: Asked) -> None:
    found = asked.client.proxies()
    asked.say(found, *show.proxies(found))


def _get(asked: Asked, name: str | None) -> None:
    wanted = name or asked.proxy
    if wanted is None and not asked.as_json:
        for number, each in enumerate(asked.client.proxies()):
            asked.say(each, *([""] if number else []), *show.proxy(each))
        return
    found = asked.client.proxy(wanted)
    asked.say(found, *show.proxy(found))


def _add(asked: Asked, name: str, listen: str, backend: str, **settings: Any) -> None:
    given = {key: value for key, value in settings.items() if value is not None}
    found = asked.client.add_proxy(name, listen, backend, **given)
    asked.say(found, f"{found.name} listens on {found.listen}")


def _remove(asked: Asked, name: str) -> None:
    asked.client.remove_proxy(name)
    asked.say(None, f"{name} is gone")


def _enable(asked: Asked, name: str | None) -> None:
    found = asked.client.update_proxy(name or asked.one, enabled=True)
    asked.say(found, f"{found.name} listens on {found.listen}")


def _disable(asked: Asked, name: str | None) -> None:
    found = asked.client.update_proxy(name or asked.one, enabled=False)
    asked.say(found, f"{found.name} is closed")


def _freeze(asked: Asked, name: str | None) -> None:
    found = asked.client.freeze(name or asked.one)
    asked.say(found, f"{found.name} is frozen: `thaw` lets it go on")


def _thaw(asked: Asked, name: str | None) -> None:
    found = asked.client.thaw(name or asked.one)
    asked.say(found, f"{found.name} goes on")


def _backend(asked: Asked, address: str) -> None:
    found = asked.client.update_proxy(asked.one, backend=address)
    asked.say(found, f"{found.name} connects to {found.backend}")


def _tls(asked: Asked, mode: str, certificate: str | None, backend: str) -> None:
    changes = {"tls": mode, "backend_tls": backend if mode == "terminate" else "off"}
    if certificate is not None:
        changes["tls_cert"] = certificate
    if changes["backend_tls"] == "off":
        changes |= dict.fromkeys(("backend_tls_ca", "backend_tls_cert", "backend_tls_key"), "")
    found = asked.client.update_proxy(asked.one, **changes)
    asked.say(found, f"{found.name}: tls is {found.tls} for connections that come from now on")


def _authority(asked: Asked) -> None:
    pem = asked.client.authority()
    if asked.as_json:
        asked.say({"pem": pem})
    else:
        output.say_text(pem)


def _halt(asked: Asked, reason: tuple[str, ...]) -> None:
    found = asked.client.halt(" ".join(reason))
    asked.say(found, "halted: everything is normal; `release` takes faults again")


def _release(asked: Asked) -> None:
    asked.client.release()
    asked.say(None, "released")


def _reset(asked: Asked) -> None:
    asked.client.reset()
    asked.say(None, "reset: mixes normal, chains empty, all proxies on")


def _stop(asked: Asked) -> None:
    view = asked.client.engine()
    asked.client.stop_engine()
    opened = sum(proxy.stats.open for proxy in view.proxies)
    rest = f"; {opened} open connections have its drain time to end" if opened else ""
    asked.say(None, f"engine {view.pid} ends{rest}")


def _stats(asked: Asked) -> None:
    found = asked.client.stats(asked.proxy)
    headers = ("PROXY", "CONNECTIONS", "OPEN", "REFUSED", "EXCHANGES", "UP", "DOWN", "P50", "P99")
    rows = (
        (
            name,
            s.connections,
            s.open,
            s.refused,
            s.exchanges,
            s.upstream,
            s.downstream,
            show.milliseconds(s.latency.p50),
            show.milliseconds(s.latency.p99),
        )
        for name, s in found.items()
    )
    asked.say(found, *show.columns(headers, rows))


def _profile(asked: Asked) -> None:
    if asked.as_json:
        asked.say(asked.client.profile())
    else:
        output.say_text(asked.client.profile_toml())


def _apply(asked: Asked, file: str) -> None:
    given = plain(profiles.load(file))
    changes = _differences(asked.client.diff_profile(given))
    found = asked.client.apply_profile(given)
    asked.say(found, *changes, *show.proxies(found.proxies))


def _diff(asked: Asked, file: str) -> None:
    found = asked.client.diff_profile(plain(profiles.load(file)))
    asked.say(found, *_differences(found))


def _differences(found: list[Difference]) -> list[str]:
    return [_difference(each) for each in found] or ["no difference"]


def _difference(each: Difference) -> str:
    proxy = each.path.startswith("proxy.")
    if proxy and isinstance(each.given, dict) and each.running is None:
        return f"{each.path}: added, {each.given['listen']} -> {each.given['backend']}"
    if proxy and isinstance(each.running, dict) and each.given is None:
        return f"{each.path}: removed"
    return f"{each.path}: {_json(each.running)} -> {_json(each.given)}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _save(asked: Asked) -> None:
    path = asked.client.save_profile()
    asked.say({"path": path}, f"wrote {path}")


SETTINGS = (
    click.Option(["--protocol"], metavar="NAME", help="What the backend speaks."),
    click.Option(["--behavior"], metavar="MIX", help="Handlers by percent."),
)

COMMANDS = [
    command(_list, "list", help="List the proxies."),
    command(_get, "get", argument("name", optional=True), help="Show one proxy in detail, or all."),
    command(
        _add,
        "add",
        argument("name"),
        argument("listen"),
        argument("backend"),
        *SETTINGS,
        help="Make a proxy.",
    ),
    command(_remove, "remove", argument("name"), help="Remove a proxy and its connections."),
    command(_enable, "enable", argument("name", optional=True), help="Open a proxy."),
    command(_disable, "disable", argument("name", optional=True), help="Close a proxy."),
    command(
        _freeze,
        "freeze",
        argument("name", optional=True),
        help="Accept nothing new, pass nothing, close nothing.",
    ),
    command(_thaw, "thaw", argument("name", optional=True), help="Let a frozen proxy go on."),
    command(_backend, "backend", argument("address"), help="Connect elsewhere from now on."),
    command(
        _tls,
        "tls",
        click.Argument(["mode"], type=click.Choice(["passthrough", "refuse", "terminate"])),
        argument("certificate", optional=True),
        click.Option(
            ["--backend"],
            type=click.Choice(["off", "on", "verify"]),
            default="on",
            help="How terminated TLS goes on: off is plain text (default on).",
        ),
        help="Say what becomes of clients' TLS: terminate lets faults act inside of it.",
    ),
    command(
        _authority,
        "authority",
        help="Print the certificate to trust where TLS ends without one of yours.",
    ),
    command(
        _halt,
        "halt",
        argument("reason", many=True, optional=True),
        help="Make everything normal and refuse new faults.",
    ),
    command(_release, "release", help="Take faults again after a halt."),
    command(_reset, "reset", help="Make all normal, empty all chains, open all proxies."),
    command(_stop, "stop", help="End the engine: it drains first."),
    command(_stats, "stats", help="Show the counters."),
    command(_profile, "profile", help="Print the profile that the engine runs now."),
    command(_apply, "apply", argument("file"), help="Make the engine what a profile says."),
    command(_diff, "diff", argument("file"), help="Show what a profile would change."),
    command(_save, "save", help="Write the profile the engine was started with."),
]
