"""The options that change a profile: each says one setting, and only what was typed counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
from msgspec import Struct

from chaostui import registry
from chaostui.options import describe
from chaostui.profiles import Draft
from chaostui.profiles.mistakes import Path

PROXY: Path = ("proxy", 0)
TOXIPROXY = "127.0.0.1:8474"


class Override(NamedTuple):
    """An option, the setting it says, and what it is for."""

    names: tuple[str, ...]
    path: Path
    help: str
    metavar: str = ""
    flag: bool = False
    many: bool = False
    bare: str | None = None
    """What it says without a value."""

    @property
    def key(self) -> str:
        """The name of the click parameter."""
        return "_".join(map(str, self.path))


OVERRIDES = (
    Override(
        ("--local", "--proxy", "--listen"),
        (*PROXY, "listen"),
        "Where the application connects to (default localhost:8000).",
        "HOST:PORT",
    ),
    Override(
        ("--distant", "--backend"),
        (*PROXY, "backend"),
        "Where the traffic goes (default localhost:80).",
        "HOST:PORT",
    ),
    Override(("--protocol",), (*PROXY, "protocol"), "What the backend speaks.", "NAME"),
    Override(
        ("--behavior",), (*PROXY, "behavior"), "Handlers by percent: 20:delay,5:errors.", "MIX"
    ),
    Override(("--tls",), (*PROXY, "tls"), "Of clients: passthrough, refuse, terminate.", "MODE"),
    Override(
        ("--tls-cert",),
        (*PROXY, "tls_cert"),
        "To terminate TLS with (PEM; default: one is made).",
        "FILE",
    ),
    Override(("--tls-key",), (*PROXY, "tls_key"), "Its key, if not in the same file.", "FILE"),
    Override(
        ("--backend-tls",),
        (*PROXY, "backend_tls"),
        "Of terminated TLS: off, on, verify.",
        "MODE",
    ),
    Override(
        ("--backend-tls-ca",), (*PROXY, "backend_tls_ca"), "Whom to trust then (PEM).", "FILE"
    ),
    Override(("--backend-tls-cert",), (*PROXY, "backend_tls_cert"), "To show to it (PEM).", "FILE"),
    Override(
        ("--backend-tls-key",),
        (*PROXY, "backend_tls_key"),
        "Its key, if not in the same file.",
        "FILE",
    ),
    Override(
        ("--connect-timeout",), (*PROXY, "connect_timeout"), "To reach the backend.", "SECONDS"
    ),
    Override(
        ("--api",),
        ("control", "listen"),
        "The HTTP API; headless without a profile: localhost:8080.",
        "HOST:PORT|unix:PATH",
    ),
    Override(
        ("--toxiproxy",),
        ("control", "toxiproxy"),
        f"Toxiproxy's API (without an address: {TOXIPROXY}).",
        "[HOST:PORT]",
        bare=TOXIPROXY,
    ),
    Override(
        ("--api-token-file",), ("control", "token_file"), "Callers must know its token.", "FILE"
    ),
    Override(("--api-no-auth",), ("control", "no_auth"), "Anyone may call the API.", flag=True),
    Override(
        ("--api-allow-host",), ("control", "allow_host"), "Allowed in Host.", "HOST", many=True
    ),
    Override(
        ("--allow-upstream",),
        ("control", "allow_upstream"),
        "Let the API name link-local backends.",
        flag=True,
    ),
    Override(
        ("--allow-remote-listen",),
        ("control", "allow_remote_listen"),
        "Let the API listen where other hosts can connect.",
        flag=True,
    ),
    Override(("--seed",), ("seed",), "Same seed, same decisions.", "NUMBER"),
    Override(("--drain",), ("drain",), "How long a stop waits for connections.", "SECONDS"),
    Override(("--max-held",), ("max_held",), "Bytes that faults may hold in all.", "BYTES"),
    Override(("--log-level",), ("log_level",), "debug, info, warning, error, critical.", "LEVEL"),
    Override(("--log-output",), ("log_output",), "A file, or - for standard error.", "FILE"),
)

NOTHING = (None, False, ())
"""What an option is that was not typed."""

NO_EFFECT = {
    "--stay-connected": False,
    "--protocol-tcp-keep-alive": False,
    "--protocol-tcp-reuse-socket": False,
    "--protocol-tcp-buffer": True,
    "--pool-max-size": True,
    "--pool-timeout": True,
    "--backlog": True,
    "--bufsize": True,
}
"""Options of Vaurien that tuned its own sockets, and whether they take a value."""


def parameters() -> list[click.Parameter]:
    """The options of the table, and those of Vaurien that have no effect here."""
    return [*map(_option, OVERRIDES), *_without_effect()]


def _option(override: Override) -> click.Option:
    bare: dict[str, Any] = {} if override.bare is None else {"flag_value": override.bare}
    return click.Option(
        [override.key, *override.names],
        help=override.help,
        metavar=override.metavar or None,
        callback=_small if override.key == "log_level" else None,
        is_flag=override.flag,
        **bare,
        multiple=override.many,
        default=None,
    )


def _small(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Vaurien took INFO as well as info."""
    return value and value.lower()


