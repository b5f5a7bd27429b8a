"""Profiles: TOML and JSON to settings, every mistake at its place, and back to files."""

from __future__ import annotations

import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from chaostui import options, profiles
from chaostui.errors import SettingsError
from chaostui.match import Match
from chaostui.settings import (
    MAX_CHAIN,
    MAX_PROXIES,
    Address,
    ChainEntry,
    ControlSettings,
    Mix,
    Profile,
    ProxySettings,
    StatsdSettings,
    encode,
)

replace = msgspec.structs.replace

REDIS = """\
[[proxy]]
name = "redis"
listen = "127.0.0.1:16379"
backend = "127.0.0.1:6379"
"""


def problems(text: str, **more: Any) -> list[str]:
    """Everything wrong with a TOML text, as lines."""
    with pytest.raises(SettingsError) as caught:
        profiles.loads(text, file="p.toml", **more)
    return [str(problem) for problem in caught.value.problems]


def in_json(raw: Any, **more: Any) -> list[str]:
    """Everything wrong with a profile in JSON's types, as lines."""
    with pytest.raises(SettingsError) as caught:
        profiles.from_builtins(raw, "body", **more)
    return [str(problem) for problem in caught.value.problems]


# -- reading --------------------------------------------------------------------------------


def test_a_profile_is_read() -> None:
    """Everything a profile can say arrives typed, and what it leaves out has its default."""
    text = """
        seed = 42
        [control]
        listen = "127.0.0.1:8080"
        toxiproxy = "127.0.0.1:8474"
        allow_host = ["box"]
        [[proxy]]
        name = "redis"
        listen = "127.0.0.1:16379"
        backend = "[::1]:6379"
        protocol = "redis"
        behavior = "20:delay, 5:error"
        [proxy.handler.delay]
        sleep = 0.5
        [[proxy]]
        name = "mysql"
        listen = "127.0.0.1:0"
        backend = "unix:/run/mysqld.sock"
        draw = "connection"
        chain = [{ handler = "delay", direction = "downstream", probability = 0.5, sleep = 0.2 }]
        [handler.delay]
        sleep = 2
        [handler.ldap_storm]
        callable = "myapp.chaos:ldap_storm"
        speed = 3
        [statsd]
        port = 9125
    """
    entry = ChainEntry(handler="delay", probability=0.5, options={"sleep": 0.2})

    assert profiles.loads(text, allow_code=True) == Profile(
        seed=42,
        control=ControlSettings(
            listen=Address("127.0.0.1", 8080),
            toxiproxy=Address("127.0.0.1", 8474),
            allow_host=("box",),
        ),
        proxy=(
            ProxySettings(
                name="redis",
                listen=Address("127.0.0.1", 16379),
                backend=Address("::1", 6379),
                protocol="redis",
                behavior=Mix((("delay", 20.0), ("errors", 5.0))),
                handler={"delay": {"sleep": 0.5}},
            ),
            ProxySettings(
                name="mysql",
                listen=Address("127.0.0.1", 0),
                backend=Address("", 0, "/run/mysqld.sock"),
                draw="connection",
                chain=(entry,),
            ),
        ),
        handler={
            "delay": {"sleep": 2.0},
            "ldap_storm": {"callable": "myapp.chaos:ldap_storm", "speed": 3},
        },
        statsd=StatsdSettings(port=9125),
    )


def test_an_empty_profile_is_an_engine_without_proxies() -> None:
    """Proxies may all come over the API."""
    assert profiles.loads("") == Profile()


def test_the_sample_in_the_repository_is_sound() -> None:
    """``chaos.toml`` loads, and shows proxies, a mix, a chain and settings."""
    found = profiles.load(Path(__file__).parent.parent / "chaos.toml")

    assert len(found.proxy) >= 2
    assert any(proxy.behavior.weights for proxy in found.proxy)
    assert any(proxy.chain for proxy in found.proxy)
    assert found.handler["delay"]


