"""Toxiproxy's HTTP contract, row by row: request, status, body, headers."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaostui import profiles
from chaostui.errors import SettingsError
from chaostui.settings import Address, ControlSettings
from tests.api.engine import LOOPBACK, Answer, Engine
from tests.api.toxiproxy import Toxiproxy
from tests.tcp import free_port

JSON = {"content-type": "application/json"}
PLAIN = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
XID = re.compile(r"[0-9a-v]{20}")
PROXY = (
    '{"name":"p","listen":"127.0.0.1:%d","upstream":"a:1","enabled":true,"Logger":{},"toxics":[]}'
)
LATENCY = (
    '{"attributes":{"latency":0,"jitter":0},"name":"latency_downstream","type":"latency",'
    '"stream":"downstream","toxicity":1}'
)


@pytest.fixture
def server() -> Iterator[Toxiproxy]:
    """Run an engine that speaks Toxiproxy's API and has no proxy."""
    with Toxiproxy() as running:
        yield running


@pytest.fixture
def busy(server: Toxiproxy) -> Toxiproxy:
    """Give the engine the proxy ``p`` with the toxic ``t``, a latency."""
    server.create("p", "a:1")
    toxic = {"type": "latency", "name": "t", "attributes": {"latency": 5}}
    server.http("POST", "/proxies/p/toxics", toxic)
    return server


def error(answer: Answer, status: int, text: str) -> None:
    """Check an error as Toxiproxy's clients read it: JSON that calls itself text."""
    assert answer.body.decode() == f'{{"error":"{text}","status":{status}}}\n'
    assert answer.status == status
    assert PLAIN.items() <= answer.headers.items()
    assert XID.fullmatch(answer.headers["x-toxiproxy-request-id"])


# -- every request ------------------------------------------------------------------------------


def test_version_is_one_that_clients_can_compare(server: Toxiproxy) -> None:
    """A plain number, after a space, before a newline, in a type of its own."""
    answer = server.http("GET", "/version")

    assert answer.body == b'{"version": "2.12.0"}\n'
    assert answer.headers["content-type"] == "application/json;charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/proxies"),
        ("HEAD", "/proxies"),
        ("OPTIONS", "/proxies/p"),
        ("GET", "/reset"),
        ("GET", "/populate"),
        ("POST", "/version"),
        ("PUT", "/proxies/p/toxics/t"),
    ],
)
def test_a_wrong_method_is_405_with_nothing(server: Toxiproxy, method: str, path: str) -> None:
    """No body, no Allow, no id."""
    answer = server.http(method, path)

    assert (answer.status, answer.body) == (405, b"")
    assert not answer.headers.keys() & {"allow", "x-toxiproxy-request-id", "content-type"}


@pytest.mark.parametrize("path", ["/", "/nope", "/proxies/", "/proxies/p/", "/reset/x/y"])
def test_an_unknown_path_is_404_in_plain_text(server: Toxiproxy, path: str) -> None:
    """The text is Go's, and no id is given; a browser is told the same."""
    for headers in ({}, {"User-Agent": "Mozilla/5.0"}):
        answer = server.http("GET", path, headers=headers)

        assert (answer.status, answer.body) == (404, b"404 page not found\n")
        assert PLAIN.items() <= answer.headers.items()
        assert "x-toxiproxy-request-id" not in answer.headers


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("//proxies", "/proxies"),
        ("/proxies//p", "/proxies/p"),
        ("/x/../proxies/./", "/proxies/"),
        ("//proxies?a=b", "/proxies?a=b"),
    ],
)
def test_an_unclean_path_is_redirected(server: Toxiproxy, path: str, clean: str) -> None:
    """301 to the same path without its empty and dotted parts."""
    answer = server.http("GET", path)

    assert (answer.status, answer.headers["location"]) == (301, clean)


