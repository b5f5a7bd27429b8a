"""Who may ask: the rules as a table, and the same over sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaostui.api.guard import Rules, host_of, read_token, rules
from chaostui.errors import SettingsError
from chaostui.settings import Address, ControlSettings
from tests.api.engine import LOOPBACK, Engine, proxy

TOKEN = "0123456789abcdefghijkl"
HOST = (b"host", b"localhost:8080")


def header(name: str, value: str) -> list[tuple[bytes, bytes]]:
    """Spell the headers of a request from this machine with one more."""
    return [HOST, (name.encode(), value.encode("latin-1"))]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"]
)
def test_this_machine_s_names_are_let_in(host: str) -> None:
    """Loopback names pass in any case and with any port."""
    assert Rules().check([(b"host", host.encode())]) is None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("10.0.0.1", 403),
        ("0.0.0.0", 403),
        ("[::2]", 403),
        ("localhost.", 403),
        ("", 400),
        (":8080", 400),
        ("user@localhost", 400),
        ("localhost:8080@evil", 400),
        ("local host", 400),
        ("localhost/", 400),
        ("[::1]8080", 400),
        ("localhost:port", 400),
    ],
)
def test_other_names_are_refused(host: str, status: int) -> None:
    """A name that is not ours may have been rebound to this machine; what is no name is 400."""
    refusal = Rules().check([(b"host", host.encode())])

    assert refusal is not None
    assert refusal.status == status
    assert status == 400 or "--api-allow-host" in refusal.message


def test_exactly_one_host_is_wanted() -> None:
    """A request without Host, or with two, is 400; HTTP/1.0 may leave it out."""
    assert Rules().check([]) == (400, "exactly one Host header is wanted")
    assert Rules().check([HOST, HOST]) == (400, "exactly one Host header is wanted")
    assert Rules().check([], version="1.0") is None


def test_named_hosts_and_the_bound_address_are_let_in() -> None:
    """``--api-allow-host`` adds names; the address a connection came in on is no rebound name."""
    ours = Rules(frozenset({"chaos.test"}))

    assert ours.check([(b"host", b"Chaos.test:80")]) is None
    assert ours.check([(b"host", b"192.0.2.7:80")], local="192.0.2.7") is None
    assert ours.check([(b"host", b"192.0.2.8")], local="192.0.2.7") is not None


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("chaostui:8080", True),
        ("host.docker.internal:8080", True),
        ("box.local", True),
        ("chaos.default.svc.cluster.local:8080", True),
        ("192.0.2.8:8080", True),
        ("[2001:db8::1]", True),
        ("evil.example", False),
        ("local.evil.example", False),
        ("evil.example.", False),
        ("notinternal", True),
        ("evil.notinternal", False),
    ],
)
def test_names_of_its_network_mean_an_api_that_other_hosts_reach(host: str, allowed: bool) -> None:
    """Containers call it so; where it listens for this machine alone they mean nothing."""
    named = [(b"host", host.encode())]
    wide = rules(ControlSettings(listen=Address.parse("0.0.0.0:8080"), no_auth=True))

    assert (wide.check(named) is None) is allowed
    assert rules(ControlSettings(listen=Address.parse("127.0.0.1:8080"))).check(named) is not None


def test_an_absolute_target_is_held_against_the_rules_too() -> None:
    """``GET http://evil/`` is refused whatever Host says."""
    assert Rules().check([HOST], target=b"evil.example") is not None
    assert Rules().check([HOST], target=b"localhost:8080") is None


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost:3000", 403),
        ("origin", "file://", 403),
        ("origin", "http://localhost:8080", None),
        ("origin", "https://chaos.test", None),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", None),
        ("sec-fetch-site", "none", None),
        ("user-agent", "Mozilla/5.0 (X11)", 403),
        ("user-agent", "curl/8.0", None),
    ],
)
def test_browsers_and_other_pages_are_refused(name: str, value: str, status: int | None) -> None:
    """A page of another origin, and what calls itself Mozilla, get 403."""
    refusal = Rules(frozenset({"chaos.test"})).check(header(name, value))

    assert (refusal.status if refusal else None) == status


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "chaos.test"])
def test_a_page_of_another_server_on_this_machine_is_refused(host: str) -> None:
    """An Origin is this very host and port, whatever address the API is bound to."""
    address = Address.parse(f"{host}:8080")
    ours = rules(ControlSettings(listen=address, token_file="", no_auth=True))
    named = (b"host", f"{host}:8080".encode())

    assert ours.check([named]) is None
    assert ours.check([named, (b"origin", f"http://{host}:8080".encode())]) is None
    assert ours.check([named, (b"origin", f"http://{host}:9999".encode())]) == (
        403,
        "origin not allowed",
    )