def test_a_match_is_read_and_written_as_a_table(tmp_path: Path) -> None:
    """In a handler's table and in a chain; saving it and loading it give the same."""
    text = (
        REDIS
        + """
        chain = [{ handler = "hang", match = { client = "10.0.0.0/8" } }]
        [handler.errors]
        first = 3
        match = { command = "SET*", key = "user:*" }
    """
    )
    found = profiles.loads(text)

    assert found.handler["errors"]["match"] == options.read(
        Match, {"command": "SET*", "key": "user:*"}
    )
    file = tmp_path / "new.toml"
    profiles.save(str(file), found)
    assert profiles.load(file) == found
    assert 'match = {client = "10.0.0.0/8"}' in file.read_text()


def test_a_wrong_match_is_told_at_its_key() -> None:
    """Line and column are those of the key or the value inside of the table."""
    text = """[handler.errors]
match = { comand = "SET*", client = "10.0.0" }

[[proxy]]
name = "a"
listen = "127.0.0.1:1"
backend = "127.0.0.1:2"
chain = [{ handler = "hang", match = { query = "(" } }, { handler = "refuse", match = {} }]
"""

    assert problems(text) == [
        "p.toml:2:11: no option 'comand'; did you mean 'command'?",
        "p.toml:2:37: client: '10.0.0' is not an IP address or a network, such as 10.0.0.0/8",
        "p.toml:8:48: query: '(' is not a regular expression: missing ), unterminated"
        " subpattern at position 0",
        "p.toml:8:57: clients are met before anything is known of them: it takes no match",
    ]


def test_aliases_become_the_handlers_own_names() -> None:
    """``error`` and ``dummy`` mean the same as ``errors`` and ``normal``, wherever they stand."""
    text = (
        REDIS
        + """
        behavior = "5:error,10:dummy"
        chain = [{ handler = "error" }]
        [handler.error]
        warmup = 1
    """
    )
    found = profiles.loads(text)

    assert str(found.proxy[0].behavior) == "5:errors,10:normal"
    assert found.proxy[0].chain[0].handler == "errors"
    assert found.handler == {"errors": {"warmup": 1}}


def test_a_chain_entrys_options_may_stand_apart() -> None:
    """Under ``options`` they do not clash with the entry's own keys."""
    text = REDIS + 'chain = [{ handler = "delay", options = { direction = "both" }, sleep = 1 }]'

    [entry] = profiles.loads(text).proxy[0].chain
    assert entry.options == {"direction": "both", "sleep": 1.0}
    assert entry.direction == "downstream"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on other systems write one."""
    file = tmp_path / "chaos.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 1\n")

    assert profiles.load(file).seed == 1


# -- refusing -------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    """One run shows all there is to mend, each with its place and the nearest name."""
    text = """\