@pytest.mark.parametrize("path", ["/version", "/proxies", "/metrics", "/proxies/nope"])
def test_browsers_are_turned_away(server: Toxiproxy, path: str) -> None:
    """What begins with Mozilla/ gets 403 on every path there is."""
    answer = server.http("GET", path, headers={"User-Agent": "Mozilla/5.0 (X11)"})

    assert (answer.status, answer.body) == (403, b"User agent not allowed\n")
    assert PLAIN.items() <= answer.headers.items()
    assert XID.fullmatch(answer.headers["x-toxiproxy-request-id"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:8474"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "friend.example"}, 200),
        ({"Host": "toxiproxy:8474"}, 200),
        ({"Host": "10.1.2.3:8474"}, 200),
        ({"Host": "[::1]:8474"}, 200),
        ({"Host": "localhost"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
    ],
)
def test_what_may_come_from_a_web_page_is_refused(headers: dict[str, str], status: int) -> None:
    """A name with a dot may be rebound to this machine; addresses and plain names may not."""
    with Toxiproxy(allow_host=("friend.example",)) as server:
        assert server.http("GET", "/version", headers=headers).status == status


@pytest.mark.parametrize("host", ["host.docker.internal:8474", "box.local", "toxiproxy:8474"])
def test_containers_call_it_by_names_of_their_network(host: str) -> None:
    """Where it listens for other hosts they need no flag; a name of the world's still does."""
    everywhere = Address("0.0.0.0", 0)
    with Engine(control=ControlSettings(toxiproxy=everywhere, no_auth=True)) as engine:
        assert engine.server.toxiproxy is not None
        port = engine.server.toxiproxy.port

        assert status_of(port, host) == 200
        assert status_of(port, "evil.example") == 403

    with Toxiproxy() as server:
        assert status_of(server.api, host) == (200 if "." not in host else 403)


def status_of(port: int, host: str) -> int:
    """Ask for the version under a name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/version", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def test_other_hosts_are_answered_only_where_that_was_said() -> None:
    """Clients of Toxiproxy send no token, so an open address takes ``no_auth``."""
    everywhere = Address("0.0.0.0", 0)
    control = ControlSettings(listen=LOOPBACK, toxiproxy=everywhere)
    with pytest.raises(SettingsError, match="--api-no-auth"), Engine(control=control):
        pass

    with Engine(control=ControlSettings(toxiproxy=everywhere, no_auth=True)) as engine:
        assert engine.server.toxiproxy is not None
        assert engine.server.toxiproxy.port


# -- bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        '{"name":"p","upstream":"a:1","listen":"127.0.0.1:0"} trailing junk',
        '{"NAME":"p","UpStream":"a:1","LISTEN":"127.0.0.1:0"}',
        '{"name":"p","upstream":"a:1","listen":"127.0.0.1:0","enabled":null,"toxics":null}',
        '{"name":"p","upstream":"a:1","listen":"127.0.0.1:0","colour":"red","toxics":[]}',
        b'\n {"name":"p","upstream":"a:1","listen":"127.0.0.1:0"}\n{"name":"q"}',
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_a_body_is_read_as_go_reads_it(server: Toxiproxy, body: str, kind: str) -> None:
    """Any case, null as nothing, unknown keys and what follows ignored, of whatever type."""
    answer = server.http("POST", "/proxies", body, {"Content-Type": kind} if kind else {})
    listen = server.address("p")[1]

    assert answer.status == 201
    assert answer.body.decode() == PROXY % listen
    assert JSON.items() <= answer.headers.items()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "EOF"),
        ("{", "unexpected EOF"),
        ("nope", "invalid character 'n' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type toxiproxy.Proxy"),
        (
            '{"name":1}',
            "json: cannot unmarshal number into Go struct field Proxy.name of type string",
        ),
        (
            '{"enabled":"yes"}',
            "json: cannot unmarshal string into Go struct field Proxy.enabled of type bool",
        ),
    ],
)
def test_a_wrong_body_is_told_in_gos_words(server: Toxiproxy, body: str, text: str) -> None:
    """``bad request body: …`` is what clients show their users."""
    error(server.http("POST", "/proxies", body), 400, f"bad request body: {text}")


# -- proxies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/proxies", "{}", 400, "missing required field: name"),
        ("POST", "/proxies", "null", 400, "missing required field: name"),
        ("POST", "/proxies", '{"name":"q"}', 400, "missing required field: upstream"),
        ("POST", "/proxies", '{"name":"p","upstream":"x"}', 409, "proxy already exists"),
        ("GET", "/proxies/q", None, 404, "proxy not found"),
        ("POST", "/proxies/q", "nope", 404, "proxy not found"),
        ("DELETE", "/proxies/q", None, 404, "proxy not found"),
        ("PATCH", "/proxies/p", "", 400, "bad request body: EOF"),
        ("POST", "/proxies/p", '{"listen":"x"}', 500, "address x: missing port in address"),
        ("POST", "/proxies/p", '{"listen":"a:99999"}', 500, "address 99999: invalid port"),
        ("GET", "/proxies/q/toxics", None, 404, "proxy not found"),
        ("POST", "/proxies/q/toxics", "nope", 404, "proxy not found"),
        ("POST", "/proxies/p/toxics", "", 400, "bad request body: EOF"),
        ("POST", "/proxies/p/toxics", "{}", 400, "invalid toxic type"),
        ("POST", "/proxies/p/toxics", '{"type":"down"}', 400, "invalid toxic type"),
        (
            "POST",
            "/proxies/p/toxics",
            '{"stream":"","type":"nope"}',
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            '{"type":"latency","name":"t","stream":"upstream","attributes":{"latency":"x"}}',
            409,
            "toxic already exists",
        ),
        ("GET", "/proxies/q/toxics/t", None, 404, "proxy not found"),
        ("GET", "/proxies/p/toxics/u", None, 404, "toxic not found"),
        ("POST", "/proxies/p/toxics/u", "nope", 404, "toxic not found"),
        ("DELETE", "/proxies/p/toxics/u", None, 404, "toxic not found"),
        ("PATCH", "/proxies/p/toxics/t", "", 400, "bad request body: EOF"),
    ],
)
def test_errors_have_their_status_and_text(
    busy: Toxiproxy, method: str, path: str, body: str | None, status: int, text: str
) -> None:
    """Each error is the one that Toxiproxy gives, and the first where several apply."""
    error(busy.http(method, path, body), status, text)


@pytest.mark.parametrize("value", ["1.5", "1e3", '"abc"', "true", "9223372036854775808"])
def test_attributes_are_whole_numbers(busy: Toxiproxy, value: str) -> None:
    """Anything else is 400 and adds or changes nothing: not even what was fine beside it."""
    given = f'{{"type":"latency","attributes":{{"latency":777,"jitter":{value}}}}}'

    assert busy.http("POST", "/proxies/p/toxics", given).status == 400
    assert busy.http("PATCH", "/proxies/p/toxics/t", given).status == 400
    (toxic,) = busy.http("GET", "/proxies/p/toxics").json
    assert toxic["attributes"] == {"latency": 5, "jitter": 0}


def test_a_proxy_is_shown_listed_and_deleted(server: Toxiproxy) -> None:
    """Bodies are compact and without a newline; 204 has no type."""
    assert server.http("GET", "/proxies").body == b"{}"
    server.create("p", "a:1")
    text = PROXY % server.address("p")[1]

    assert server.http("GET", "/proxies/p").body.decode() == text
    assert server.http("GET", "/proxies").body.decode() == f'{{"p":{text}}}'
    gone = server.http("DELETE", "/proxies/p")
    assert (gone.status, gone.body) == (204, b"")
    assert "content-type" not in gone.headers
    assert server.http("GET", "/proxies").body == b"{}"


def test_proxies_are_sorted_by_name(server: Toxiproxy) -> None:
    """The list's keys come in order."""
    for name in ("b", "c", "a"):
        server.create(name, "a:1")

    assert list(server.http("GET", "/proxies").json) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["sp ace", "a@b:9094", "sl/ash", "ünï", "50%"])
def test_any_name_can_be_addressed(server: Toxiproxy, name: str) -> None:
    """Percent signs are read; even a slash can be written as %2F."""
    from urllib.parse import quote

    server.create(name, "a:1")

    assert server.http("GET", f"/proxies/{quote(name, safe='')}").json["name"] == name
    assert server.http("DELETE", f"/proxies/{quote(name, safe='')}").status == 204


@pytest.mark.parametrize(
    ("listen", "pattern"),
    [
        ("localhost:0", r"127\.0\.0\.1:\d+"),
        ("127.0.0.1:0", r"127\.0\.0\.1:\d+"),
        ("0.0.0.0:0", r"0\.0\.0\.0:\d+"),
        (":0", r"0\.0\.0\.0:\d+"),
        ("", r"0\.0\.0\.0:\d+"),
    ],
)
def test_the_bound_address_is_told_as_a_number(
    server: Toxiproxy, listen: str, pattern: str
) -> None:
    """Clients cut the port off at the colon; no host means every address."""
    assert re.fullmatch(pattern, server.create("p", "a:1", listen=listen)["listen"])


@pytest.mark.parametrize("listen", ["localhost:0", "", "nope", "0.0.0.0:0"])
def test_a_disabled_proxys_address_is_told_as_given(server: Toxiproxy, listen: str) -> None:
    """Nothing is bound, so nothing is checked."""
    made = server.create("p", "a:1", listen=listen, enabled=False)

    assert (made["listen"], made["enabled"]) == (listen, False)
    assert server.http("GET", "/proxies/p").json == made


@pytest.mark.parametrize("upstream", ["garbage", "http://x", "localhost:http", ":80", "a:99999"])
def test_any_upstream_is_taken(server: Toxiproxy, upstream: str) -> None:
    """It is never looked at before a client comes."""
    assert server.create("p", upstream)["upstream"] == upstream
    assert server.http("POST", "/proxies/p", {"upstream": ""}).json["upstream"] == ""


def test_a_taken_address_is_500_and_adds_nothing(server: Toxiproxy) -> None:
    """The text is Go's, with the address."""
    server.create("p", "a:1")
    taken = server.http("GET", "/proxies/p").json["listen"]
    answer = server.http("POST", "/proxies", {"name": "q", "upstream": "a:1", "listen": taken})

    error(answer, 500, f"listen tcp {taken}: bind: address already in use")
    assert list(server.http("GET", "/proxies").json) == ["p"]


def test_a_taken_name_is_told_as_the_address_behind_it(server: Toxiproxy) -> None:
    """As Go says it: the address that cannot be bound, not the name that was asked for."""
    taken = server.create("p", "a:1", listen="localhost:0")["listen"]
    asked = taken.replace("127.0.0.1", "localhost")
    answer = server.http("POST", "/proxies", {"name": "q", "upstream": "a:1", "listen": asked})

    error(answer, 500, f"listen tcp {taken}: bind: address already in use")


@pytest.mark.parametrize("listen", ["name.invalid:0", "name.invalid:80"])
def test_a_name_that_nobody_has_is_told_as_go_does(server: Toxiproxy, listen: str) -> None:
    """There is no such host; nothing is added."""
    answer = server.http("POST", "/proxies", {"name": "q", "upstream": "a:1", "listen": listen})

    error(answer, 500, "listen tcp: lookup name.invalid: no such host")
    assert server.http("GET", "/proxies").json == {}


@pytest.mark.parametrize("listen", ["local373", "localhost", "127.0.0.1", "a:b:c"])
def test_an_address_that_cannot_be_read_is_never_made_up(server: Toxiproxy, listen: str) -> None:
    """Made while it is off, a proxy stays off: reset is 500, and resets all others."""
    server.create("bad", "a:1", listen=listen, enabled=False)
    server.create("good", "a:1", enabled=False)
    what = "too many colons" if ":" in listen else "missing port"
    told = f"listen tcp: address {listen}: {what} in address"

    error(server.http("POST", "/reset"), 500, told)
    error(server.http("POST", "/proxies/bad", {"enabled": True}), 500, told[12:])

    proxies = server.http("GET", "/proxies").json
    assert (proxies["bad"]["listen"], proxies["bad"]["enabled"]) == (listen, False)
    assert proxies["good"]["enabled"]
    assert server.look(lambda supervisor: supervisor.proxy("bad")).listen == "nowhere.invalid:0"


def test_an_upstream_that_cannot_be_read_is_never_made_up(server: Toxiproxy) -> None:
    """Its clients are turned away, and people see that there is no such place."""
    server.create("p", "garbage")
    with server.connect("p") as client:
        assert client.recv(1) == b""

    view = server.look(lambda supervisor: supervisor.proxy("p"))
    assert view.backend == "nowhere.invalid:1"
    assert "no such name" in view.last_error


def test_what_was_made_here_can_be_saved_and_loaded(server: Toxiproxy, tmp_path: Path) -> None:
    """Addresses that cannot be read, the API itself, the same address twice while it is off."""
    for number, upstream in enumerate(["garbage", "a:0", "", f"127.0.0.1:{server.api}"]):
        given = {"name": f"p{number}", "upstream": upstream or "x", "enabled": False}
        server.http("POST", "/proxies", {**given, "listen": "local373"})
        server.http("POST", f"/proxies/p{number}", {"upstream": upstream})
    for name in ("same", "again"):
        server.create(name, "a:1", listen="127.0.0.1:4000", enabled=False)
    file = tmp_path / "told.toml"
    file.write_bytes(server.ask("GET", "/api/v1/profile?format=toml").body)

    names = [one.name for one in profiles.load(file).proxy]

    assert names == ["p0", "p1", "p2", "p3", "same", "again"]


def test_its_own_api_may_be_an_upstream(server: Toxiproxy) -> None:
    """A plain connection to it, as there; the engine's own API never is one."""
    server.look(lambda supervisor: supervisor.own_control(server.server.names))
    server.create("api", f"127.0.0.1:{server.api}")
    host, port = server.address("api")
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/version")
        assert json.loads(connection.getresponse().read()) == {"version": "2.12.0"}
    finally:
        connection.close()

    server.create("native", f"127.0.0.1:{server.port}")
    with server.connect("native") as client:
        assert client.recv(1) == b""
    assert "chaostui's own" in server.look(lambda s: s.proxy("native")).last_error


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_update_changes_what_is_given(busy: Toxiproxy, method: str) -> None:
    """The rest stays, toxics too; a name is ignored."""
    before = busy.http("GET", "/proxies/p").json
    after = busy.http(method, "/proxies/p", {"upstream": "b:2", "name": "q"})

    assert after.status == 200
    assert after.json == {**before, "upstream": "b:2"}


def test_a_proxy_keeps_its_port_while_it_is_off(busy: Toxiproxy) -> None:
    """Disabled and enabled again, it listens where it did."""
    before = busy.http("GET", "/proxies/p").json

    assert busy.http("POST", "/proxies/p", {"enabled": False}).json == {**before, "enabled": False}
    assert busy.http("POST", "/proxies/p", {"enabled": True}).json == before


def test_a_proxy_can_move(busy: Toxiproxy) -> None:
    """Port 0 is another port each time; a given one is the one."""
    first = busy.http("GET", "/proxies/p").json["listen"]
    second = busy.http("POST", "/proxies/p", {"listen": "127.0.0.1:0"}).json["listen"]
    port = free_port()
    third = busy.http("POST", "/proxies/p", {"listen": f"0.0.0.0:{port}"}).json["listen"]
    fourth = busy.http("POST", "/proxies/p", {"listen": f"127.0.0.1:{port}"}).json["listen"]

    assert second != first
    assert (third, fourth) == (f"0.0.0.0:{port}", f"127.0.0.1:{port}")


def test_a_move_that_fails_leaves_a_proxy_as_it_was(busy: Toxiproxy) -> None:
    """The port is taken: 500, and it still listens where it did."""
    busy.create("q", "a:1")
    taken = busy.http("GET", "/proxies/q").json["listen"]
    before = busy.http("GET", "/proxies/p").json
    answer = busy.http("POST", "/proxies/p", {"listen": taken, "upstream": "c:3"})

    error(answer, 500, f"listen tcp {taken}: bind: address already in use")
    assert busy.http("GET", "/proxies/p").json == before
    busy.connect("p").close()


# -- toxics -------------------------------------------------------------------------------------


def test_a_toxic_has_defaults(server: Toxiproxy) -> None:
    """Downstream, always, attributes zero, named by type and stream; 200 and not 201."""
    server.create("p", "a:1")
    answer = server.http("POST", "/proxies/p/toxics", {"type": "latency"})

    assert (answer.status, answer.body.decode()) == (200, LATENCY)
    assert JSON.items() <= answer.headers.items()
    assert server.http("GET", "/proxies/p/toxics").body.decode() == f"[{LATENCY}]"
    assert server.http("GET", "/proxies/p/toxics/latency_downstream").body.decode() == LATENCY
    assert server.http("DELETE", "/proxies/p/toxics/latency_downstream").status == 204
    assert server.http("GET", "/proxies/p/toxics").body == b"[]"


@pytest.mark.parametrize(
    ("type_", "attributes"),
    [
        ("latency", {"latency": 100, "jitter": 20}),
        ("bandwidth", {"rate": 1000}),
        ("slow_close", {"delay": 1001}),
        ("timeout", {"timeout": 333}),
        ("reset_peer", {"timeout": 1}),
        ("slicer", {"average_size": 64, "size_variation": 32, "delay": 7}),
        ("limit_data", {"bytes": 5000}),
        ("noop", {}),
        ("packet_loss", {"loss_rate": 0.07, "correlation": 0.25}),
    ],
)
def test_attributes_read_back_as_they_were_given(
    server: Toxiproxy, type_: str, attributes: dict[str, Any]
) -> None:
    """Whole numbers stay whole, in the type's own units, in both ways to see them."""
    server.create("p", "a:1")
    given = {"type": type_, "attributes": {**attributes, "unknown": 1}}
    made = server.http("POST", "/proxies/p/toxics", given).json

    assert made["attributes"] == attributes
    assert all(type(made["attributes"][name]) is type(value) for name, value in attributes.items())
    assert server.http("GET", "/proxies/p").json["toxics"] == [made]


@pytest.mark.parametrize(
    ("toxicity", "text"),
    [("0.123456789", "0.12345679"), ("1", "1"), ("1.0", "1"), ("2.5", "2.5"), ("-1", "-1")],
)
def test_toxicity_is_a_number_of_32_bits(server: Toxiproxy, toxicity: str, text: str) -> None:
    """Any number is taken and told again."""
    server.create("p", "a:1")
    given = f'{{"type":"noop","toxicity":{toxicity}}}'

    assert f'"toxicity":{text}}}' in server.http("POST", "/proxies/p/toxics", given).body.decode()
    assert f'"toxicity":{text}}}' in server.http("GET", "/proxies/p/toxics").body.decode()


def test_a_stream_is_told_as_it_was_given(server: Toxiproxy) -> None:
    """Its case does not matter, and stands in the name."""
    server.create("p", "a:1")
    answer = server.http("POST", "/proxies/p/toxics", {"type": "latency", "stream": "UPSTREAM"})

    assert (answer.json["name"], answer.json["stream"]) == ("latency_UPSTREAM", "UPSTREAM")


def test_toxics_are_listed_upstream_first(server: Toxiproxy) -> None:
    """Each stream in the order of addition."""
    server.create("p", "a:1")
    for name, stream in (("a", "downstream"), ("b", "upstream"), ("c", "downstream")):
        given = {"type": "noop", "name": name, "stream": stream}
        server.http("POST", "/proxies/p/toxics", given)

    assert [t["name"] for t in server.http("GET", "/proxies/p/toxics").json] == ["b", "a", "c"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_toxics_update_is_merged(busy: Toxiproxy, method: str) -> None:
    """Attributes key by key; toxicity; name, type and stream are ignored."""
    given = {"attributes": {"jitter": 3}, "toxicity": 0.5, "name": "x", "type": "noop"}
    answer = busy.http(method, "/proxies/p/toxics/t", given)

    assert answer.status == 200
    assert answer.json == {
        "attributes": {"latency": 5, "jitter": 3},
        "name": "t",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 0.5,
    }
    assert busy.http("GET", "/proxies/p/toxics/t").json == answer.json


@pytest.mark.parametrize(
    ("type_", "attributes"),
    [
        ("bandwidth", {"rate": -1}),
        ("latency", {"latency": -5, "jitter": -5}),
        ("slicer", {}),
        ("slicer", {"average_size": 5, "size_variation": 5}),
        ("slicer", {"average_size": 5, "size_variation": 50}),
        ("latency", {"latency": 2**63 - 1}),
        ("limit_data", {"bytes": -1}),
        ("packet_loss", {"loss_rate": 17, "correlation": -3}),
    ],
)
def test_hostile_values_are_taken_and_hurt_nobody(
    echoing: Toxiproxy, type_: str, attributes: dict[str, Any]
) -> None:
    """They are told again as they were; the engine lives on whatever bytes meet them."""
    echoing.toxic("p", type_, **attributes)
    with echoing.connect("p") as sock:
        sock.sendall(b"hello" * 100)

    toxic = echoing.http("GET", "/proxies/p/toxics").json[0]
    assert attributes.items() <= toxic["attributes"].items()
    assert echoing.http("POST", "/reset").status == 204
    with echoing.connect("p") as sock:
        sock.sendall(b"ping")
        assert sock.recv(10) == b"ping"


# -- populate and reset -------------------------------------------------------------------------


def test_populate_makes_proxies_in_order(server: Toxiproxy) -> None:
    """201 with what was made; nothing to make is null."""
    given = [{"name": n, "upstream": "a:1", "listen": "127.0.0.1:0"} for n in ("b", "a")]
    answer = server.http("POST", "/populate", given)

    assert answer.status == 201
    assert JSON.items() <= answer.headers.items()
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["b", "a"]
    for nothing in ("[]", "null"):
        assert server.http("POST", "/populate", nothing).body == b'{"proxies":null}'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            '[{"name":"a","upstream":"x"},{"upstream":"x"}]',
            "missing required field: name at proxy 2",
        ),
        ('[{"name":"a"}]', "missing required field: upstream at proxy 1"),
        ("", "bad request body: EOF"),
    ],
)
def test_populate_checks_all_before_it_makes_any(server: Toxiproxy, body: str, text: str) -> None:
    """Its errors are JSON without a newline, with no proxies."""
    answer = server.http("POST", "/populate", body)

    assert answer.status == 400
    assert answer.body.decode() == f'{{"error":"{text}","status":400,"proxies":null}}'
    assert JSON.items() <= answer.headers.items()
    assert server.http("GET", "/proxies").body == b"{}"


