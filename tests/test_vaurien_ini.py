"""Vaurien's INI files of both generations load as profiles, and mistakes are placed in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaostui import profiles
from chaostui.errors import SettingsError
from chaostui.settings import Address, Mix, Profile, StatsdSettings

# The file of the article that introduced Vaurien, to the letter.
ARTICLE = """\
[vaurien]
distant = google.com:80
local = localhost:8000
behavior = 20:delay

[handler:delay]
sleep = 2
"""

SECOND = """\
# A file for Vaurien 2.
[vaurien]
proxy = 0.0.0.0:8181       ; for all
backend = "${CHAOS_TEST_BACKEND}:8080"
protocol = http
behavior = 5:error, 10:delay,
    5:mine
stay-connected = true
timeout = 30
pool_max_size = 100
http = true
http_port = 9090
log_level = debug

[behavior:delay]
before = False
sleep = .5

[behavior:error]
inject = true
warmup = 3

[behavior:mine]
callable = pkg.mod.func
speed = 12
ratio = 0.5
word = "12"
on = True
Case = kept
several =
    1
    two

[protocol:http]
overwrite_host_header = true
keep_alive = true

[protocol:tcp]
reuse_socket = true

[statsd]
enabled = true
host = stats
port = 8126
"""


def load(folder: Path, text: str, name: str = "vaurien.ini") -> Profile:
    """Read an INI text from a file."""
    (folder / name).write_text(text)
    return profiles.load(folder / name)


def problems(folder: Path, text: str, name: str = "v.ini") -> list[str]:
    """Everything wrong with an INI text, without the folder's name."""
    with pytest.raises(SettingsError) as caught:
        load(folder, text, name)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_the_articles_file_loads(tmp_path: Path) -> None:
    """``distant``, ``local`` and ``[handler:delay]`` say what they said in 2012."""
    found = load(tmp_path, ARTICLE)

    [proxy] = found.proxy
    assert (proxy.listen, proxy.backend) == (Address("localhost", 8000), Address("google.com", 80))
    assert proxy.behavior == Mix((("delay", 20.0),))
    assert found.handler == {"delay": {"sleep": 2.0}}


def test_the_second_generations_file_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every section and key of Vaurien 2 has its place, or is known to have no effect."""
    monkeypatch.setenv("CHAOS_TEST_BACKEND", "web")
    found = load(tmp_path, SECOND)

    [proxy] = found.proxy
    assert (proxy.listen, proxy.backend) == (Address("0.0.0.0", 8181), Address("web", 8080))
    assert str(proxy.behavior) == "5:errors,10:delay,5:mine"
    assert proxy.protocol == "http"
    assert proxy.protocol_options == {"overwrite_host_header": True}
    assert (proxy.connect_timeout, proxy.idle_timeout) == (30.0, 30.0)
    assert found.control.listen == Address("localhost", 9090)
    assert found.log_level == "debug"
    assert found.statsd == StatsdSettings(host="stats", port=8126)
    assert found.handler == {
        "delay": {"direction": "downstream", "sleep": 0.5},
        "errors": {"inject": True, "warmup": 3},
        "mine": {
            "callable": "pkg.mod.func",
            "speed": 12,
            "ratio": 0.5,
            "word": "12",
            "on": True,
            "Case": "kept",
            "several": [1, "two"],
        },
    }


def test_vauriens_defaults_hold(tmp_path: Path) -> None:
    """An empty section is localhost:8000 for localhost:80, all normal, no HTTP, no statsd."""
    found = load(tmp_path, "[vaurien]\n[statsd]\nhost = stats\n")

    [proxy] = found.proxy
    assert (str(proxy.listen), str(proxy.backend)) == ("localhost:8000", "localhost:80")
    assert proxy.behavior == Mix()
    assert (found.control.listen, found.statsd) == (None, None)


@pytest.mark.parametrize(
    ("lines", "listen"),
    [
        ("http = true", "localhost:8080"),
        ("http = true\nhttp_host = 127.0.0.1", "127.0.0.1:8080"),
        ("http = false\nhttp_port = 9", None),
        ("http_port = 9", None),
    ],
)
def test_the_http_api_is_on_where_it_is_asked_for(
    tmp_path: Path, lines: str, listen: str | None
) -> None:
    """``http = true`` opens it at Vaurien's address, or where host and port say."""
    found = load(tmp_path, f"[vaurien]\n{lines}\n").control.listen

    assert (found and str(found)) == listen