seeds = 1
seed = "x"
[control]
listen = "127.0.0.1"
[[proxy]]
name = "redis"
listen = "127.0.0.1:16379"
distant = "127.0.0.1:6379"
protocol = "reddis"
behavior = "20:dely"
chain = [{ handler = "delay", directoin = "upstream", probability = 2, sleep = -1 }]
[handler.delay]
slep = 2
"""
    assert problems(text) == [
        "p.toml:1:1: no key 'seeds'; did you mean 'seed'?",
        "p.toml:2:8: seed: 'x' is not a whole number from 0 to 9223372036854775807",
        "p.toml:4:10: listen: '127.0.0.1' is not host:port: a port from 0 to 65535 is missing",
        "p.toml:5:1: backend is missing",
        "p.toml:8:1: no key 'distant'; it is 'backend' here",
        "p.toml:9:12: protocol: no protocol 'reddis'; did you mean 'redis'?",
        "p.toml:10:12: behavior: no handler 'dely'; did you mean 'delay'?",
        "p.toml:11:31: no option 'directoin'; did you mean 'direction'?",
        "p.toml:11:69: probability: 2 is not a number from 0 to 1",
        "p.toml:11:80: sleep: -1 is not a number from 0 to 86400 s",
        "p.toml:13:1: no option 'slep'; did you mean 'sleep'?",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("behavior = 20:delay", "p.toml:1:14: the value should end here; text stands in quotes"),
        ("local = localhost:8000", "p.toml:1:9: this is no value; text stands in quotes"),
        ('a = "b', "p.toml:1:7: Unterminated string"),
        ("seed = 1\nseed = 2", "p.toml:2:9: this key stands there twice"),
        (
            "[proxy]\nname = 'a'",
            "p.toml:1:1: proxy: a table is not an array of tables; write [[proxy]]",
        ),
        ("proxy = 5", "p.toml:1:9: proxy: 5 is not an array of tables"),
        ("proxy = [5]", "p.toml:1:10: 5 is not a table"),
        ("control = 5", "p.toml:1:11: control: 5 is not a table"),
        ("handler = 5", "p.toml:1:11: handler: 5 is not a table"),
        ("handler.delay = 5", "p.toml:1:17: delay: 5 is not a table"),
        ("[handlers.delay]", "p.toml:1:1: no key 'handlers'; it is 'handler' here"),
        ("drain = -1", "p.toml:1:9: drain: -1 is not a number of at least 0 s"),
        ("drain = inf", "p.toml:1:9: drain: inf is not a number of at least 0 s"),
        (
            "drain = 1979-05-27",
            "p.toml:1:9: drain: datetime.date(1979, 5, 27) is not a number of at least 0 s",
        ),
        (
            'log_level = "warn"',
            "p.toml:1:13: log_level: 'warn' is none of debug, info, warning, error, critical; did "
            "you mean 'warning'?",
        ),
        ("[handler.dely]\nsleep = 1", "p.toml:1:1: no handler 'dely'; did you mean 'delay'?"),
        ("[control]\nallow_host = 'x'", "p.toml:2:14: allow_host: 'x' is not an array"),
        ("[control]\nlisten = ':80000'", "p.toml:2:10: listen: port 80000 is over 65535"),
        ("[statsd]\nport = 0", "p.toml:2:8: port: 0 is not a whole number from 1 to 65535"),
    ],
)
def test_a_mistake_of_a_file_is_one_line(text: str, line: str) -> None:
    """Syntax, types and bounds are told with file, line and column."""
    assert problems(text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('name = "redis"', "7:8: name: another proxy is named 'redis'"),
        (
            'name = "\\u001b[2J"',
            "7:8: name: '\\x1b[2J' is not a name: 1 to 255 printable characters",
        ),
        (
            'name = "abc\\u202Eexe"',
            "7:8: name: 'abc\\u202eexe' is not a name: 1 to 255 printable characters",
        ),
        ('name = " "', "7:8: name: ' ' is not a name: 1 to 255 printable characters"),
        ('name = ""', "7:8: name: '' is not of 1 to 255 characters"),
        ('name = "/"', "7:8: name: '/' is not a name: it cannot stand in a URL"),
        ('name = "-"', "7:8: name: '-' is not a name: it cannot stand in a URL"),
        ('name = " / "', "7:8: name: ' / ' is not a name: it cannot stand in a URL"),
        ('name = ".."', "7:8: name: '..' is not a name: it cannot stand in a URL"),
        (
            'listen = "127.0.0.1:16379"',
            "8:10: listen: 127.0.0.1:16379 is taken: proxy 'redis' listens on 127.0.0.1:16379",
        ),
        (
            'listen = "localhost:16379"',
            "8:10: listen: localhost:16379 is taken: proxy 'redis' listens on 127.0.0.1:16379",
        ),
        (
            'listen = "0.0.0.0:16379"',
            "8:10: listen: 0.0.0.0:16379 is taken: proxy 'redis' listens on 127.0.0.1:16379",
        ),
        (
            'listen = "127.0.0.1:8080"',
            "8:10: listen: 127.0.0.1:8080 is taken: the control API listens on 127.0.0.1:8080",
        ),
        (
            'listen = "127.0.0.1:8474"',
            "8:10: listen: 127.0.0.1:8474 is taken: the Toxiproxy API listens on 127.0.0.1:8474",
        ),
        (
            'listen = "unix:/tmp/x"',
            "8:10: listen: only the control API can listen on a Unix socket",
        ),
        (
            'backend = "127.0.0.1:1000"',
            "9:11: backend: 127.0.0.1:1000 is where proxy 'b' listens: traffic would go in circles",
        ),
        (
            'backend = "localhost:16379"',
            "9:11: backend: localhost:16379 is where proxy 'redis' listens: traffic would go in "
            "circles",
        ),
        (
            'backend = "0.0.0.0:8080"',
            "9:11: backend: 0.0.0.0:8080 is where the control API listens: traffic would go in "
            "circles",
        ),
        ('backend = "127.0.0.1:0"', "9:11: backend: a backend's port is 1 to 65535"),
        ('backend = "a b:1"', "9:11: backend: 'a b' is not a host name"),
        ('backend = "user@host:1"', "9:11: backend: 'user@host' is not a host name"),
        (
            'behavior = "60:delay,50:hang"',
            "10:12: behavior: the weights add up to 110, which is over 100",
        ),
        (
            'behavior = "5:error,5:errors"',
            "10:12: behavior: 'errors' is another name of 'errors', which is there too",
        ),
        ('tls = "refuse"', "10:7: tls: tcp cannot refuse TLS: nobody is asked before it begins"),
        ('tls = "reject"', "10:7: tls: 'reject' is none of passthrough, refuse, terminate"),
        (
            'tls = "terminate"\ntls_key = "shop.pem"',
            "11:11: tls_key: is the key of a certificate: say that in tls_cert",
        ),
        (
            'tls = "terminate"\ntls_cert = "/gone.pem"',
            "11:12: tls_cert: /gone.pem: no such file or directory",
        ),
        (
            'protocol = "http"\nprotocol_options = { overwrite = true }',
            "11:22: no option 'overwrite'; did you mean 'overwrite_host_header'?",
        ),
        (
            'handler.error = { kind = "x" }\nbehavior = "5:errors"',
            "10:17: error: tcp has no error named 'x' (it has none: it can only reset)",
        ),
        (
            'handler.mine = { callable = "a:b" }',
            "10:29: callable: code is named once for all proxies: in [handler.mine]",
        ),
        (
            'chain = [{ handler = "hang" }, { handler = "hang" }]',
            "10:32: name: another entry is named 'hang_downstream'; give it a name",
        ),
        (
            'chain = [{ handler = "hang", name = "a\\tb" }]',
            "10:37: name: 'a\\tb' is not a name: 1 to 255 printable characters",
        ),
        ("chain = [{ sleep = 1 }]", "10:10: handler is missing"),
        ('chain = "delay"', "10:9: chain: 'delay' is not an array of tables"),
        ('chain = ["delay"]', "10:10: 'delay' is not a table"),
        ('chain = [{ handler = "delay", options = 5 }]', "10:41: options: 5 is not a table"),
        ("max_held = 1", "10:12: max_held: 1 is not a whole number of at least 4096 B"),
    ],
)
def test_a_proxy_that_makes_no_sense_is_refused(text: str, line: str) -> None:
    """Names, addresses, mixes, chains and options are held against the rest of the profile."""
    own = dict(pair.split(" = ", 1) for pair in text.split("\n"))
    base = {"name": '"b"', "listen": '"127.0.0.1:1000"', "backend": '"127.0.0.1:2000"'}
    lines = [f"{key} = {value}" for key, value in {**base, **own}.items()]
    control = 'control = { listen = "127.0.0.1:8080", toxiproxy = "127.0.0.1:8474" }\n'
    found = problems(control + REDIS + "[[proxy]]\n" + "\n".join(lines))

    assert found == [f"p.toml:{line}"]


def test_two_on_any_free_port_do_not_clash() -> None:
    """Port 0 is a port of the system's choice, each time another."""
    one = {"name": "a", "listen": "127.0.0.1:0", "backend": "127.0.0.1:1"}

    assert len(profiles.from_builtins({"proxy": [one, {**one, "name": "b"}]}).proxy) == 2


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "example.org"])
def test_other_hosts_do_not_clash(host: str) -> None:
    """The same port on another address is another listener."""
    one = {"name": "a", "listen": "127.0.0.1:1000", "backend": "x:1"}
    other = {"name": "b", "listen": f"{host}:1000", "backend": "192.0.2.1:1000"}

    assert len(profiles.from_builtins({"proxy": [one, other]}).proxy) == 2