def test_populate_leaves_alone_what_is_the_same(busy: Toxiproxy) -> None:
    """Toxics stay, and a disabled proxy stays disabled, whatever is asked."""
    busy.http("POST", "/proxies/p", {"enabled": False})
    before = busy.http("GET", "/proxies/p").json
    given = [{"name": "p", "upstream": "a:1", "listen": before["listen"], "enabled": True}]

    assert busy.http("POST", "/populate", given).json == {"proxies": [before]}


def test_populate_again_on_all_addresses_changes_nothing(server: Toxiproxy) -> None:
    """``0.0.0.0:PORT`` and ``:PORT`` are the same address each time, so toxics stay."""
    port = free_port()
    given = [{"name": "p", "upstream": "a:1", "listen": f"0.0.0.0:{port}"}]
    server.http("POST", "/populate", given)
    server.toxic("p", "latency")
    again = server.http("POST", "/populate", given).json["proxies"][0]
    given[0]["listen"] = f":{port}"

    assert len(again["toxics"]) == 1
    assert server.http("POST", "/populate", given).json["proxies"] == [again]


def test_populate_replaces_what_differs(busy: Toxiproxy) -> None:
    """Another upstream makes it a new proxy: its toxics are gone, those not listed stay."""
    busy.create("other", "a:1")
    listen = busy.http("GET", "/proxies/p").json["listen"]
    given = [{"name": "p", "upstream": "b:2", "listen": listen}]
    (made,) = busy.http("POST", "/populate", given).json["proxies"]

    assert (made["upstream"], made["toxics"]) == ("b:2", [])
    assert list(busy.http("GET", "/proxies").json) == ["other", "p"]


