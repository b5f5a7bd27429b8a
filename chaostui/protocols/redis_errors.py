"""What Redis says where (server.c processCommand, the flags that COMMAND tells).

A server that is out of memory still reads, and one that sends clients elsewhere does so for keys
only. Where it never says an error, the nearest that it does say there takes its place.
"""

from __future__ import annotations

from chaostui.protocol import Kind
from chaostui.protocols.redis_commands import FREES, KEYLESS, READS

ERRORS = (
    (
        Kind("loading", "it restarts and reads its data", default=True),
        "LOADING Redis is loading the dataset in memory",
    ),
    (
        Kind("busy", "a script runs too long", default=True),
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    ),
    (
        Kind("oom", "its memory is full", default=True),
        "OOM command not allowed when used memory > 'maxmemory'.",
    ),
    (
        Kind("max_clients", "too many clients, then the end", phases=("open",), default=True),
        "ERR max number of clients reached",
    ),
    (
        Kind("readonly", "a replica after a failover"),
        "READONLY You can't write against a read only replica.",
    ),
    (
        Kind("masterdown", "a replica without its master"),
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    ),
    (
        Kind("misconf", "its disk refuses snapshots"),
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
        "to disk. Commands that may modify the data set are disabled, because this instance is "
        "configured to report errors during writes if RDB snapshotting fails "
        "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
        "RDB error.",
    ),
    (Kind("noauth", "a password is missing"), "NOAUTH Authentication required."),
    (
        Kind("noreplicas", "too few replicas for a write"),
        "NOREPLICAS Not enough good replicas to write.",
    ),
    (Kind("moved", "the key's slot is elsewhere"), "MOVED {slot} {backend}"),
    (Kind("ask", "the key's slot is on its way"), "ASK {slot} {backend}"),
    (
        Kind("tryagain", "the keys' slot is on its way"),
        "TRYAGAIN Multiple keys request during rehashing of slot",
    ),
    (Kind("clusterdown", "the cluster has no quorum"), "CLUSTERDOWN The cluster is down"),
    (Kind("err", "an error without a name of its own"), "ERR internal error"),
)
TEXTS = {kind.name: text for kind, text in ERRORS}

ABOUT_WRITES = frozenset(["oom", "misconf", "noreplicas", "readonly"])
ABOUT_SLOTS = frozenset(["moved", "ask", "tryagain", "clusterdown"])
CHANGES = frozenset(["FLUSHALL", "FLUSHDB", "SWAPDB", "FUNCTION"])
"""Those without a key that a server refuses as it refuses writes."""


def nearest(kind: str, command: str) -> str:
    """The kind that ``command`` is answered with where ``kind`` is meant."""
    if kind in ABOUT_SLOTS:
        return "err" if command in KEYLESS else kind
    if kind == "oom" and command in FREES:
        return "busy"
    if kind not in ABOUT_WRITES or (kind == "misconf" and command == "PING"):
        return kind
    if command in READS or (command in KEYLESS and command not in CHANGES):
        return "masterdown" if kind == "readonly" else "busy"
    return kind