def test_there_is_a_limit_to_proxies_and_chains() -> None:
    """A profile cannot ask for more than an engine takes."""
    proxy = {"listen": "127.0.0.1:0", "backend": "a:1"}
    many = [{**proxy, "name": str(n)} for n in range(MAX_PROXIES + 1)]
    entries = [{"handler": "hang", "name": str(n)} for n in range(MAX_CHAIN + 1)]

    assert in_json({"proxy": many}) == ["body.proxy: 1001 proxies; at most 1000 can run"]
    assert in_json({"proxy": [{**proxy, "name": "a", "chain": entries}]}) == [
        "body.proxy[0].chain: 101 entries; at most 100 can stand in a chain"
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing.toml", "no such file or directory"), ("", "is a directory")],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, says: str) -> None:
    """The path and the reason, nothing else."""
    [problem] = profiles.check(tmp_path / name)

    assert str(problem) == f"{tmp_path / name}: {says}".replace("//", "/")


def test_bytes_that_are_no_text_are_placed(tmp_path: Path) -> None:
    """A file that is not UTF-8 is told by line and column."""
    file = tmp_path / "chaos.toml"
    file.write_bytes(b"seed = 1\nname = '\xff'\n")

    assert [str(problem) for problem in profiles.check(file)] == [
        f"{file}:2:9: this byte is not UTF-8"
    ]


def test_hostile_names_of_files_and_keys_are_told_safely(tmp_path: Path) -> None:
    """What stands in a file's name or text never reaches the terminal as it is."""
    file = tmp_path / "\x1b[2J.toml"
    file.write_text('"\\u001b]0;x" = 1\n')

    [problem] = profiles.check(file)
    assert "\x1b" not in str(problem)


def test_nesting_has_an_end() -> None:
    """A text of ten thousand brackets is refused, not followed."""
    assert len(problems("a = " + "[" * 10_000)) == 1


WORDS = st.sampled_from(["proxy", "handler", "control", "name", "listen", "chain", "delay"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        LEAVES
        | st.lists(JSON, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=5), JSON, max_size=4)
    )
)


