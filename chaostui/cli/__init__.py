"""The command line: ``chaostui [PROFILE]`` and its commands.

* ``start``      the console or the headless engine;  ``overrides``  what its options change
* ``catalogue``  handlers and protocols;  ``profile``  check, convert and import_toxiproxy
* ``attach``     the console on a running engine
* ``report``     what a record tells
* ``demo``       backends and traffic of its own
* ``ctl``        drives a running engine;  ``target``  finds it, ``engines`` lists them
* ``completion`` for shells
* ``failures``   errors to one line and an exit code;  ``output``  what is printed, made harmless

A command's module, and what it needs, is loaded when it is called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "attach": ("attach", "the console on an engine that is running"),
    "check": ("profile", "say what is wrong with a profile"),
    "completion": ("completion", "what makes bash, zsh or fish complete commands and options"),
    "config": ("config", "the console's own settings: sample, path, check"),
    "convert": ("profile", "make a profile of a Vaurien INI file"),
    "ctl": ("ctl", "drive a running engine: list, get, set, weight, halt, reset …"),
    "demo": ("demo", "built-in backends and traffic: a live picture with no set-up"),
    "import-toxiproxy": ("profile", "make a profile of a Toxiproxy configuration file"),
    "engines": ("engines", "the engines that run here, by number"),
    "handlers": ("catalogue", "the handlers and their settings"),
    "protocols": ("catalogue", "the protocols and the errors they speak"),
    "report": ("report", "what a record tells: which faults really hit, who changed what"),
}
"""Commands by name: the module that holds each, and one line of help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: this process's) and return its exit code."""
    if arguments is None and "_CHAOSTUI_COMPLETE" in os.environ:
        from chaostui.cli.completion import complete

        return complete()
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given.pop(0) if given and given[0] in COMMANDS else ""
    from chaostui.cli.failures import guarded

    def run() -> object:
        module, _ = COMMANDS.get(name, ("start", ""))
        function = name.replace("-", "_") or "start"
        command = getattr(import_module(f"chaostui.cli.{module}"), function)
        title = f"chaostui {name}".strip()
        command.context_settings.setdefault("help_option_names", ["-h", "--help"])
        return command.main(given, prog_name=title, standalone_mode=False)

    return guarded(run, _ready_fd(given))


def _ready_fd(given: Sequence[str]) -> int | None:
    """Where somebody waits for the engine, known before anything can go wrong."""
    where = given.index("--ready-fd") + 1 if "--ready-fd" in given else len(given)
    return int(given[where]) if where < len(given) and given[where].isdecimal() else None