def test_populate_that_cannot_bind_leaves_a_proxy_as_it_was(busy: Toxiproxy) -> None:
    """500 with those made before it."""
    busy.create("q", "a:1")
    taken = busy.http("GET", "/proxies/q").json["listen"]
    before = busy.http("GET", "/proxies/p").json
    given = [
        {"name": "new", "upstream": "a:1", "listen": "127.0.0.1:0"},
        {"name": "p", "upstream": "a:1", "listen": taken},
    ]
    answer = busy.http("POST", "/populate", given)

    assert answer.status == 500
    assert answer.json["error"] == f"listen tcp {taken}: bind: address already in use"
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["new"]
    assert busy.http("GET", "/proxies/p").json == before


def test_a_name_twice_in_populate_is_done_twice(server: Toxiproxy) -> None:
    """The first is told as disabled, for the second took its place."""
    given = [{"name": "p", "upstream": u, "listen": "127.0.0.1:0"} for u in ("a:1", "b:2")]
    first, second = server.http("POST", "/populate", given).json["proxies"]

    assert (first["upstream"], first["enabled"]) == ("a:1", False)
    assert (second["upstream"], second["enabled"]) == ("b:2", True)


@pytest.mark.parametrize("path", ["/proxies", "/populate"])
def test_a_proxy_may_come_with_its_toxics(server: Toxiproxy, path: str) -> None:
    """An array of toxics is taken with the proxy; its first client meets them."""
    toxic = {"type": "latency", "attributes": {"latency": 9}, "toxicity": 0.5}
    given = {"name": "p", "upstream": "a:1", "listen": "127.0.0.1:0", "toxics": [toxic]}
    answer = server.http("POST", path, given if path == "/proxies" else [given])

    assert answer.status == 201
    (made,) = server.http("GET", "/proxies/p").json["toxics"]
    assert (made["attributes"]["latency"], made["toxicity"]) == (9, 0.5)


