"""Request bodies are read strictly: what is not exactly JSON of the right shape is refused."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from starlette.exceptions import HTTPException

from chaostui.api.body import MAX_BODY, parse, read, refuse_code
from chaostui.errors import SettingsError


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Some body."""

    name: str
    seconds: float = 1.0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"  ",
        b"{",
        b"{} {}",
        b"{}x",
        b"NaN",
        b'{"a":NaN}',
        b"Infinity",
        b"-Infinity",
        b"1e400",
        b'\xef\xbb\xbf{"a":1}',
        b'"\\ud800"',
        b'"\\udc00"',
        b'"\\ud800\\u0041"',
        b'{"\\udfff":1}',
        b'"\xff"',
        b"\xfe\xff\x00{",
        b"[1,]",
        b"{'a':1}",
        b'"\x01"',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b"[" * 10_000,
        b"[" + b"[]," * 50_000 + b"[]]",
        b'{"a":' * 33 + b"1" + b"}" * 33,
    ],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """Whatever is wrong with a text, the answer is 400 and says that it is the body."""
    with pytest.raises(HTTPException) as caught:
        parse(raw)

    assert caught.value.status_code == 400
    assert caught.value.detail.startswith("bad request body: ")


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"[" * 32 + b"]" * 32, None),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b" null\r\n", None),
        (b'"\\u0000"', "\0"),
    ],
)
def test_what_is_json_is_read(raw: bytes, value: Any) -> None:
    """Of two equal keys the last one counts, as in Go; 32 levels are allowed."""
    found = parse(raw)

    assert value is None or found == value


@pytest.mark.parametrize("piece", [b"[],", b'{"a":[]},', b"1,", b'"",', b"[],1,1,1,1,1,1,1,"])
def test_a_large_body_is_judged_in_little_time(piece: bytes) -> None:
    """A mebibyte of anything costs well under the time in which nobody else is served."""
    raw = b"[" + piece * (MAX_BODY // len(piece) - 1) + b"0]"
    start = time.process_time()

    with suppress(HTTPException):
        parse(raw)

    assert time.process_time() - start < 0.25


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"name":"a","secnds":1}', "did you mean 'seconds'"),
        (b'{"name":1}', "name: 1 is not a string"),
        (b'{"name":"a","seconds":"x"}', "seconds: 'x' is not a number"),
        (b'{"name":"a","seconds":true}', "seconds: true is not a number"),
        (b"{}", "name: is missing"),
        (b"", "name: is missing"),
    ],
)
def test_keys_and_values_are_refused_by_name(raw: bytes, said: str) -> None:
    """An unknown key, a wrong type and a missing key are each named."""
    with pytest.raises(SettingsError) as caught:
        read(Ask, raw)

    assert said in str(caught.value)


def test_an_object_is_wanted() -> None:
    """An array where an object belongs is 400."""
    with pytest.raises(HTTPException, match="expected an object, got an array"):
        read(Ask, b"[]")


def test_code_is_never_named_over_http() -> None:
    """A handler's table with a callable in it is refused, whatever the callable is."""
    refuse_code("handler.delay", {"sleep": 1})
    with pytest.raises(SettingsError, match=r"handler\.mine\.callable"):
        refuse_code("handler.mine", {"callable": "os:system"})
