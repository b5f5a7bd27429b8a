"""memcached's kinds: said where the server says them, else the nearest that it does say."""

from __future__ import annotations

import pytest

from chaostui.actions import Close, Reply
from chaostui.protocols.memcached import Memcached
from tests.protocols.test_memcached import answer, packet


@pytest.mark.parametrize(
    ("command", "kind", "said", "what"),
    [
        (b"incr n 1\r\n", "not_stored", b"NOT_FOUND", "miss for not_stored"),
        (b"decr n 1\r\n", "not_stored", b"NOT_FOUND", "miss for not_stored"),
        (b"delete k\r\n", "not_stored", b"NOT_FOUND", "miss for not_stored"),
        (b"touch k 1\r\n", "not_stored", b"NOT_FOUND", "miss for not_stored"),
        (b"get k\r\n", "not_stored", b"END", "miss for not_stored"),
        (b"cas k 0 0 1 7\r\nx\r\n", "not_stored", b"EXISTS", "exists for not_stored"),
        (b"cas k 0 0 1 7\r\nx\r\n", "miss", b"NOT_FOUND", "miss"),
        (b"add k 0 0 1\r\nx\r\n", "not_stored", b"NOT_STORED", "not_stored"),
        (b"append k 0 0 1\r\nx\r\n", "miss", b"NOT_STORED", "not_stored for miss"),
        (b"md k\r\n", "not_stored", b"NF", "miss for not_stored"),
        (b"ma k\r\n", "not_stored", b"NS", "not_stored"),
        (b"version\r\n", "miss", b"ERROR", "error for miss"),
        (b"flush_all\r\n", "not_stored", b"ERROR", "error for not_stored"),
        (
            b"delete k\r\n",
            "too_large",
            b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]",
            "client_error for too_large",
        ),
        (
            b"incr n 1\r\n",
            "client_error",
            b"CLIENT_ERROR cannot increment or decrement non-numeric value",
            "client_error",
        ),
        (b"incr n 1\r\n", "out_of_memory", b"SERVER_ERROR out of memory", "out_of_memory"),
        (
            b"touch k 1\r\n",
            "client_error",
            b"CLIENT_ERROR invalid exptime argument",
            "client_error",
        ),
    ],
)
def test_a_kind_is_said_where_the_server_says_it(
    command: bytes, kind: str, said: bytes, what: str
) -> None:
    """Else the nearest one; the event names both."""
    memcached = Memcached()
    memcached.request(command)
    [reply] = memcached.error(kind)

    assert isinstance(reply, Reply)
    assert (reply.data, reply.what) == (said + b"\r\n", what)


@pytest.mark.parametrize(
    ("opcode", "kind", "status", "text", "what"),
    [
        (0x02, "not_stored", 0x02, b"Data exists for key.", "exists for not_stored"),
        (0x03, "not_stored", 0x01, b"Not found", "miss for not_stored"),
        (0x04, "not_stored", 0x01, b"Not found", "miss for not_stored"),
        (0x0E, "miss", 0x05, b"Not stored.", "not_stored for miss"),
        (0x05, "client_error", 0x06, b"Non-numeric server-side value for incr or decr", None),
        (0x00, "too_large", 0x04, b"Invalid arguments", "client_error for too_large"),
        (0x0B, "miss", 0x81, b"Unknown command", "error for miss"),
    ],
)
def test_binary_operations_are_told_what_they_can_be_told(
    opcode: int, kind: str, status: int, text: bytes, what: str | None
) -> None:
    """The same of packets."""
    memcached = Memcached()
    memcached.request(packet(opcode, 9, b"k"))
    [reply] = memcached.error(kind)

    assert isinstance(reply, Reply)
    assert reply.data == answer(opcode, 9, status, value=text)
    assert what is None or reply.what == what


def test_every_kind_has_words_for_every_command() -> None:
    """Whatever is asked, an error of any kind is one whole reply."""
    commands = [
        *(f"{word} k 0 0 1\r\nx\r\n" for word in ("set", "add", "replace", "append", "prepend")),
        *("cas k 0 0 1 7\r\nx\r\n", "ms k 1\r\nx\r\n", "get k\r\n", "gats 1 k\r\n", "mn\r\n"),
        *("mg k v\r\n", "md k\r\n", "ma k\r\n", "me k\r\n", "incr k 1\r\n", "delete k\r\n"),
        *("touch k 1\r\n", "stats\r\n", "version\r\n", "flush_all\r\n", "verbosity 1\r\n"),
    ]
    asked = [command.encode() for command in commands] + [packet(n, 1) for n in range(0x25)]
    for kind in Memcached.kinds:
        for command in asked:
            memcached = Memcached()
            memcached.request(command)
            said, *end = memcached.error(kind.name)
            assert end in ([], [Close()])
            if isinstance(said, Reply) and not end:
                [frame] = memcached.reply(said.data)
                assert frame.data == said.data
