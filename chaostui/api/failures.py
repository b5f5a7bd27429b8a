"""Errors to statuses: the one table."""

from __future__ import annotations

import logging
import secrets

from starlette.exceptions import HTTPException

from chaostui.errors import (
    CannotListen,
    Conflict,
    Halted,
    NotAllowed,
    NotFound,
    SettingsError,
)

logger = logging.getLogger(__name__)

STATUSES: dict[type[Exception], int] = {
    SettingsError: 400,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    CannotListen: 409,
    Halted: 423,
}


def describe(error: Exception) -> tuple[int, str]:
    """The status of an error and one line about it.

    What is not in the table is ours: 500 with an id that stands in the log beside the
    traceback, which never leaves the process.
    """
    if isinstance(error, HTTPException):
        return error.status_code, error.detail
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return status, "; ".join(str(error).splitlines())
    number = secrets.token_hex(4)
    logger.error("internal error %s", number, exc_info=error)
    return 500, f"internal error {number}: the log says more"
