"""The errors of MySQL and MariaDB servers, and what they look like on the wire.

Numbers, states and texts are those of MySQL's "Server Error Message Reference" and of
MariaDB's ``perror``.
"""

from __future__ import annotations

from typing import NamedTuple

from chaostui.protocol import Kind, Phase


class Error(NamedTuple):
    """An error as the server words it."""

    name: str
    help: str
    number: int
    state: str
    """The SQLSTATE."""
    text: str
    mysql: str = ""
    """MySQL's text, where it differs from MariaDB's."""
    mysql_number: int = 0
    """MySQL's number, where it differs."""
    closes: bool = False
    """The server closes the connection after it."""
    opening: bool = False
    """It comes instead of the greeting too."""
    login: bool = False
    """It may be the answer to a login."""
    likely: bool = False
    """A server that restarts or is overloaded sends it."""


TABLE = (
    Error(
        "too_many_connections", "all connection slots are taken", 1040, "08004",
        "Too many connections", closes=True, opening=True, login=True, likely=True,
    ),
    Error(
        "host_blocked", "the client's host has failed to connect too often", 1129, "HY000",
        "Host '127.0.0.1' is blocked because of many connection errors; "
        "unblock with 'mariadb-admin flush-hosts'", closes=True, opening=True, login=True,
    ),
    Error(
        "shutdown", "the server is shutting down: the session ends", 1053, "08S01",
        "Server shutdown in progress", closes=True, login=True, likely=True,
    ),
    Error(
        "deadlock", "the transaction lost a deadlock and is rolled back", 1213, "40001",
        "Deadlock found when trying to get lock; try restarting transaction", likely=True,
    ),
    Error(
        "lock_wait_timeout", "a lock was not granted in time", 1205, "HY000",
        "Lock wait timeout exceeded; try restarting transaction", likely=True,
    ),
    Error(
        "query_timeout", "the statement took too long", 1969, "70100",
        "Query execution was interrupted (max_statement_time exceeded)",
        "Query execution was interrupted, maximum statement execution time exceeded", 3024,
        likely=True,
    ),
    Error(
        "interrupted", "somebody has killed the query", 1317, "70100",
        "Query execution was interrupted",
    ),
    Error(
        "killed", "somebody has killed the connection", 1927, "70100",
        "Connection was killed", "Query execution was interrupted", 1317, closes=True,
    ),
    Error(
        "out_of_memory", "the server has no memory for it", 1041, "08004", "Out of memory.",
        login=True,
    ),
    Error(
        "disk_full", "no space is left on the server's disk", 1114, "HY000",
        "The table 't' is full",
    ),
    Error(
        "read_only", "the server has become a replica", 1290, "HY000",
        "The MariaDB server is running with the --read-only option so it cannot execute this "
        "statement",
        "The MySQL server is running with the --read-only option so it cannot execute this "
        "statement",
    ),
    Error(
        "resource_limit", "the user has used up an hour's allowance", 1226, "42000",
        "User 'app' has exceeded the 'max_queries_per_hour' resource (current value: 1000)",
        login=True,
    ),
    Error(
        "not_ready", "a cluster's node is not in step with the others", 1047, "08S01",
        "WSREP has not yet prepared node for application use",
    ),
)  # fmt: skip

BOTH: tuple[Phase, ...] = ("open", "request")
ERRORS = {error.name: error for error in TABLE}
KINDS = tuple(
    Kind(error.name, error.help, BOTH if error.opening else ("request",), error.likely)
    for error in TABLE
)


LOCKLESS = frozenset({"SET", "SHOW", "SAVEPOINT", "RELEASE", "USE", "BEGIN", "START",
                      "ROLLBACK", "DEALLOCATE", "KILL"})  # fmt: skip
"""Statements that wait for nobody and write nothing: of the rest they can only be killed."""
WAITS = frozenset({"deadlock", "lock_wait_timeout", "disk_full", "read_only"})
NEVER_FAIL = frozenset({"PING", "STATISTICS", "DEBUG", "SET OPTION", "RESET", "RESET CONNECTION"})
"""Commands that run no statement: they fail only with their connection, and pass else."""


def nearest(error: Error, command: str) -> Error | None:
    """What a server says to a command where ``error`` is meant; None: nothing of that kind."""
    if error.closes:
        return error
    if command in NEVER_FAIL:
        return None
    if error.name in WAITS and command in LOCKLESS:
        return ERRORS["interrupted"]
    return error


def packet(sequence: int, payload: bytes) -> bytes:
    """Put a payload under 16 MiB into a packet; ``sequence`` wraps at 256."""
    return len(payload).to_bytes(3, "little") + bytes((sequence & 0xFF,)) + payload


def refusal(error: Error) -> bytes:
    """Make the ERR packet that comes instead of the greeting: it has no SQLSTATE."""
    return packet(0, b"\xff" + error.number.to_bytes(2, "little") + error.text.encode())


def response(error: Error, sequence: int, *, mariadb: bool) -> bytes:
    """Make an ERR packet in answer to the packet before ``sequence``."""
    number, state, text = error.number, error.state, error.text
    if not mariadb:
        number, text = error.mysql_number or number, error.mysql or text
        state = "HY000" if number == 3024 else state
    head = b"\xff" + number.to_bytes(2, "little") + b"#" + state.encode()
    return packet(sequence, head + text.encode())


ROLLBACK = packet(0, b"\x03ROLLBACK")
PREPARE_NOTHING = packet(0, b"\x16")
"""A prepare that fails: then there is no latest statement that -1 could mean."""


def reset(statement: bytes) -> bytes:
    """Make the command that has the server forget a statement's long data and cursor."""
    return packet(0, b"\x1a" + statement)