@pytest.mark.parametrize("name", ["v.ini", "v.cfg", "v.conf", "v.INI", "vaurien", "v.toml"])
def test_a_file_is_recognised_by_name_or_content(tmp_path: Path, name: str) -> None:
    """The section [vaurien] says it, whatever the file is called."""
    assert str(load(tmp_path, ARTICLE, name).proxy[0].behavior) == "20:delay"


def test_names_of_both_generations_mean_the_same(tmp_path: Path) -> None:
    """``dummy`` is ``normal``, ``error`` is ``errors``, in either spelling of the section."""
    text = "[vaurien]\nbehavior = 50:dummy,5:error\n[handler:error]\nwarmup = 2\n"
    found = load(tmp_path, text)

    assert str(found.proxy[0].behavior) == "50:normal,5:errors"
    assert found.handler == {"errors": {"warmup": 2}}


@pytest.mark.parametrize("target", ["pkg.mod.func", "pkg.mod:func"])
def test_own_handlers_are_named_in_both_forms(tmp_path: Path, target: str) -> None:
    """Dotted, as in the article, or with a colon; nothing is imported here."""
    found = load(tmp_path, f"[vaurien]\n[handler:mine]\ncallable = {target}\n")

    assert found.handler == {"mine": {"callable": target}}


@pytest.mark.parametrize("section", ["DEFAULT", "vaurien"])
def test_a_file_extends_others(
    tmp_path: Path, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it leaves open the others say; their own places and ``${HERE}`` are kept."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/far.ini").write_text("[handler:hang]\nmax_hits = 3\n")
    base = "[DEFAULT]\nextends = sub/far.ini\n[vaurien]\nlocal = :1\ndistant = a:2\n"
    (tmp_path / "base.ini").write_text(base + "[handler:delay]\nsleep = 9\njitter = 1\n")
    monkeypatch.chdir(tmp_path.parent)

    text = f"[{section}]\nextends = base.ini\n[vaurien]\nlocal = :3\n[handler:delay]\nsleep = 2\n"
    found = load(tmp_path, text)

    assert str(found.proxy[0].listen) == "127.0.0.1:3"
    assert str(found.proxy[0].backend) == "a:2"
    assert found.handler == {"delay": {"sleep": 2.0, "jitter": 1.0}, "hang": {"max_hits": 3}}