def test_reset_switches_proxies_on_and_toxics_off(busy: Toxiproxy) -> None:
    """Its body is ignored."""
    before = busy.http("GET", "/proxies/p").json
    busy.http("POST", "/proxies/p", {"enabled": False})
    answer = busy.http("POST", "/reset", "nope")

    assert (answer.status, answer.body) == (204, b"")
    assert busy.http("GET", "/proxies/p").json == {**before, "toxics": []}


def test_reset_goes_on_where_one_proxy_cannot_start(busy: Toxiproxy) -> None:
    """500 for the one whose port is taken; all others are reset."""
    busy.create("q", "a:1")
    taken = busy.http("GET", "/proxies/q").json["listen"]
    busy.http("POST", "/proxies/p", {"enabled": False, "listen": taken})
    busy.toxic("q", "latency")
    answer = busy.http("POST", "/reset")

    error(answer, 500, f"listen tcp {taken}: bind: address already in use")
    assert busy.http("GET", "/proxies/q/toxics").json == []
    assert busy.http("GET", "/proxies/p/toxics").json == []


# -- beside the native API ----------------------------------------------------------------------


def test_both_apis_see_and_change_the_same(busy: Toxiproxy) -> None:
    """A toxic is a chain entry, and an entry a toxic, each in its own words."""
    (entry,) = busy.ask("GET", "/api/v1/proxies/p/chain").json
    assert (entry["handler"], entry["options"]["sleep"]) == ("delay", 0.005)

    busy.ask("PATCH", "/api/v1/proxies/p/chain/t", {"sleep": 0.25, "probability": 0.5})
    toxic = busy.http("GET", "/proxies/p/toxics/t").json
    assert (toxic["attributes"], toxic["toxicity"]) == ({"latency": 250, "jitter": 0}, 0.5)

    busy.ask("DELETE", "/api/v1/proxies/p/chain/t")
    assert busy.http("GET", "/proxies/p/toxics").json == []


