"""Prints which of the product's functions one message goes through, in both directions.

``python -m tests.trace untouched|delayed|redis`` shows each call with its file, then how many
calls there were, in how many files, and how often one led back to a file already left.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import chaostui

ROOT = str(Path(chaostui.__file__).parent) + "/"
MESSAGE = b"*1\r\n$4\r\nPING\r\n"
BESIDE = ("runtime.py", "jobs.py", "memory.py", "sweep.py", "watch.py", "files.py")
"""Files of what the engine does by the clock, whoever speaks."""


class Called(NamedTuple):
    """One call of a function of the product."""

    file: str
    name: str


class Figures(NamedTuple):
    """What a message costs."""

    calls: int
    files: int
    returns: int
    """Calls into a file that was left before, for another one."""


@contextmanager
def traced() -> Iterator[list[Called]]:
    """Note each call of the product's while the block runs."""
    calls: list[Called] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ROOT):
            calls.append(Called(code.co_filename.removeprefix(ROOT), code.co_qualname))

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def figures(calls: list[Called]) -> Figures:
    """Count the calls, their files, and the returns to files already left."""
    returns, seen, current = 0, set[str](), ""
    for call in calls:
        if call.file != current:
            returns += call.file in seen
            seen.add(call.file)
            current = call.file
    return Figures(len(calls), len(seen), returns)


async def message(kind: str, *, again: bool = False) -> tuple[list[Called], list[Called]]:
    """The calls of a warm connection's message, and those of its answer.

    With ``again`` each side has said something just before, so that no exchange begins and no
    reply either.
    """
    from tests.engine.rig import proxied

    async with proxied(protocol="redis" if kind == "redis" else "tcp") as rig:
        client, server = await rig.pair()
        if kind == "delayed":
            await rig.fault("delay", sleep=0.05)
        for _ in range(2):
            await _across(client, server)
            await _across(server, client)
        if again:
            await _across(client, server)
        with traced() as up:
            await _across(client, server)
        if again:
            await _across(server, client)
        with traced() as down:
            await _across(server, client)
    return _mine(up), _mine(down)


async def _across(source: Any, dest: Any) -> None:
    """Send the message, or the answer to it, and take it at the other end."""
    await source.send(MESSAGE)
    assert await dest.receive_exactly(len(MESSAGE)) == MESSAGE


def _mine(calls: list[Called]) -> list[Called]:
    """The calls of the message's own."""
    return [call for call in calls if not call.file.endswith(BESIDE)]


KINDS = ("untouched", "delayed", "redis")


def main(kinds: list[str]) -> None:
    """Print the calls of each kind of message, then its figures."""
    for kind in kinds:
        up, down = asyncio.run(message(kind))
        for way, calls in (("upstream", up), ("downstream", down)):
            print(f"{kind}, {way}:")
            for call in calls:
                print(f"    {call.file:40} {call.name}")
        found = figures(up + down)
        print(f"{kind}: {found.calls} calls, {found.files} files, {found.returns} returns\n")


if __name__ == "__main__":
    wrong = set(sys.argv[1:]) - set(KINDS)
    if wrong or len(sys.argv) < 2:
        raise SystemExit(f"python -m tests.trace {'|'.join(KINDS)} …")
    main(sys.argv[1:])
