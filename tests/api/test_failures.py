"""Errors to statuses: the whole tree, and what is not in it."""

from __future__ import annotations

import logging
import re

import pytest
from starlette.exceptions import HTTPException

from chaostui import errors
from chaostui.api.failures import STATUSES, describe
from chaostui.errors import ChaosError, EngineRefused, Problem, SettingsError
from tests.api.engine import Engine


def test_every_error_has_a_status_or_is_no_server_s() -> None:
    """Errors of clients and of users' code are not a caller's fault; all others are mapped."""
    ours = set(ChaosError.__subclasses__())

    rest = ours - set(STATUSES)

    assert rest == {
        errors.EngineUnreachable,
        errors.EngineRefused,
        errors.FaultLost,
        errors.HandlerError,
    }


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SettingsError(Problem("a", "b"), Problem("c", "d")), 400, "a: b; c: d"),
        (errors.NotFound("no x"), 404, "no x"),
        (errors.Conflict("x is there"), 409, "x is there"),
        (errors.CannotListen("cannot"), 409, "cannot"),
        (errors.NotAllowed("no"), 403, "no"),
        (errors.Halted("halted"), 423, "halted"),
        (HTTPException(413, "long"), 413, "long"),
    ],
)
def test_an_error_is_its_status_and_one_line(error: Exception, status: int, said: str) -> None:
    """The message is the error's own, on one line."""
    assert describe(error) == (status, said)


@pytest.mark.parametrize("error", [ValueError("secret"), EngineRefused("x", 400)])
def test_what_is_not_the_caller_s_fault_is_500_with_a_number(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets a number, the log the same number and the traceback."""
    with caplog.at_level(logging.ERROR):
        status, said = describe(error)

    (number,) = re.findall("[0-9a-f]{8}", said)
    assert status == 500
    assert "secret" not in said
    assert number in caplog.text
    assert caplog.records[0].exc_info is not None


def test_a_bug_is_500_and_the_engine_lives_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An endpoint that fails answers JSON without a traceback, and so does the next call."""

    def broken(*_: object) -> None:
        raise RuntimeError("what the caller must not see")

    monkeypatch.setattr(engine.supervisor, "halted", broken)
    answer = engine.ask("GET", "/api/v1/halt")

    assert (answer.status, answer.json["status"]) == (500, 500)
    assert b"must not see" not in answer.body
    assert "must not see" in caplog.text
    assert engine.ask("GET", "/handler").status == 200
