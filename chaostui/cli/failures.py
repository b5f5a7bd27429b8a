"""Errors become one line each and an exit code; nobody ever reads a traceback."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable

import click
import msgspec

from chaostui import errors
from chaostui.options import did_you_mean
from chaostui.safe_text import safe_text

OK, INTERNAL, USAGE, CANNOT_BIND, CUT, INTERRUPTED = 0, 1, 2, 3, 4, 130

EXIT_CODES: dict[type[errors.ChaosError], int] = {
    errors.SettingsError: USAGE,
    errors.NotFound: USAGE,
    errors.Conflict: USAGE,
    errors.NotAllowed: USAGE,
    errors.Halted: USAGE,
    errors.EngineRefused: USAGE,
    errors.CannotListen: CANNOT_BIND,
    errors.EngineUnreachable: INTERNAL,
    errors.FaultLost: INTERNAL,
    errors.HandlerError: INTERNAL,
}
"""What each branch of the error tree ends the process with."""


def guarded(run: Callable[[], object], ready_fd: int | None = None) -> int:
    """Run a command; whatever it raises is told in lines on standard error.

    Whoever waits at ``ready_fd`` for an engine to be ready is told too.
    """
    try:
        code = run()
    except click.Abort:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone: what is still in the buffer must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:  # noqa: BLE001 - this is where every error ends
        lines, code = _explain(error)
        _tell(lines, ready_fd)
        return code
    return code if isinstance(code, int) else OK


def _explain(error: Exception) -> tuple[list[str], int]:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message().split("\n"), USAGE
    if isinstance(error, click.ClickException):
        return [usage(error)], USAGE
    if isinstance(error, errors.ChaosError):
        return str(error).split("\n"), exit_code(error)
    return [_internal(error)], INTERNAL


def exit_code(error: errors.ChaosError) -> int:
    """The exit code of an error, by the nearest class in the table."""
    return next((EXIT_CODES[k] for k in type(error).__mro__ if k in EXIT_CODES), INTERNAL)


def usage(error: click.ClickException) -> str:
    """A wrong command line in one line: the option, what is wrong, the nearest name."""
    match error:
        case click.NoSuchOption():
            near = list(error.possibilities or ())[:1]
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"{error.option_name}: no such option{hint}"
        case click.BadOptionUsage():
            return f"{error.option_name}: {_plain(error)}"
        case click.MissingParameter():
            return _plain(error)
        case click.BadParameter() if error.param is not None:
            return f"{error.param.opts[-1]}: {_plain(error)}"
    return _plain(error)


def _plain(error: click.ClickException) -> str:
    told = isinstance(error, click.BadParameter) and error.message
    text = error.message if told else error.format_message()
    text = re.sub(r"^Option '[^']*' ", "", text.removesuffix("."))
    return text[:1].lower() + text[1:]


def unknown_command(name: str, known: list[str]) -> click.UsageError:
    """The error for a command that does not exist."""
    return click.UsageError(f"no command {safe_text(name)!r}{did_you_mean(name, known)}")


def _internal(error: Exception) -> str:
    """Put the traceback into a file, and say in one line where."""
    import tempfile
    import traceback

    reason = f"internal error: {type(error).__name__}: {error}".removesuffix(": ")
    try:
        handle, path = tempfile.mkstemp(prefix="chaostui-", suffix=".log")
        with os.fdopen(handle, "w") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return reason
    return f"{reason} (details: {path})"


def _tell(lines: list[str], ready_fd: int | None) -> None:
    safe = [safe_text(line, 2000) for line in lines]
    for line in safe:
        click.echo(line, err=True)
    if ready_fd is not None:
        with contextlib.suppress(OSError):
            os.write(ready_fd, msgspec.json.encode({"error": "\n".join(safe)}) + b"\n")