def test_the_folder_of_the_file_is_a_variable(tmp_path: Path) -> None:
    """``${HERE}`` is where the file stands."""
    text = "[vaurien]\n[handler:mine]\ncallable = a.b\nfile = ${HERE}/x\n"

    assert load(tmp_path, text).handler["mine"]["file"] == f"{tmp_path}/x"


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    """Syntax, unknown names, types, bounds and variables, each at its line and column."""
    text = """\
stray = 1
[vaurien]
prox = localhost:8181
backend = ${CHAOS_TEST_UNSET}:8080
behavior = 120:error
timeout = soon
junk
http = maybe
[behaviour:delay]
[behavior:delay]
sleeep = 2
sleep = -1
sleep = 2
before = x
[behavior:hangs]
[statsd]
enabled = true
hots = a
"""
    assert problems(tmp_path, text) == [
        "v.ini:1:1: this stands before the first [section]",
        "v.ini:3:1: no key 'prox'; did you mean 'proxy'?",
        "v.ini:4:11: backend: ${CHAOS_TEST_UNSET} is not set in the environment",
        "v.ini:5:12: behavior: '120:error': a weight is a percentage from 0 to 100",
        "v.ini:6:11: timeout: 'soon' is not a number over 0 up to 3600 s",
        "v.ini:7:1: this is neither [section] nor key = value",
        "v.ini:8:8: http: 'maybe' is not true or false",
        "v.ini:9:1: no section 'behaviour:delay'; did you mean 'behavior:NAME'?",
        "v.ini:11:1: no option 'sleeep'; did you mean 'sleep'?",
        "v.ini:13:1: 'sleep' stands there twice",
        "v.ini:14:10: before: 'x' is not true or false",
        "v.ini:15:1: no handler 'hangs'; did you mean 'hang'?",
        "v.ini:18:1: no key 'hots'; did you mean 'host'?",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[handler:delay]\nsleep = 1\n", "v.ini:1:1: there is no section [vaurien]"),
        (
            "[vaurien]\nlocal = localhost\n",
            "v.ini:2:9: local: 'localhost' is not host:port: a port from 0 to 65535 is missing",
        ),
        ("[vaurien]\ndistant = :70000\n", "v.ini:2:11: distant: port 70000 is over 65535"),
        (
            "[vaurien]\nprotocol = https\n",
            "v.ini:2:12: protocol: no protocol 'https'; did you mean 'http'?",
        ),
        (
            "[vaurien]\nbehavior = 60:delay,60:hang\n",
            "v.ini:2:12: behavior: the weights add up to 120, which is over 100",
        ),
        (
            "[vaurien]\n[handler:error]\nkind = 503\n[other]\n",
            "v.ini:4:1: no section 'other' (there is vaurien, handler:NAME, behavior:NAME, "
            "protocol:NAME, statsd)",
        ),
        ("[vaurien]\n[handler]\n", "v.ini:2:1: no section 'handler'; did you mean 'handler:NAME'?"),
        (
            "[vaurien]\nextends = gone.ini\n",
            "v.ini:2:11: extends: gone.ini: no such file or directory",
        ),
        ("[vaurien]\nextends = v.ini\n", "v.ini:2:11: extends: v.ini extends itself"),
        (
            "[vaurien]\n[handler:delay]\nsleep = \x1b[2J\n",
            "v.ini:3:9: sleep: '\\x1b[2J' is not a number from 0 to 86400 s",
        ),
        (
            "[vaurien]\nhttp = true\nhttp_port = 99999\n",
            "v.ini:3:13: http_port: port 99999 is over 65535",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    """The file's own key is named, in the words of its generation."""
    assert problems(tmp_path, text) == [line]


def test_a_mistake_in_an_extended_file_is_placed_there(tmp_path: Path) -> None:
    """The line is that of the file that says it."""
    (tmp_path / "base.ini").write_text("[handler:delay]\n\nsleep = x\n")

    assert problems(tmp_path, "[vaurien]\nextends = base.ini\n") == [
        "base.ini:3:9: sleep: 'x' is not a number from 0 to 86400 s"
    ]


def test_a_converted_file_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``convert`` writes a TOML profile that reads as the INI does."""
    monkeypatch.setenv("CHAOS_TEST_BACKEND", "web")
    for text in (ARTICLE, SECOND):
        found = load(tmp_path, text)

        assert profiles.loads(profiles.dump(found), allow_code=True) == found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("x = 1 ; one", 1),
        ("x = 1 # one", 1),
        ('x = "a ; b" ; c', "a ; b"),
        ("x = a;b", "a;b"),
        ("x: 5", 5),
        ("x = a = b", "a = b"),
        ("x =", ""),
        ("x = 'quoted'", "quoted"),
        ("x = true", True),
    ],
)
def test_values_are_read_as_configuration_readers_do(tmp_path: Path, line: str, value: Any) -> None:
    """Comments after values, quotes, both separators."""
    text = f"[vaurien]\n[handler:mine]\ncallable = a.b\n{line}\n"

    assert load(tmp_path, text).handler["mine"]["x"] == value