@given(JSON)
def test_anything_in_json_is_a_profile_or_a_settings_error(raw: Any) -> None:
    """No input makes anything else of it."""
    with suppress(SettingsError):
        assert isinstance(profiles.from_builtins(raw), Profile)


# -- code -----------------------------------------------------------------------------------


def test_over_http_no_code_can_be_named() -> None:
    """The key is named, and nothing is imported to find that out."""
    before = set(sys.modules)

    found = in_json({"handler": {"x": {"callable": "antigravity:fly"}}})

    assert found == [
        "body.handler.x.callable: only a profile file or the command line can name code, "
        "not the HTTP API"
    ]
    assert set(sys.modules) - before == set()


def test_code_that_the_engine_started_with_may_come_back() -> None:
    """A profile that was read over HTTP can be written back."""
    raw = {"handler": {"x": {"callable": "mine:x"}}}

    assert profiles.from_builtins(raw, code=["mine:x"]).handler == raw["handler"]
    assert in_json(raw, code=["mine:y"])


def test_checking_a_file_imports_nothing(tmp_path: Path) -> None:
    """``check`` looks at names alone; another place may have the code."""
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    file = tmp_path / "chaos.toml"
    file.write_text('[handler.x]\ncallable = "evil:x"\n')

    assert profiles.check(file) == []
    assert "evil" not in sys.modules