def _without_effect() -> Iterator[click.Option]:
    for name, takes_value in NO_EFFECT.items():
        yield click.Option([name], hidden=True, is_flag=not takes_value, expose_value=False)


def of_vaurien(arguments: Sequence[str]) -> list[click.Parameter]:
    """``--behavior-delay-sleep 2`` and ``--protocol-http-…``, where such a one was typed."""
    found: list[click.Parameter] = []
    if any(argument.startswith("--behavior-") for argument in arguments):
        for name, kind in registry.builtin().handlers.items():
            found += _options_of("behavior", name, kind.Options)
        # The second generation said with it which way is delayed.
        found.append(click.Option(["--behavior-delay-before"], is_flag=True, hidden=True))
    if any(argument.startswith("--protocol-") for argument in arguments):
        for name, protocol in registry.builtin().protocols.items():
            found += _options_of("protocol", name, protocol.Options)
    return found


def _options_of(what: str, name: str, options: type[Struct]) -> Iterator[click.Option]:
    for option in describe(options):
        words = f"--{what}-{name}-{option.name}"
        names = dict.fromkeys((words.replace("_", "-"), words))
        key = f"{what}/{name}/{option.name}".replace("-", "_")
        yield _Dynamic(
            [key.replace("/", "__"), *names],
            what,
            name,
            option.name,
            is_flag=option.type == "boolean",
        )


class _Dynamic(click.Option):
    """An option that stands for a handler's or a protocol's own."""

    def __init__(self, names: list[str], what: str, owner: str, setting: str, **more: Any) -> None:
        super().__init__(names, hidden=True, default=None, **more)
        self.what = what
        self.owner = owner
        self.setting = setting


def apply(draft: Draft, context: click.Context, arguments: Sequence[str], file: str) -> None:
    """Put everything that was typed over the draft."""
    for override in OVERRIDES:
        value = context.params[override.key]
        if value not in NOTHING:
            spelled = next((n for n in override.names if _typed(n, arguments)), override.names[0])
            for path in _places(draft, override.path, spelled, file):
                draft.put(path, _spelled(value), spelled)
    for parameter in context.command.get_params(context):
        if isinstance(parameter, _Dynamic):
            _say(draft, parameter, context.params.get(parameter.name or ""))
    if context.params.get("behavior_delay_before"):
        draft.put(("handler", "delay", "direction"), "upstream", "--behavior-delay-before")
    settings(draft, context.params["set_"])


def _spelled(value: Any) -> Any:
    """A value as a profile has it: several values as an array."""
    if isinstance(value, tuple):
        return list(value)
    return value


def _typed(name: str, arguments: Sequence[str]) -> bool:
    return any(argument == name or argument.startswith(f"{name}=") for argument in arguments)


def _places(draft: Draft, path: Path, spelled: str, file: str) -> list[Path]:
    """Where a setting belongs: a mix goes to all proxies, other things to the only one."""
    if path[:1] != PROXY[:1]:
        return [path]
    count = len(draft.raw["proxy"])
    if count > 1 and path[-1] != "behavior":
        what = f"{spelled}: {file} has {count} proxies; say it there"
        raise click.UsageError(what)
    return [("proxy", index, *path[2:]) for index in range(count)]


def _say(draft: Draft, option: _Dynamic, value: Any) -> None:
    if value in NOTHING:
        return
    if option.what == "behavior":
        say(draft, option.owner, option.setting, value, option.opts[0])
        return
    for index, proxy in enumerate(draft.raw["proxy"]):
        # As in Vaurien, what is said of another protocol than the proxy's has no effect.
        if proxy.get("protocol", "tcp") == option.owner:
            draft.put(("proxy", index, "protocol_options", option.setting), value, option.opts[0])


def say(draft: Draft, handler: str, setting: str, value: Any, option: str) -> None:
    """Put a handler's setting over the draft, under the name the handler has there."""
    known = registry.builtin().handlers
    tables = draft.raw.get("handler", {})
    same = (name for name in tables if name in known and known[name] is known.get(handler))
    draft.put(("handler", next(same, handler), *setting.split(".")), value, option)


def settings(draft: Draft, given: Sequence[str]) -> None:
    """``--set delay.sleep=2``, or ``--set errors.match.command=GET``."""
    for text in given:
        name, equals, value = text.partition("=")
        handler, dot, setting = name.partition(".")
        if not (equals and dot and handler and setting):
            raise click.UsageError(f"--set: {text!r} is not HANDLER.OPTION=VALUE")
        say(draft, handler.strip(), setting.strip(), value.strip(), f"--set {name}")
