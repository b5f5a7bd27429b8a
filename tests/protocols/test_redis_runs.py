"""Short messages of RESP by regular expressions: exactly those, and as long as they say."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from chaostui.protocols import redis_runs
from chaostui.protocols.redis_commands import UNUSUAL
from tests.protocols.chunking import thorough


def command(*words: bytes) -> bytes:
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


COMMANDS = redis_runs.commands(UNUSUAL)
REPLIES = redis_runs.replies()
WORDS = st.lists(
    st.one_of(
        st.binary(max_size=70),
        st.sampled_from(
            [b"GET", b"auth", b"Exec", b"EXECS", b"\r\n$1\r\n", b"*1\r\n$4\r\nPING\r\n"]
        ),
        st.integers(0, 70).map(lambda size: b"\r\n" * (size // 2) + b"x" * (size % 2)),
    ),
    min_size=1,
    max_size=7,
)


def short(words: list[bytes]) -> bool:
    """Whether a command is one that runs are made of."""
    usual = words[0].decode("latin-1").upper() not in UNUSUAL
    return usual and len(words) <= 5 and all(len(word) <= 64 for word in words)


@thorough
@given(st.lists(WORDS, max_size=6))
def test_a_run_is_the_short_commands_at_its_begin(commands: list[list[bytes]]) -> None:
    """Up to the first that is long, has many words, or is looked at by itself."""
    expected = []
    for words in commands:
        if not short(words):
            break
        expected.append(command(*words))
    data = b"PING\r\n" + b"".join(command(*words) for words in commands)

    assert COMMANDS.split(data, 6) == (expected, 6 + len(b"".join(expected)))


@pytest.mark.parametrize(
    "data",
    [
        b"*2\r\n$3\r\nGET\r\n$1\r\nab\r\n",
        b"*2\r\n$3\r\nGET\r\n$2\r\na\r\n",
        b"*2\r\n$3\r\nGET\r\n$01\r\na\r\n",
        b"*2\r\n$3\r\nGET\r\n",
        b"*1\r\n$4\r\nPING",
        b"*0\r\n",
        b"*1\r\n$-1\r\n",
        b"PING\r\n",
        command(b"x" * 65),
        command(b"monitor"),
    ],
)
def test_what_is_no_short_command_is_left_alone(data: bytes) -> None:
    """Wrong lengths, parts, and what has an arm of its own in the framer."""
    assert COMMANDS.split(data, 0) == ([], 0)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"+OK\r\n:1\r\n-ERR no\r\n_\r\n#t\r\n,1.5\r\n(99\r\n$-1\r\n$0\r\n\r\n", 9),
        (b"$64\r\n" + b"\r\n" * 32 + b"\r\n+\r\n", 2),
        (b"+OK\r\n*1\r\n:1\r\n", 1),
        (b"+OK\r\n$65\r\n" + b"x" * 65 + b"\r\n", 1),
        (b"+OK\r\n+half", 1),
        (b"+a\nb\r\n", 0),
        (b">1\r\n+a\r\n", 0),
        (b"$1\r\nab\r\n", 0),
    ],
)
def test_a_run_of_replies_ends_where_one_is_long_or_nested(data: bytes, count: int) -> None:
    """Lines and short strings, null included."""
    found, end = REPLIES.split(data, 0)

    assert len(found) == count
    assert data[:end] == b"".join(found)


def test_a_long_run_is_found_whole() -> None:
    """More bytes than are searched at once, with something else at the end."""
    data = command(b"GET", b"a") * 1000 + b"PING\r\n"

    found, end = COMMANDS.split(data, 0)
    assert (len(found), end) == (1000, len(data) - 6)