def test_what_toxiproxy_has_no_word_for_is_not_shown(busy: Toxiproxy) -> None:
    """Clients fail on unknown types, so other handlers are left out; their names are taken."""
    busy.ask("POST", "/api/v1/proxies/p/chain", {"handler": "corrupt", "name": "c"})

    assert [toxic["name"] for toxic in busy.http("GET", "/proxies/p/toxics").json] == ["t"]
    error(
        busy.http("POST", "/proxies/p/toxics", {"type": "noop", "name": "c"}),
        409,
        "toxic already exists",
    )


def test_a_halted_engine_takes_no_toxic(busy: Toxiproxy) -> None:
    """The error says who halted it."""
    busy.ask("POST", "/api/v1/halt", {"reason": "lunch"})
    answer = busy.http("POST", "/proxies/p/toxics", {"type": "latency", "name": "x"})

    assert answer.status == 423
    assert "lunch" in answer.json["error"]


def test_metrics_count_while_connections_are_open(echoing: Toxiproxy) -> None:
    """The names and labels are Toxiproxy's; any method reads them."""
    with echoing.connect("p") as sock:
        sock.sendall(b"12345")
        assert sock.recv(10) == b"12345"
        answer = echoing.http("POST", "/metrics")

    proxy = echoing.http("GET", "/proxies/p").json
    labels = f'direction="downstream",listener="{proxy["listen"]}",proxy="p"'
    line = f'toxiproxy_proxy_sent_bytes_total{{{labels},upstream="{proxy["upstream"]}"}} 5\n'
    assert line in answer.body.decode()
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
