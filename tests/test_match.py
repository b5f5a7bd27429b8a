"""Which requests, and whose, a handler is for."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from chaostui import options
from chaostui.errors import SettingsError
from chaostui.handler import Limits
from chaostui.match import Glob, Match
from chaostui.protocol import Request
from tests.protocols.chunking import cpu

SET = Request("SET user:1", "SET", "user:1")
GET = Request("GET /pay/3", "GET", "/pay/3")
COMMIT = Request("COMMIT", "COMMIT", "COMMIT WORK")
NAMELESS = Request("unknown command")
CLIENT = "10.1.2.3:4567"


def match(**told: str) -> Match:
    """A match as options have it."""
    return options.read(Match, told)


@pytest.mark.parametrize(
    ("told", "fitting"),
    [
        ({}, [SET, GET, COMMIT, NAMELESS, None]),
        ({"command": "SET"}, [SET]),
        ({"command": "s*"}, [SET]),
        ({"command": "*ET"}, [SET, GET]),
        ({"command": "ET"}, []),
        ({"command": "[SG]ET"}, [SET, GET]),
        ({"command": "~^.E"}, [SET, GET]),
        ({"command": "*"}, [SET, GET, COMMIT, NAMELESS]),
        ({"method": "get"}, [GET]),
        ({"key": "user:*"}, [SET]),
        ({"key": "USER:*"}, []),
        ({"key": "user:?"}, [SET]),
        ({"key": "~[0-9]$"}, [SET, GET]),
        ({"path": "/pay*"}, [GET]),
        ({"path": "/pay"}, []),
        ({"query": "^commit"}, [COMMIT]),
        ({"query": "work|user"}, [SET, COMMIT]),
        ({"query": "~work"}, [COMMIT]),
        ({"command": "*ET", "key": "user:*"}, [SET]),
        ({"client": "10.0.0.0/8"}, [SET, GET, COMMIT, NAMELESS, None]),
        ({"client": "10.1.2.3"}, [SET, GET, COMMIT, NAMELESS, None]),
        ({"client": "10.1.2.4"}, []),
        ({"client": "10.0.0.0/8", "command": "SET"}, [SET]),
        ({"client": "192.168.0.0/16", "command": "SET"}, []),
    ],
)
def test_a_match_fits_what_meets_all_it_says(
    told: dict[str, str], fitting: list[Request | None]
) -> None:
    """Of a SET, a GET, a COMMIT, a command without a name and no request at all, these fit."""
    found = match(**told)

    requests = (SET, GET, COMMIT, NAMELESS, None)
    assert [request for request in requests if found.fits(request, CLIENT)] == fitting


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"(.*)*",
        r"(?:a*)+",
        r"((a)*b)+",
        r"(a?){20}",
        r"(?P<x>[)]a{2,})*?",
        r"((a|b))+",
        r"(x(a|b)y)*",
        r"a*a*a*a*$",
        r".*.{2,}.+.*",
    ],
)
def test_patterns_that_could_take_for_ever_are_refused(pattern: str) -> None:
    """Repetitions of repetitions, and too many of them, are told in one line."""
    for told in ({"query": pattern}, {"key": f"~{pattern}"}, {"command": f"~{pattern}"}):
        with pytest.raises(SettingsError, match="too long") as refused:
            match(**told)
        assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(
    "pattern",
    [
        r"^COMMIT",
        r"user:\d+",
        r"(foo|bar).*",
        r"^SELECT .* FROM users WHERE",
        r"(foo|bar)?x+",
        r"(ab)+",
        r"(\(a\+\))+",
        r"([*+|])+",
        r"([]a+])*",
        r"a{3}b{,4}",
        r"(?i)user",
        r"(?:ab)++",
    ],
)
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    """Groups, classes, escapes and a few repetitions."""
    match(query=pattern, key=f"~{pattern}")


def test_a_regular_expression_looks_at_the_begin_of_a_text() -> None:
    """256 characters; a pattern with ``*`` is for all of it."""
    long = Request("", "SET", "k" * 255 + "ab")

    assert match(key="~a").fits(long, CLIENT)
    assert not match(key="~b").fits(long, CLIENT)
    assert match(key="*ab").fits(long, CLIENT)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab*+?|(){}2,\\.^$", max_size=12))
def test_what_is_taken_is_quick(pattern: str) -> None:
    """On a text that nearly matches, no pattern that is taken needs a second."""
    try:
        found = Glob.parse(f"~{pattern}")
    except ValueError:
        return
    for text in ("a" * 256, "ab" * 128):
        assert cpu(partial(found.fits, text), 1) < 2.0


@pytest.mark.parametrize(
    ("network", "client", "fits"),
    [
        ("::1", "[::1]:80", True),
        ("fd00::/8", "[fd00::5%eth0]:80", True),
        ("10.0.0.0/8", "[::ffff:10.1.2.3]:80", True),
        ("0.0.0.0/0", "[::1]:80", False),
        ("10.0.0.0/8", "unix", False),
        ("10.9.9.9/8", "10.1.2.3:1", True),
    ],
)
def test_a_client_is_told_by_its_address(network: str, client: str, fits: bool) -> None:
    """IPv4 in IPv6 is the IPv4 address it means; a Unix socket is in no network."""
    assert match(client=network).fits(None, client) is fits


@pytest.mark.parametrize("told", ["command", "method", "key", "path", "query"])
def test_what_a_request_says_must_be_known(told: str) -> None:
    """A match on the client alone can be told when it connects, no other."""
    assert match(**{told: "*" if told != "query" else "."}).asks
    assert not match(client="::1").asks
    assert not Match().asks


@given(st.text(min_size=1, max_size=50), st.text(max_size=50))
def test_any_text_is_a_pattern_that_can_be_asked(pattern: str, text: str) -> None:
    """Without a tilde every text is a pattern, and only a star makes it match another length."""
    if pattern.startswith("~"):
        return
    fits = Glob.parse(pattern).fits(text)

    if not set(pattern) & set("*?["):
        assert fits is (pattern == text)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"command": "SET*"}, {"command": "SET*"}),
        ("command=SET*", {"command": "SET*"}),
        ("query='select 1' client=10.0.0.1", {"query": "select 1", "client": "10.0.0.1/32"}),
        ({}, {}),
    ],
)
def test_a_match_is_a_table_or_a_line(given: Any, read: dict[str, str]) -> None:
    """A form and a command line have one line for it; it is shown as a table."""
    found = options.read(Limits, {"match": given})

    assert options.values(found)["match"] == read
    assert options.read(Limits, {"match": found.match}) == found
    assert options.read(Limits, options.values(found)) == found


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (3, "match: 3 is not a table"),
        ("SET*", "match: 'SET*' is not NAME=PATTERN, as in command=SET*"),
        ("key='a", "match: \"key='a\": a quote is not closed"),
        ({"comand": "SET"}, "match.comand: no option 'comand'; did you mean 'command'?"),
        ({"key": 3}, 'match.key: 3 is not a string; write "3"'),
        ({"key": ""}, "match.key: a pattern has 1 to 500 characters"),
        ({"query": "("}, "match.query: '(' is not a regular expression: missing ), unterminated"
                         " subpattern at position 0"),
        ({"client": "10.0.0"}, "match.client: '10.0.0' is not an IP address or a network, such as"
                               " 10.0.0.0/8"),
    ],
)  # fmt: skip
def test_a_wrong_match_is_refused_at_its_place(given: Any, problem: str) -> None:
    """Each problem names the key inside of the table."""
    with pytest.raises(SettingsError) as caught:
        options.read(Limits, {"match": given})

    assert [str(each) for each in caught.value.problems] == [problem]
