"""The options that change a profile: each says one setting, and only what was typed counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
from msgspec import Struct

from chaostui import registry
from chaostui.handlers.delay import before
from chaostui.options import describe, fields
from chaostui.profiles import Draft
from chaostui.profiles.mistakes import Path
from chaostui.settings import ControlSettings, Profile, ProxySettings

PROXY: Path = ("proxy", 0)
TOXIPROXY = "127.0.0.1:8474"


class Override(NamedTuple):
    """An option and the setting it says, which tells what it is for."""

    names: tuple[str, ...]
    path: Path
    metavar: str = ""
    note: str = ""
    """What is said beside the setting's own help."""
    flag: bool = False
    many: bool = False
    bare: str | None = None
    """What it says without a value."""

    @property
    def key(self) -> str:
        """The name of the click parameter."""
        return "_".join(map(str, self.path))

    @property
    def help(self) -> str:
        """The setting's help, from the model, as a sentence."""
        kind = _MODELS.get(self.path[0], Profile)
        option = fields(kind)[str(self.path[-1])].option
        told = all(choice in option.help for choice in option.choices)
        more = [] if told else [f"one of {', '.join(option.choices)}"]
        more += [self.note] if self.note else []
        text = option.help[:1].upper() + option.help[1:]
        return f"{text} ({'; '.join(more)})." if more else f"{text}."


_MODELS: dict[str | int, type[Struct]] = {"proxy": ProxySettings, "control": ControlSettings}

OVERRIDES = (
    Override(
        ("--local", "--proxy", "--listen"),
        (*PROXY, "listen"),
        "HOST:PORT",
        "default localhost:8000",
    ),
    Override(("--distant", "--backend"), (*PROXY, "backend"), "HOST:PORT", "default localhost:80"),
    Override(("--protocol",), (*PROXY, "protocol"), "NAME"),
    Override(("--behavior",), (*PROXY, "behavior"), "MIX"),
    Override(("--tls",), (*PROXY, "tls"), "MODE"),
    Override(("--tls-cert",), (*PROXY, "tls_cert"), "FILE"),
    Override(("--tls-key",), (*PROXY, "tls_key"), "FILE"),
    Override(("--backend-tls",), (*PROXY, "backend_tls"), "MODE"),
    Override(("--backend-tls-ca",), (*PROXY, "backend_tls_ca"), "FILE"),
    Override(("--backend-tls-cert",), (*PROXY, "backend_tls_cert"), "FILE"),
    Override(("--backend-tls-key",), (*PROXY, "backend_tls_key"), "FILE"),
    Override(("--connect-timeout",), (*PROXY, "connect_timeout"), "SECONDS"),
    Override(
        ("--api",),
        ("control", "listen"),
        "HOST:PORT|unix:PATH",
        "headless without a profile: localhost:8080",
    ),
    Override(
        ("--toxiproxy",),
        ("control", "toxiproxy"),
        "[HOST:PORT]",
        f"without an address: {TOXIPROXY}",
        bare=TOXIPROXY,
    ),
    Override(("--api-token-file",), ("control", "token_file"), "FILE"),
    Override(("--api-no-auth",), ("control", "no_auth"), flag=True),
    Override(("--api-allow-host",), ("control", "allow_host"), "HOST", many=True),
    Override(("--allow-upstream",), ("control", "allow_upstream"), flag=True),
    Override(("--allow-remote-listen",), ("control", "allow_remote_listen"), flag=True),
    Override(("--seed",), ("seed",), "NUMBER"),
    Override(("--drain",), ("drain",), "SECONDS"),
    Override(("--max-held",), ("max_held",), "BYTES"),
    Override(("--log-level",), ("log_level",), "LEVEL"),
    Override(("--log-output",), ("log_output",), "FILE"),
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
        # The second generation's.
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
        for option, side in before({"before": True}).items():
            draft.put(("handler", "delay", option), side, "--behavior-delay-before")
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