@pytest.mark.parametrize("target", ["os", "", 5, "a-b:c", "a:b c", "a..b"])
def test_a_callable_has_the_form_of_one(target: object) -> None:
    """What cannot name code is refused without a try."""
    [line] = in_json({"handler": {"x": {"callable": target}}}, allow_code=True)

    assert "does not name code, as package.module:function does" in line


# -- writing --------------------------------------------------------------------------------

FULL = Profile(
    seed=7,
    drain=2.5,
    control=ControlSettings(listen=Address("::1", 80), allow_host=("a", "b")),
    statsd=StatsdSettings(),
    handler={"delay": {"sleep": 2.0}, "own": {"callable": "a:b", "list": [1, {"x": "y"}]}},
    proxy=(
        ProxySettings(
            name='quo"ted',
            listen=Address("127.0.0.1", 1),
            backend=Address("", 0, "/run/x"),
            behavior=Mix((("delay", 12.5), ("hang", 5.0))),
            handler={"hang": {"max_hits": 3}},
            idle_timeout=30.0,
        ),
        ProxySettings(
            name="b",
            listen=Address("127.0.0.1", 2),
            backend=Address("x", 3),
            enabled=False,
            chain=(
                ChainEntry(handler="delay", options={"sleep": 0.2, "direction": "both"}),
                ChainEntry(handler="hang", name="n", direction="both", probability=0.5),
            ),
        ),
    ),
)


def test_a_new_file_says_the_same() -> None:
    """What was written reads back as what it was."""
    assert profiles.loads(profiles.dump(FULL), allow_code=True) == FULL
    assert profiles.loads(profiles.dump(Profile())) == Profile()


def test_json_says_the_same() -> None:
    """The API's form of a profile reads back as what it was, defaults written out or not."""
    raw = msgspec.to_builtins(FULL, enc_hook=encode)

    assert profiles.from_builtins(raw, allow_code=True) == FULL


def test_a_new_file_is_written_as_people_write_it() -> None:
    """Only what differs from the defaults, whole numbers whole, chains as inline tables."""
    assert (
        profiles.dump(FULL)
        == """\
seed = 7
drain = 2.5

[control]
listen = "[::1]:80"
allow_host = ["a", "b"]

[[proxy]]
name = "quo\\"ted"
listen = "127.0.0.1:1"
backend = "unix:/run/x"
behavior = "12.5:delay,5:hang"
idle_timeout = 30

[proxy.handler.hang]
max_hits = 3

[[proxy]]
name = "b"
listen = "127.0.0.1:2"
backend = "x:3"
enabled = false
chain = [
    {handler = "delay", sleep = 0.2, options = {direction = "both"}},
    {handler = "hang", name = "n", direction = "both", probability = 0.5},
]

[handler.delay]
sleep = 2

[handler.own]
callable = "a:b"
list = [1, {x = "y"}]

[statsd]
"""
    )


FILE = """\
# The profile of the shop.
seed = 42   # same seed, same decisions

[control]
listen = "127.0.0.1:8080"  # the API

[[proxy]]
name = "redis"   # the cache
listen = "127.0.0.1:16379"
backend = "127.0.0.1:6379"
protocol = "tcp"  # written out, though it is the default
behavior = "20: delay, 5:error"

# The database.
[[proxy]]
name = "mysql"
listen = "127.0.0.1:13306"
backend = "127.0.0.1:3306"
chain = [{ handler = "delay", sleep = 0.2 }] # lag

[handler.delay]
sleep = 2 # seconds

[handler.error]
# How many pass.
warmup = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A profile's file with comments."""
    path = tmp_path / "chaos.toml"
    path.write_text(FILE)
    return path


def test_saving_what_is_there_changes_nothing(file: Path) -> None:
    """Not a byte, though numbers and mixes could be spelled otherwise."""
    before = file.stat()
    profiles.save(file, profiles.load(file))

    assert file.read_text() == FILE
    assert file.stat().st_ino == before.st_ino


