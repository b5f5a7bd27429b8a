"""JSON in Go's manner: what is taken, what is refused and in which words, what is written."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, strategies as st

from chaostui.profiles.go_json import Float32, Number, dumps, fields, first_value

KINDS: dict[str, type] = {"name": str, "on": bool, "size": int, "rate": float, "part": Float32}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a":[true,null,"x"]} and more', {"a": [True, None, "x"]}),
        (b' \r\n\t"x"', "x"),
        (b"null", None),
        (b"1e3", Number("1e3")),
        (b'"\xff"', "\ufffd"),
        (b"{}{}", {}),
    ],
)
def test_the_first_value_is_read(raw: bytes, value: Any) -> None:
    """What follows it does not matter; numbers stay as they were written."""
    assert first_value(raw) == value


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "EOF"),
        (b" \n", "EOF"),
        (b"{", "unexpected EOF"),
        (b'"abc', "unexpected EOF"),
        (b'{"a":', "unexpected EOF"),
        (b"nope", "invalid character 'n' looking for beginning of value"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"', "invalid character '\"' after object key:value pair"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
def test_what_is_no_json_is_refused_in_gos_words(raw: bytes, text: str) -> None:
    """Clients show these texts."""
    with pytest.raises(ValueError, match="^" + text.replace("\\", "\\\\") + "$"):
        first_value(raw)


def test_fields_are_found_by_name_whatever_its_case() -> None:
    """Null is no value, other keys do not matter, the later of two wins."""
    given = first_value(b'{"NAME":"a","On":null,"x":1,"size":1,"SIZE":2,"rate":1.5,"part":0.1}')

    assert fields(given, KINDS, "T") == {"name": "a", "size": 2, "rate": 1.5, "part": Float32(0.1)}
    assert fields(None, KINDS, "T") == {}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"name":1}', "number into Go struct field T.name of type string"),
        (b'{"name":{}}', "object into Go struct field T.name of type string"),
        (b'{"on":"x"}', "string into Go struct field T.on of type bool"),
        (b'{"size":true}', "bool into Go struct field T.size of type int64"),
        (b'{"size":1.5}', "number 1.5 into Go struct field T.size of type int64"),
        (b'{"size":1e3}', "number 1e3 into Go struct field T.size of type int64"),
        (
            b'{"size":9223372036854775808}',
            "number 9223372036854775808 into Go struct field T.size of type int64",
        ),
        (b'{"rate":1e999}', "number 1e999 into Go struct field T.rate of type float64"),
        (b'{"part":1e39}', "number 1e39 into Go struct field T.part of type float32"),
        (b"[]", "array into Go value of type p.T"),
    ],
)
def test_a_wrong_type_is_refused_in_gos_words(raw: bytes, text: str) -> None:
    """The field, and what it should have been."""
    with pytest.raises(ValueError, match=r"^json: cannot unmarshal ") as caught:
        fields(first_value(raw), KINDS, "p.T")

    assert str(caught.value) == f"json: cannot unmarshal {text}"


def test_half_a_character_becomes_the_replacement() -> None:
    """A lone surrogate could not be written again."""
    assert fields(first_value(rb'{"name":"\ud800"}'), KINDS, "T") == {"name": "\ufffd"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, True, None], "b": {}}, '{"a":[1,true,null],"b":{}}'),
        ("<a>&\u2028é", '"\\u003ca\\u003e\\u0026\\u2028é"'),
        (Float32(0.123456789), "0.12345679"),
        (Float32(1), "1"),
        (Float32(1e-7), "1e-07"),
        (Float32(1e20), "100000000000000000000"),
        (Float32(1e21), "1e+21"),
        (0.1, "0.1"),
        (2.0, "2"),
    ],
)
def test_values_are_written_as_go_writes_them(value: Any, text: str) -> None:
    """Compact, with escapes for HTML, floats as short as they can be."""
    assert dumps(value).decode() == text


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_of_32_bits_reads_back(value: float) -> None:
    """Its text is short, and still the same number."""
    text = dumps(Float32(value)).decode()

    assert struct.unpack("f", struct.pack("f", json.loads(text)))[0] == value
    assert len(text.lstrip("-").replace(".", "").lstrip("0").partition("e")[0]) <= 21
