"""The errors of a PostgreSQL server, and what they look like on the wire.

Codes are those of PostgreSQL's appendix "PostgreSQL Error Codes"; what has a source was taken
from a PostgreSQL 15 byte by byte.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from chaostui.protocol import Kind

_LENGTH = struct.Struct(">i")


class Error(NamedTuple):
    """An error as the server words it."""

    name: str
    help: str
    severity: str
    """``ERROR``; ``FATAL`` or ``WARNING`` where the server ends the connection after it."""
    code: str
    """The SQLSTATE."""
    text: str
    source: str = ""
    """File, line and function of the server."""
    detail: str = ""
    hint: str = ""


LOGIN = (
    Error(
        "starting_up", "the server is still starting", "FATAL", "57P03",
        "the database system is starting up", "postmaster.c 2415 ProcessStartupPacket",
    ),
    Error(
        "in_recovery", "the server recovers from a crash", "FATAL", "57P03",
        "the database system is in recovery mode", "postmaster.c 2437 ProcessStartupPacket",
    ),
    Error(
        "shutting_down", "the server takes no more connections", "FATAL", "57P03",
        "the database system is shutting down", "postmaster.c 2432 ProcessStartupPacket",
    ),
    Error(
        "too_many_connections", "all connection slots are taken", "FATAL", "53300",
        "sorry, too many clients already", "proc.c 357 InitProcess",
    ),
)  # fmt: skip
"""What a server that restarts or is overloaded says to a new connection."""

LIKELY = (
    Error(
        "admin_shutdown", "the operator stops the server: the session ends", "FATAL", "57P01",
        "terminating connection due to administrator command",
        "postgres.c 3211 ProcessInterrupts",
    ),
    Error(
        "crash", "another server process has crashed: the session ends", "WARNING", "57P02",
        "terminating connection because of crash of another server process",
        "postgres.c 2895 quickdie",
        "The postmaster has commanded this server process to roll back the current transaction "
        "and exit, because another server process exited abnormally and possibly corrupted "
        "shared memory.",
        "In a moment you should be able to reconnect to the database and repeat your command.",
    ),
    Error(
        "statement_timeout", "the statement took too long", "ERROR", "57014",
        "canceling statement due to statement timeout", "postgres.c 3319 ProcessInterrupts",
    ),
    Error(
        "lock_not_available", "a lock was not granted in time", "ERROR", "55P03",
        "canceling statement due to lock timeout", "postgres.c 3312 ProcessInterrupts",
    ),
    Error(
        "out_of_memory", "the server has no memory for it", "ERROR", "53200", "out of memory",
    ),
)  # fmt: skip
"""What it says to a connection that is there already."""

OTHERS = (
    Error(
        "deadlock", "the transaction lost a deadlock", "ERROR", "40P01",
        "deadlock detected", "deadlock.c 1147 DeadLockReport",
    ),
    Error(
        "serialization", "the transaction ran into a concurrent one", "ERROR", "40001",
        "could not serialize access due to concurrent update",
        "nodeModifyTable.c 2399 ExecUpdate",
    ),
    Error(
        "recovery_conflict", "a standby's replay cancels the query", "ERROR", "40001",
        "canceling statement due to conflict with recovery",
    ),
    Error(
        "disk_full", "no space is left on the server's disk", "ERROR", "53100",
        'could not extend file "base/5/16384": No space left on device',
    ),
    Error(
        "read_only", "the server has become a standby", "ERROR", "25006",
        "cannot execute INSERT in a read-only transaction",
        "utility.c 414 PreventCommandIfReadOnly",
    ),
    Error(
        "idle_in_transaction", "a transaction was left open: the session ends", "FATAL", "25P03",
        "terminating connection due to idle-in-transaction timeout",
        "postgres.c 3363 ProcessInterrupts",
    ),
)  # fmt: skip

ELSEWHERE = (
    Error(
        "idle_session",
        "a session was idle for too long",
        "FATAL",
        "57P05",
        "terminating connection due to idle-session timeout",
        "postgres.c 3376 ProcessInterrupts",
    ),
    Error(
        "serialization",
        "the transaction ran into a concurrent one",
        "ERROR",
        "40001",
        "could not serialize access due to read/write dependencies among transactions",
        "predicate.c 4727 PreCommit_CheckForSerializationFailure",
        "Reason code: Canceled on identification as a pivot, during commit attempt.",
        "The transaction might succeed if retried.",
    ),
)
"""What is said in place of another kind, or in other words, where that cannot be."""
IDLE_SESSION, DEPENDENCIES = ELSEWHERE

ERRORS = {error.name: error for error in (*LOGIN, *LIKELY, *OTHERS)}
KINDS = (
    *(Kind(error.name, error.help, default=True) for error in (*LOGIN, *LIKELY)),
    *(Kind(error.name, error.help) for error in OTHERS),
)


UPDATES = frozenset({"UPDATE", "DELETE", "MERGE"})
"""Statements that run into a row that somebody else has changed."""
WRITES = UPDATES | {*("INSERT", "COPY", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE"),
                    *("COMMENT", "REINDEX", "CLUSTER", "VACUUM", "REFRESH", "IMPORT")}  # fmt: skip
"""Statements that a standby refuses."""
LOCKLESS = frozenset({*("BEGIN", "START", "SET", "RESET", "SHOW", "ROLLBACK", "ABORT"),
                      *("SAVEPOINT", "RELEASE", "DEALLOCATE", "CLOSE", "DISCARD"),
                      *("LISTEN", "UNLISTEN")})  # fmt: skip
"""Statements that wait for nobody and write nothing: of the rest only their time can run out."""
WAITS = frozenset({"deadlock", "serialization", "lock_not_available", "disk_full",
                   "recovery_conflict", "read_only"})  # fmt: skip
NEVER_IN_COPY = frozenset({"serialization", "recovery_conflict", "read_only"})
TWO_WORDS = frozenset({"CREATE", "ALTER", "DROP"})


def nearest(error: Error, command: str, name: str, *, in_transaction: bool) -> Error:
    """What a server says to a statement where ``error`` is meant: it, or the nearest that it can.

    ``command`` is the statement's first word, ``name`` its beginning.
    """
    match error.name:
        case "idle_in_transaction" if not in_transaction:
            return IDLE_SESSION
        case kind if kind in WAITS and command in LOCKLESS:
            return ERRORS["statement_timeout"]
        case "serialization" if command not in UPDATES:
            return DEPENDENCIES
        case "recovery_conflict" if command in WRITES:
            return _read_only(command, name)
        case "read_only":
            return _read_only(command, name)
    return error


def _read_only(command: str, name: str) -> Error:
    """The refusal of a standby, which names the statement."""
    words = " ".join(name.upper().split()[:2]) if command in TWO_WORDS else command
    if command not in WRITES:
        words = "SELECT FOR UPDATE"
    elif command == "COPY":
        words = "COPY FROM"
    error = ERRORS["read_only"]
    return error._replace(text=f"cannot execute {words} in a read-only transaction")


def while_copying(error: Error) -> Error:
    """What a server says while it reads what a client copies into a table."""
    return ERRORS["statement_timeout"] if error.name in NEVER_IN_COPY else error


def said(error: Error, kind: str) -> str:
    """The kind that is said, for people; where it takes the place of another, both."""
    return kind if error.name == kind else f"{error.name} for {kind}"


def packet(kind: bytes, body: bytes) -> bytes:
    """Make a message: its type, its length, its body."""
    return kind + _LENGTH.pack(len(body) + 4) + body


SYNC = packet(b"S", b"")
FLUSH = packet(b"H", b"")
FORGET = packet(b"C", b"S\0") + SYNC
"""Messages that make the server forget the statement without a name."""


def response(error: Error) -> bytes:
    """Make the ErrorResponse, or for a warning the NoticeResponse."""
    fields = {"S": error.severity, "V": error.severity, "C": error.code, "M": error.text}
    fields |= {"D": error.detail, "H": error.hint}
    fields |= dict(zip("FLR", error.source.split(), strict=False))
    body = "".join(f"{field}{value}\0" for field, value in fields.items() if value)
    return packet(b"N" if error.severity == "WARNING" else b"E", body.encode() + b"\0")


def at_login(error: Error) -> bytes:
    """Make the ErrorResponse that ends a login; a server that has crashed then recovers."""
    return response(
        ERRORS["in_recovery"] if error.severity == "WARNING" else error._replace(severity="FATAL")
    )


def ready(status: bytes) -> bytes:
    """Make ReadyForQuery: ``I`` idle, ``T`` in a transaction, ``E`` in a failed one."""
    return packet(b"Z", status)


def copy_fail(error: Error) -> bytes:
    """Make the CopyFail with which a client gives up; the server tells it as its own error."""
    return packet(b"f", error.text.encode() + b"\0")


def raising(error: Error) -> bytes:
    """Make the Query that has the server raise ``error`` itself, and be ready again."""
    return packet(b"Q", _block(error))


def raising_unit(error: Error, end: bytes) -> bytes:
    """Make the same of extended messages, up to ``end``: Sync or Flush."""
    return _executed(_block(error)) + end


def rolling_back(end: bytes) -> bytes:
    """Make extended messages that roll a transaction back, which also works within a unit."""
    return _executed(b"ROLLBACK\0") + end


def _executed(statement: bytes) -> bytes:
    parse = packet(b"P", b"\0" + statement + bytes(2))
    bind = packet(b"B", bytes(2) + bytes(6))
    return parse + bind + packet(b"E", b"\0" + bytes(4))


def _block(error: Error) -> bytes:
    raised = f"MESSAGE=$text${error.text}$text$, ERRCODE='{error.code}'"
    return f"DO $chaostui$BEGIN RAISE EXCEPTION USING {raised};END$chaostui$".encode() + b"\0"
