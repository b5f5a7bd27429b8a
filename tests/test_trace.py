"""How many of the product's functions a message goes through: few, and never more than before."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.trace import Called, figures, message

MOST = {"untouched": 8, "delayed": 123, "redis": 52}
"""Calls of a message that begins an exchange, and of its answer; these only shrink."""


async def test_untouched_bytes_amid_an_exchange_take_three_calls_at_most() -> None:
    """What begins no exchange is read, counted and written, in each direction."""
    up, down = await message("untouched", again=True)

    assert [call.name for call in up][:1] == ["ClientSide.data_received"]
    assert [call.name for call in down][:1] == ["BackendSide.data_received"]
    assert max(len(up), len(down)) <= 3


@pytest.mark.parametrize("kind", MOST)
async def test_a_message_wanders_no_further_than_it_did(kind: str) -> None:
    """The calls of each kind of message are bounded; a delayed one goes through its handler."""
    up, down = await message(kind)

    assert figures(up + down).calls <= MOST[kind]
    assert (Called("handlers/delay.py", "Delay.on_data") in up) == (kind == "delayed")


def test_returns_are_counted_to_files_that_were_left() -> None:
    """Going on in the same file is no return, nor is coming to one for the first time."""
    calls = [Called(file, "f") for file in ("a", "a", "b", "a", "c", "b", "b")]

    assert figures(calls) == (7, 3, 2)


def test_the_command_prints_calls_and_figures() -> None:
    """``python -m tests.trace untouched``; a word that it does not know is told."""
    command = [sys.executable, "-m", "tests.trace"]
    done = subprocess.run([*command, "untouched"], capture_output=True, text=True, check=True)
    wrong = subprocess.run([*command, "nothing"], capture_output=True, text=True, check=False)

    assert "BackendSide.data_received" in done.stdout
    assert re.search(r"^untouched: \d+ calls, \d+ files, \d+ returns$", done.stdout, re.MULTILINE)
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "python -m tests.trace untouched|delayed|redis …\n",
    )
