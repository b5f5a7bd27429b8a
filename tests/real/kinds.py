"""What clients make of each kind of error: tests hold them to it, the README shows it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Then = Literal["usable", "closed by the server", "closed by the client"]

USABLE: Then = "usable"
SERVER: Then = "closed by the server"
CLIENT: Then = "closed by the client"


class Row(NamedTuple):
    """What a client sees of one kind."""

    raises: str
    """Its exception with the code it carries, or what it returns."""
    then: Then = USABLE
    """What has become of the connection."""
    connecting: bool = False
    """The kind meets who connects."""


KINDS: dict[tuple[str, str], dict[str, Row]] = {
    ("http", "httpx"): {
        "500": Row("HTTPStatusError 500"),
        "501": Row("HTTPStatusError 501"),
        "502": Row("HTTPStatusError 502"),
        "503": Row("HTTPStatusError 503"),
        "504": Row("HTTPStatusError 504"),
        "408": Row("HTTPStatusError 408"),
        "429": Row("HTTPStatusError 429"),
        "short_body": Row("RemoteProtocolError", SERVER),
        "broken_chunk": Row("RemoteProtocolError", SERVER),
        "garbage": Row("RemoteProtocolError", SERVER),
    },
    ("redis", "redis-py"): {
        "loading": Row("BusyLoadingError", CLIENT),
        "busy": Row("ResponseError"),
        "oom": Row("OutOfMemoryError"),
        "max_clients": Row("ConnectionError", SERVER, connecting=True),
        "readonly": Row("ReadOnlyError"),
        "masterdown": Row("MasterDownError"),
        "misconf": Row("ResponseError"),
        "noauth": Row("AuthenticationError", CLIENT),
        "noreplicas": Row("ResponseError"),
        "moved": Row("MovedError"),
        "ask": Row("AskError"),
        "tryagain": Row("TryAgainError"),
        "clusterdown": Row("ClusterDownError"),
        "err": Row("ResponseError"),
    },
    ("memcached", "pymemcache"): {
        "out_of_memory": Row("MemcacheServerError", CLIENT),
        "server_error": Row("MemcacheServerError", CLIENT),
        "busy": Row("MemcacheServerError", CLIENT),
        "temporary_failure": Row("MemcacheServerError", CLIENT),
        "too_large": Row("MemcacheServerError", CLIENT),
        "client_error": Row("MemcacheClientError", CLIENT),
        "error": Row("MemcacheUnknownCommandError", CLIENT),
        "not_stored": Row("returns False"),
        "miss": Row("returns None"),
        "too_many_connections": Row("MemcacheUnknownCommandError", SERVER, connecting=True),
    },
    ("smtp", "smtplib"): {
        "421": Row("SMTPConnectError 421", SERVER, connecting=True),
        "450": Row("SMTPSenderRefused 450"),
        "451": Row("SMTPSenderRefused 451"),
        "452": Row("SMTPSenderRefused 452"),
        "454": Row("SMTPSenderRefused 451"),
        "550": Row("SMTPSenderRefused 550"),
        "552": Row("SMTPSenderRefused 552"),
        "554": Row("SMTPSenderRefused 554"),
    },
    ("mysql", "PyMySQL"): {
        "too_many_connections": Row("OperationalError 1040", SERVER, connecting=True),
        "host_blocked": Row("OperationalError 1129", SERVER, connecting=True),
        "shutdown": Row("OperationalError 1053", SERVER),
        "deadlock": Row("OperationalError 1213"),
        "lock_wait_timeout": Row("OperationalError 1205"),
        "query_timeout": Row("OperationalError 1969"),
        "interrupted": Row("OperationalError 1317"),
        "killed": Row("OperationalError 1927", SERVER),
        "out_of_memory": Row("OperationalError 1041"),
        "disk_full": Row("OperationalError 1114"),
        "read_only": Row("OperationalError 1290"),
        "resource_limit": Row("OperationalError 1226"),
        "not_ready": Row("OperationalError 1047"),
    },
    ("postgres", "psycopg"): {
        "starting_up": Row("OperationalError", SERVER, connecting=True),
        "in_recovery": Row("OperationalError", SERVER, connecting=True),
        "shutting_down": Row("OperationalError", SERVER, connecting=True),
        "too_many_connections": Row("OperationalError", SERVER, connecting=True),
        "admin_shutdown": Row("AdminShutdown", SERVER),
        "crash": Row("OperationalError", SERVER),
        "statement_timeout": Row("QueryCanceled"),
        "lock_not_available": Row("LockNotAvailable"),
        "out_of_memory": Row("OutOfMemory"),
        "deadlock": Row("DeadlockDetected"),
        "serialization": Row("SerializationFailure"),
        "recovery_conflict": Row("SerializationFailure"),
        "disk_full": Row("DiskFull"),
        "read_only": Row("ReadOnlySqlTransaction"),
        "idle_in_transaction": Row("IdleSessionTimeout", SERVER),
    },
    ("postgres", "asyncpg"): {
        "starting_up": Row("CannotConnectNowError", SERVER, connecting=True),
        "in_recovery": Row("CannotConnectNowError", SERVER, connecting=True),
        "shutting_down": Row("CannotConnectNowError", SERVER, connecting=True),
        "too_many_connections": Row("TooManyConnectionsError", SERVER, connecting=True),
        "admin_shutdown": Row("ConnectionDoesNotExistError", SERVER),
        "crash": Row("ConnectionDoesNotExistError", SERVER),
        "statement_timeout": Row("QueryCanceledError"),
        "lock_not_available": Row("LockNotAvailableError"),
        "out_of_memory": Row("OutOfMemoryError"),
        "deadlock": Row("DeadlockDetectedError"),
        "serialization": Row("SerializationError"),
        "recovery_conflict": Row("SerializationError"),
        "disk_full": Row("DiskFullError"),
        "read_only": Row("ReadOnlySQLTransactionError"),
        "idle_in_transaction": Row("ConnectionDoesNotExistError", SERVER),
    },
    ("ldap", "ldap3"): {
        "busy": Row("LDAPBusyResult"),
        "unavailable": Row("LDAPUnavailableResult"),
        "unwilling": Row("LDAPUnwillingToPerformResult"),
        "time_limit": Row("returns 'timeLimitExceeded'"),
        "size_limit": Row("returns 'sizeLimitExceeded'"),
        "admin_limit": Row("LDAPAdminLimitExceededResult"),
        "other": Row("LDAPOtherResult"),
        "disconnect": Row("LDAPSessionTerminatedByServerError", SERVER),
    },
}
"""By protocol and client, by kind."""