def test_saving_changes_what_changed_and_keeps_the_comments(file: Path) -> None:
    """Values change in place, keys go beside their like, and every comment stays."""
    was = profiles.load(file)
    redis, mysql = was.proxy
    redis = replace(redis, behavior=Mix.parse("30:delay"), idle_timeout=5.0)
    new = replace(
        was,
        proxy=(redis, mysql),
        handler={"delay": {"sleep": 3.0, "jitter": 0.5}, "errors": {"warmup": 2}},
    )

    profiles.save(file, new)

    assert profiles.load(file) == new
    assert file.read_text() == FILE.replace(
        'behavior = "20: delay, 5:error"', 'behavior = "30:delay"\nidle_timeout = 5'
    ).replace("sleep = 2 # seconds", "sleep = 3 # seconds\njitter = 0.5").replace(
        "warmup = 1", "warmup = 2"
    )


def test_saving_adds_and_removes_whole_tables(file: Path) -> None:
    """A new proxy is appended, one that is gone goes, and so do settings at their default."""
    was = profiles.load(file)
    new = replace(
        was,
        seed=None,
        control=ControlSettings(),
        proxy=(replace(was.proxy[0], handler={"hang": {"max_hits": 1}}), FULL.proxy[1]),
        handler={"hang": {"every": 2}},
        statsd=StatsdSettings(port=1),
    )

    profiles.save(file, new)

    assert profiles.load(file) == new
    text = file.read_text()
    assert "# The profile of the shop." in text
    assert "mysql" not in text
    assert "seed" not in text


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True, max_size=4),
    st.sampled_from(["", "5:delay", "5:errors,6:hang"]),
    st.dictionaries(
        st.sampled_from(["delay", "hang", "errors"]),
        st.dictionaries(st.sampled_from(["max_hits", "every"]), st.integers(1, 9)),
    ),
    st.booleans(),
)
def test_saving_anything_over_anything_reads_back(
    names: list[str], mix: str, handler: dict[str, Any], chained: bool
) -> None:
    """Whatever stood in the file, afterwards it says what was saved."""
    import tempfile

    chain = (ChainEntry(handler="delay", options={"sleep": 1.0}),) if chained else ()
    made = tuple(
        ProxySettings(
            name=name,
            listen=Address("127.0.0.1", 1000 + ord(name)),
            backend=Address("x", 1),
            behavior=Mix.parse(mix),
            handler=handler,
            chain=chain,
        )
        for name in names
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chaos.toml")
        for proxies in (made, made[1:], made[::2], made):
            new = Profile(proxy=proxies, handler=handler)
            profiles.save(path, new)
            read = profiles.load(path)
            assert sorted(read.proxy, key=lambda p: p.name) == sorted(proxies, key=lambda p: p.name)
            assert read.handler == handler


def test_saving_keeps_mode_and_link_and_leaves_no_rubbish(file: Path) -> None:
    """The file that a link names is replaced whole, with its mode."""
    file.chmod(0o600)
    link = file.with_name("link.toml")
    link.symlink_to(file)

    profiles.save(link, replace(profiles.load(file), seed=1))

    assert link.is_symlink()
    assert profiles.load(file).seed == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["chaos.toml", "link.toml"]


def test_saving_where_nothing_can_be_written_is_one_line(file: Path) -> None:
    """The reason is told, and the profile in memory stays."""
    with pytest.raises(SettingsError, match=r"x\.toml: cannot be written: No such file"):
        profiles.save(file.parent / "nowhere" / "x.toml", Profile())


def test_a_broken_file_is_not_written_over(file: Path) -> None:
    """Somebody is editing it: his text stays."""
    file.write_text("[[proxy")

    with pytest.raises(SettingsError, match=r"chaos\.toml:1:8"):
        profiles.save(file, Profile())
    assert file.read_text() == "[[proxy"


def test_vaurien_files_are_read_only(tmp_path: Path) -> None:
    """The way out is told."""
    file = tmp_path / "vaurien.ini"
    file.write_text("[vaurien]\n")

    with pytest.raises(SettingsError, match="`chaostui convert` makes a profile of one"):
        profiles.save(file, Profile())