def test_options_is_refused() -> None:
    """A preflight never succeeds."""
    assert Rules().check([HOST], method="OPTIONS") == (405, "OPTIONS is not allowed")


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer", False),
        ("", False),
        ("Bearer \xe4", False),
    ],
)
def test_the_token_is_wanted_as_a_bearer(value: str, right: bool) -> None:
    """Only the whole token with the right scheme opens the door."""
    refusal = Rules(token=TOKEN.encode()).check(header("authorization", value))

    assert (refusal is None) is right
    assert refusal is None or refusal.status == 401


def test_two_authorizations_are_none() -> None:
    """A second header cannot smuggle a token in."""
    twice = [*header("authorization", f"Bearer {TOKEN}"), (b"authorization", b"x")]

    refusal = Rules(token=TOKEN.encode()).check(twice)

    assert refusal is not None
    assert refusal.status == 401


def test_a_host_is_read_in_lower_case_without_its_port() -> None:
    """``host_of`` is the host alone, empty where there is none."""
    assert host_of(b"LocalHost:80") == "localhost"
    assert host_of(b"[2001:DB8::1]:80") == "[2001:db8::1]"
    assert host_of(b"a b") == host_of(b"a@b") == host_of(b"a:b") == ""


def test_an_open_api_without_a_token_is_refused_at_start() -> None:
    """Other hosts may reach the API only past a token, or by an explicit word."""
    wide = Address.parse("0.0.0.0:0")

    with pytest.raises(SettingsError) as caught:
        rules(ControlSettings(listen=wide))
    message = str(caught.value)
    assert "--api-token-file" in message
    assert "--api-no-auth" in message
    assert "\n" not in message
    assert rules(ControlSettings(listen=wide, no_auth=True)).token is None


def test_a_token_comes_from_its_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes before CHAOSTUI_TOKEN; white space around it does not count."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("CHAOSTUI_TOKEN", "x" * 30)

    assert read_token(ControlSettings(token_file=str(file))) == TOKEN.encode()
    assert read_token(ControlSettings()) == b"x" * 30
    monkeypatch.delenv("CHAOSTUI_TOKEN")
    assert read_token(ControlSettings()) is None


@pytest.mark.parametrize("content", [b"short", b"", b"\xff" * 30, b"two words of a token 123"])
def test_a_weak_token_is_refused_at_start(tmp_path: Path, content: bytes) -> None:
    """A token under 128 bits, or one no header can hold, is a settings error."""
    file = tmp_path / "token"
    file.write_bytes(content)

    with pytest.raises(SettingsError):
        read_token(ControlSettings(token_file=str(file)))
    with pytest.raises(SettingsError, match="No such file"):
        read_token(ControlSettings(token_file=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Host": "evil.example"}, 403),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Origin": "http://127.0.0.1:9999"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"User-Agent": "Mozilla/5.0"}, 403),
        ("OPTIONS", {}, 405),
    ],
)
def test_a_refused_request_changes_nothing(
    engine: Engine,
    method: str,
    headers: dict[str, str],
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the guard refuses is logged, answered as JSON without CORS headers, and not done."""
    answer = engine.ask(method, "/handler", b"errors", headers)

    assert answer.status == status
    assert answer.json["status"] == status
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert engine.ask("GET", "/handler").body == b"normal"
    assert [r.message for r in caplog.records if "refused 127.0.0.1" in r.message]


def test_the_token_is_asked_for_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the token 401 and how to ask; with it everything; in the log nothing of it."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    control = ControlSettings(listen=LOOPBACK, token_file=str(file))
    with Engine(proxy(), control=control) as engine:
        refused = engine.ask("GET", f"/handler?token={TOKEN}")
        wrong = engine.ask("GET", "/handler", headers={"Authorization": f"Bearer {TOKEN}no"})
        right = engine.ask("GET", "/handler", headers={"Authorization": f"Bearer {TOKEN}"})
        with engine.client(token=TOKEN) as client:
            assert client.get_handler() == "normal"

    assert (refused.status, wrong.status, right.status) == (401, 401, 200)
    assert refused.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in caplog.text
