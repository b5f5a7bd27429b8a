"""``chaostui [PROFILE]``: the console on an engine of its own, or the engine alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from chaostui import __version__
from chaostui.cli import COMMANDS, glyphs, overrides
from chaostui.options import did_you_mean
from chaostui.profiles import Draft, draft
from chaostui.profiles.defaults import BACKEND, CONTROL_HOST, CONTROL_PORT, LISTEN
from chaostui.safe_text import safe_text
from chaostui.settings import Profile

DEFAULT_FILE = "chaos.toml"
TYPED = "chaostui.typed"
DYNAMIC = "chaostui.dynamic"


HELP = f"""Break the traffic between an application and its backend, on demand.

Shows the console on an engine of its own that runs PROFILE (default: {DEFAULT_FILE}, where it
is there), a TOML profile or a Vaurien INI file. Without one the console asks where to listen
and where to connect, or the options say it all:

\b
  chaostui --headless --local localhost:8000 --distant example.com:80 --behavior 20:delay
"""


class Start(click.Command):
    """The command without a name; it also takes Vaurien's options for single handlers."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[TYPED] = tuple(args)
        ctx.meta[DYNAMIC] = overrides.of_vaurien(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *ctx.meta.get(DYNAMIC, ())]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _start(
    profile: str | None,
    config: str | None,
    headless: bool,
    keep: bool,
    drawn: str | None,
    unix: str,
    ready_fd: int | None,
    owner_fd: int | None,
    record: str,
    **_: Any,
) -> int:
    context = click.get_current_context()
    if profile and config:
        raise click.UsageError(f"--config: there is a profile already, {profile}")
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal; --headless runs without one")
    file = profile or config or _default_file(context)

    def read() -> Profile:
        return _read(file, context)

    first = read()
    if not headless:
        from chaostui import console

        # With nothing said at all the console asks for a first proxy.
        empty = [] if file or _about_a_proxy(context) else ["--no-proxy"]
        arguments = ["--headless", *empty, *context.meta[TYPED]]
        return console.own(arguments, profile=file, keep=keep, glyphs=drawn or "")
    from chaostui import run

    launch = run.Launch(
        source=file, reload=read, unix=unix, ready_fd=ready_fd, owner_fd=owner_fd, record=record
    )
    return run.headless(first, launch)


def _read(file: str, context: click.Context) -> Profile:
    """The profile that the file and the command line say together."""
    read = draft(_existing(file)) if file else Draft({})
    if file:
        # What is wrong with the file itself is said before options are put over it.
        read.build()
    _fill_in(read, context, from_file=bool(file))
    overrides.apply(read, context, context.meta[TYPED], file)
    return read.build()


def _existing(file: str) -> str:
    """The file, or the nearest thing to say when it is a command's name that came too late."""
    if Path(file).exists():
        return file
    if file in COMMANDS:
        raise click.UsageError(f"{file} is a command and comes first: chaostui {file} …")
    place = Path(file)
    beside = [str(place.with_name(f.name)) for f in _profiles(place.parent)]
    if near := did_you_mean(file, [*COMMANDS, *beside]):
        what = "profile" if place.suffix else "command or profile"
        raise click.UsageError(f"there is no {what} {safe_text(file)!r}{near}")
    return file


def _profiles(folder: Path) -> list[Path]:
    try:
        return [f for f in folder.iterdir() if f.suffix in (".toml", ".ini", ".json")]
    except OSError:
        return []


def _default_file(context: click.Context) -> str:
    return DEFAULT_FILE if not _about_a_proxy(context) and Path(DEFAULT_FILE).exists() else ""


def _about_a_proxy(context: click.Context) -> bool:
    keys = [override.key for override in overrides.OVERRIDES if override.path[0] == "proxy"]
    return any(context.params[key] is not None for key in keys)


def _fill_in(read: Draft, context: click.Context, *, from_file: bool) -> None:
    """Vaurien's defaults, where no profile says it."""
    about_a_proxy = _about_a_proxy(context)
    only_toxiproxy = context.params["control_toxiproxy"] and not about_a_proxy
    wanted = about_a_proxy or not (from_file or context.params["no_proxy"])
    if not read.raw.get("proxy") and wanted and not only_toxiproxy:
        read.raw["proxy"] = [{"name": "proxy", "listen": LISTEN, "backend": BACKEND}]
    read.raw.setdefault("proxy", [])
    host, port = context.params["http_host"], context.params["http_port"]
    asked = context.params["http"] or host or port
    # A console that keeps its engine, or a program, is told of the Unix socket.
    owned = not {context.params["owner_fd"], context.params["ready_fd"]} <= {None}
    bare = context.params["headless"] and not from_file and not owned
    if asked or bare:
        host_part = f"[{host}]" if host and ":" in host else host or CONTROL_HOST
        address = f"{host_part}:{port or CONTROL_PORT}"
        option = "--http-port" if port else "--http-host" if host else "--http"
        read.put(("control", "listen"), address, option if asked else "--api")


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(__version__)
        ctx.exit()


start = Start(
    "chaostui",
    callback=_start,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Argument(["profile"], required=False),
        click.Option(["--headless"], is_flag=True, help="The engine and its HTTP API alone."),
        click.Option(["--config"], metavar="FILE", help="The same as PROFILE."),
        *overrides.parameters(),
        click.Option(
            ["set_", "--set"],
            multiple=True,
            metavar="HANDLER.OPTION=VALUE",
            help="A handler's setting: delay.sleep=2.",
        ),
        click.Option(["--http"], is_flag=True, help="The HTTP API on localhost:8080."),
        click.Option(["--http-host"], metavar="HOST", help="The HTTP API's host."),
        click.Option(["--http-port"], metavar="PORT", help="The HTTP API's port."),
        click.Option(
            ["--record"], metavar="FILE", default="", help="Keep what happens, for chaostui report."
        ),
        click.Option(["--keep"], is_flag=True, help="The engine outlives the console."),
        glyphs.option(),
        click.Option(["--no-proxy"], hidden=True, is_flag=True, help="None unless it is said."),
        click.Option(["--unix"], hidden=True, default="", help="The API's Unix socket."),
        click.Option(["--ready-fd"], hidden=True, type=int, help="Told when all is bound."),
        click.Option(["--owner-fd"], hidden=True, type=int, help="Ends the engine at its end."),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version.",
        ),
    ],
)
