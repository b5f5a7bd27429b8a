"""Broken profiles and command lines: clear lines, an exit code, nothing bound, no traceback."""

# ruff: noqa: E501 - in the tables a case is a line

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chaostui.cli import main
from tests.tcp import free_port

ROOT = Path(__file__).parent.parent
Capture = pytest.CaptureFixture[str]

PROXY = '[[proxy]]\nname = "a"\nlisten = "127.0.0.1:{port}"\nbackend = "127.0.0.1:1"\n'

PROFILES = {
    "not TOML: a missing quote": ('name = "a', ["1:10: Unterminated string"]),
    "not TOML: bare words": ("listen = localhost:80", ["1:10: this is no value; text stands in quotes"]),
    "not TOML: an open table": ("[[proxy]", ["1:8: Expected ']]' at the end of an array declaration"]),
    "a key twice": ("drain = 1\ndrain = 2", ["2:10: this key stands there twice"]),
    "an unknown key": ("sed = 42", ["1:1: no key 'sed'; did you mean 'seed'?"]),
    "an unknown table": ("[controls]", ["1:1: no key 'controls'; did you mean 'control'?"]),
    "Vaurien's key in a proxy": (PROXY + 'distant = "x:1"', ["5:1: no key 'distant'; it is 'backend' here"]),
    "a plain table of proxies": ('[proxy]\nname = "a"', ["1:1: proxy: a table is not an array of tables; write [[proxy]]"]),
    "text for a number": ('drain = "10"', ["1:9: drain: '10' is not a number of at least 0 s"]),
    "true for a number": ("seed = true", ["1:8: seed: true is not a whole number from 0 to 9223372036854775807"]),
    "an endless drain": ("drain = inf", ["1:9: drain: inf is not a number of at least 0 s"]),
    "a number for text": ("log_output = 1", ['1:14: log_output: 1 is not a string; write "1"']),
    "a proxy without anything": ("[[proxy]]", ["1:1: name is missing", "1:1: listen is missing", "1:1: backend is missing"]),
    "a proxy without a name": (PROXY.replace('name = "a"\n', ""), ["1:1: name is missing"]),
    "an empty name": (PROXY.replace('"a"', '""'), ["2:8: name: '' is not of 1 to 255 characters"]),
    "a name of controls": (PROXY.replace('"a"', '"\\u001b[2J"'), ["2:8: name: '\\x1b[2J' is not a name: 1 to 255 printable characters"]),
    "a name twice": (PROXY + PROXY.replace("{port}", "0"), ["6:8: name: another proxy is named 'a'"]),
    "no port": (PROXY.replace(":{port}", ""), ["3:10: listen: '127.0.0.1' is not host:port: a port from 0 to 65535 is missing"]),
    "a port that is none": (PROXY.replace("{port}", "70000"), ["3:10: listen: port 70000 is over 65535"]),
    "a negative port": (PROXY.replace("{port}", "-1"), ["3:10: listen: '127.0.0.1:-1' is not host:port: a port from 0 to 65535 is missing"]),
    "a host that is none": (PROXY.replace("127.0.0.1:1", "a/b:1"), ["4:11: backend: 'a/b' is not a host name"]),
    "a host with an empty part": (PROXY.replace("127.0.0.1:1", "redis..svc:1"), ["4:11: backend: 'redis..svc' is not a host name: it has an empty part between its dots"]),
    "a host with a part too long": (PROXY.replace("127.0.0.1:1", "a" * 64 + ".svc:1"), [f"4:11: backend: '{'a' * 64}.svc' is not a host name: it has a part of over 63 characters between its dots"]),
    "a statsd host with an empty part": ('[statsd]\nhost = "stats..svc"', ["2:8: host: 'stats..svc' is not a host name: it has an empty part between its dots"]),
    "a NUL in a host": (PROXY.replace("127.0.0.1:1", "a\\u0000b:1"), ["4:11: backend: 'a\\x00b' is not a host name"]),
    "a listener twice": (PROXY + PROXY.replace('"a"', '"b"').replace("127.0.0.1", "localhost"), ["7:10: listen: localhost:{port} is taken: proxy 'a' listens on 127.0.0.1:{port}"]),
    "the API's port": ('[control]\nlisten = "127.0.0.1:{port}"\n' + PROXY, ["5:10: listen: 127.0.0.1:{port} is taken: the control API listens on 127.0.0.1:{port}"]),
    "itself as backend": (PROXY.replace("127.0.0.1:1", "localhost:{port}", 1), ["4:11: backend: localhost:{port} is where proxy 'a' listens: traffic would go in circles"]),
    "an unknown protocol": (PROXY + 'protocol = "rediss"', ["5:12: protocol: no protocol 'rediss'; did you mean 'redis'?"]),
    "an unknown handler": (PROXY + 'behavior = "20:dely"', ["5:12: behavior: no handler 'dely'; did you mean 'delay'?"]),
    "weights over 100": (PROXY + 'behavior = "60:delay,60:hang"', ["5:12: behavior: the weights add up to 120, which is over 100"]),
    "a weight that is none": (PROXY + 'behavior = "x:delay"', ["5:12: behavior: 'x:delay': a weight is a percentage from 0 to 100"]),
    "a handler twice": (PROXY + 'behavior = "5:hang,6:hang"', ["5:12: behavior: 'hang' stands there twice"]),
    "an unknown setting": ("[handler.delay]\nslep = 2", ["2:1: no option 'slep'; did you mean 'sleep'?"]),
    "a setting out of bounds": ("[handler.delay]\nsleep = -1", ["2:9: sleep: -1 is not a number from 0 to 86400 s"]),
    "a choice that is none": ('[handler.delay]\ndirection = "up"', ["2:13: direction: 'up' is none of upstream, downstream, both; did you mean 'upstream'?"]),
    "a setting that is no number": ("[handler.delay]\nsleep = nan", ["2:9: sleep: nan is not a number from 0 to 86400 s"]),
    "a setting that is endless": ("[handler.delay]\nsleep = inf", ["2:9: sleep: inf is not a number from 0 to 86400 s"]),
    "a timeout that is no number": (PROXY + "connect_timeout = nan", ["5:19: connect_timeout: nan is not a number over 0 up to 3600 s"]),
    "a limit that is endless": (PROXY + "idle_timeout = inf", ["5:16: idle_timeout: inf is not a number of at least 0 s"]),
    "a probability that is no number": (PROXY + 'chain = [{ handler = "hang", probability = nan }]', ["5:44: probability: nan is not a number from 0 to 1"]),
    "an error the protocol lacks": (PROXY + 'protocol = "http"\nbehavior = "5:errors"\nhandler = { errors = { kind = "599" } }', ["7:22: errors: http has no error named '599' (it has 500, 501, 502, 503, 504, 408, 429, short_body, broken_chunk, garbage)"]),
    "a probability over 1": (PROXY + 'chain = [{ handler = "hang", probability = 50 }]', ["5:44: probability: 50 is not a number from 0 to 1"]),
    "a direction that is none": (PROXY + 'chain = [{ handler = "hang", direction = "down" }]', ["5:42: direction: 'down' is none of upstream, downstream, both; did you mean 'downstream'?"]),
    "a chain without a handler": (PROXY + "chain = [{ probability = 1 }]", ["5:10: handler is missing"]),
    "a built-in's name for own code": ('[handler.delay]\ncallable = "a:b"', ["2:12: callable: 'delay' is a built-in handler; give yours another name"]),
    "code that is no name": ('[handler.x]\ncallable = "just words"', ["2:12: callable: 'just words' does not name code, as package.module:function does"]),
    "five mistakes": ("sed = 1\ndrain = -1\n[handler.delay]\nslep = 1\n[[proxy]]\nname = 1\nlisten = ':x'\nbackend = ':1'", [
        "1:1: no key 'sed'; did you mean 'seed'?",
        "2:9: drain: -1 is not a number of at least 0 s",
        "4:1: no option 'slep'; did you mean 'sleep'?",
        '6:8: name: 1 is not a string; write "1"',
        "7:10: listen: ':x' is not host:port: a port from 0 to 65535 is missing",
    ]),
}  # fmt: skip

COMMAND_LINES = {
    "an unknown option": (["--hedless"], ["--hedless: no such option; did you mean --headless?"]),
    "an unknown setting of a handler": (["--behavior-delay-slep", "1"], ["--behavior-delay-slep: no such option; did you mean --behavior-delay-sleep?"]),
    "a missing value": (["--local"], ["--local: requires an argument"]),
    "a value too many": (["--headless=1"], ["--headless: does not take a value"]),
    "two profiles": (["a.toml", "b.toml"], ["got unexpected extra argument (b.toml)"]),
    "a profile twice": (["a.toml", "--config", "b.toml"], ["--config: there is a profile already, a.toml"]),
    "a profile that is not there": (["gone.toml"], ["gone.toml: no such file or directory"]),
    "a command that comes too late": (["check"], ["check is a command and comes first: chaostui check …"]),
    "no address": (["--local", "localhost"], ["--local: 'localhost' is not host:port: a port from 0 to 65535 is missing"]),
    "a port that is none": (["--distant", "x:70000"], ["--distant: port 70000 is over 65535"]),
    "an unknown protocol": (["--protocol", "htp"], ["--protocol: no protocol 'htp'; did you mean 'http'?"]),
    "an unknown handler": (["--behavior", "20:dely"], ["--behavior: no handler 'dely'; did you mean 'delay'?"]),
    "weights over 100": (["--behavior", "60:delay,50:hang"], ["--behavior: the weights add up to 110, which is over 100"]),
    "an unknown setting": (["--set", "delay.slep=1"], ["--set delay.slep: no option 'slep'; did you mean 'sleep'?"]),
    "a setting out of bounds": (["--set", "delay.sleep=-1"], ["--set delay.sleep: '-1' is not a number from 0 to 86400 s"]),
    "a setting in Vaurien's form": (["--behavior-delay-sleep", "soon"], ["--behavior-delay-sleep: 'soon' is not a number from 0 to 86400 s"]),
    "a setting that is endless": (["--set", "delay.sleep=inf"], ["--set delay.sleep: 'inf' is not a number from 0 to 86400 s"]),
    "a setting that is no number": (["--behavior-delay-sleep", "nan"], ["--behavior-delay-sleep: 'nan' is not a number from 0 to 86400 s"]),
    "a timeout that is endless": (["--connect-timeout", "inf"], ["--connect-timeout: 'inf' is not a number over 0 up to 3600 s"]),
    "a drain that is no number": (["--drain", "NaN"], ["--drain: 'NaN' is not a number of at least 0 s"]),
    "half a setting": (["--set", "delay"], ["--set: 'delay' is not HANDLER.OPTION=VALUE"]),
    "no seed": (["--seed", "abc"], ["--seed: 'abc' is not a whole number from 0 to 9223372036854775807"]),
    "an unknown level": (["--log-level", "loud"], ["--log-level: 'loud' is none of debug, info, warning, error, critical"]),
    "one port for both": (["--local", "localhost:8080"], ["--local: localhost:8080 is taken: the control API listens on localhost:8080"]),
    "itself as backend": (["--distant", "127.0.0.1:8000"], ["--distant: 127.0.0.1:8000 is where proxy 'proxy' listens: traffic would go in circles"]),
    "all mistakes at once": (["--seed", "x", "--drain", "y", "--behavior", "z"], [
        "--behavior: no handler 'z' (there is ",
        "--seed: 'x' is not a whole number from 0 to 9223372036854775807",
        "--drain: 'y' is not a number of at least 0 s",
    ]),
    "code that is not there": (["--set", "x.callable=gone_module:f", "--behavior", "x"], ["handler.x.callable: cannot import 'gone_module:f': ModuleNotFoundError: No module named 'gone_module'"]),
    "an API for everybody without a token": (["--api", "0.0.0.0:0"], ["control.listen: 0.0.0.0:0 can be reached from other hosts: "]),
    "a token that is not there": (["--api-token-file", "gone"], ["control.token_file: gone: No such file or directory"]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHAOSTUI_TOKEN", raising=False)
    return tmp_path


@pytest.mark.parametrize("case", PROFILES)
def test_a_broken_profile_is_told_line_by_line(case: str, folder: Path, capsys: Capture) -> None:
    """``check`` and the start say the same: every mistake at its place, exit 2, nothing bound."""
    port = free_port()
    text, expected = PROFILES[case]
    (folder / "p.toml").write_text(text.replace("{port}", str(port)))
    lines = [f"p.toml:{line.replace('{port}', str(port))}" for line in expected]

    for arguments in (["check", "p.toml"], ["--headless", "p.toml"]):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.err.splitlines() == lines
        assert captured.out == ""
    assert_free(port)


@pytest.mark.parametrize("case", COMMAND_LINES)
def test_a_broken_command_line_is_told_by_its_options(case: str, capsys: Capture) -> None:
    """The option that was typed, what is wrong with it, the nearest name; exit 2."""
    arguments, expected = COMMAND_LINES[case]

    assert main(["--headless", *arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line[: len(start)] == start
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"seed = 1\nname = '\xff'\n", "p.toml:2:9: this byte is not UTF-8"),
        (b"\x00", "p.toml:1:1: Invalid statement"),
        (b"a = " + b"[" * 5000, "p.toml: nested too deeply"),
    ],
)
def test_a_file_that_is_no_text_is_one_line(
    content: bytes, says: str, folder: Path, capsys: Capture
) -> None:
    """Bytes, not only words, can be wrong."""
    (folder / "p.toml").write_bytes(content)

    assert main(["--headless", "p.toml"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(says)


def test_the_console_wants_a_terminal_and_something_to_show(capsys: Capture) -> None:
    """Without a terminal the way out is told."""
    assert main(["--distant", "x:1"]) == 2
    assert capsys.readouterr().err == "the console needs a terminal; --headless runs without one\n"


def test_a_profile_that_names_code_is_checked_without_importing_it(folder: Path) -> None:
    """An audit hook sees every import of ``check``: the named module is not among them."""
    (folder / "evil_module.py").write_text("print('imported')")
    (folder / "p.toml").write_text('[handler.x]\ncallable = "evil_module:x"\n')
    program = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda name, given: name == 'import' and seen.append(given[0]))\n"
        "from chaostui.cli import main\n"
        "code = main(['check', 'p.toml'])\n"
        "print(code, 'evil_module' in seen, len(seen) > 10)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.stdout.splitlines() == ["p.toml: no problems (0 proxies)", "0 False True"]


# -- what only binding shows ----------------------------------------------------------------


def start(*arguments: str) -> tuple[int, list[str]]:
    """Start an engine that cannot: exit code and lines of errors."""
    done = subprocess.run(
        [sys.executable, "-m", "chaostui", "--headless", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def assert_free(port: int) -> None:
    """Nobody listens on a port."""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody else listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_busy_port_is_one_line_and_exit_3(busy: int, folder: Path) -> None:
    """The second proxy's port is taken: the first one is not left behind."""
    port = free_port()
    text = PROXY.replace("{port}", str(port))
    text += PROXY.replace("{port}", str(busy)).replace('"a"', '"web"')
    (folder / "p.toml").write_text(text)

    assert start(str(folder / "p.toml")) == (
        3,
        [f'cannot listen on 127.0.0.1:{busy}: address already in use (proxy "web")'],
    )
    assert_free(port)


def test_a_busy_port_of_the_api_is_one_line_and_exit_3(busy: int) -> None:
    """No engine runs that nobody could drive."""
    port = free_port()
    code, lines = start("--local", f"127.0.0.1:{port}", "--api", f"127.0.0.1:{busy}")

    assert (code, len(lines)) == (3, 1)
    assert lines[0].startswith(f"cannot listen on 127.0.0.1:{busy}: address already in use")
    assert_free(port)


@pytest.mark.parametrize("address", ["203.0.113.9:4000", "[2001:db8::1]:4000"])
def test_an_address_of_another_machine_is_one_line_and_exit_3(address: str) -> None:
    """The reason is the system's own."""
    code, [line] = start("--local", address, "--api", "127.0.0.1:0")

    assert code == 3
    assert line.startswith(f"cannot listen on {address}: ")


def test_a_host_that_nobody_knows_is_one_line_and_exit_3() -> None:
    """A listener's name must resolve."""
    code, [line] = start("--local", "name.invalid:4000", "--api", "127.0.0.1:0")

    assert code == 3
    assert line.startswith("cannot listen on name.invalid:4000: ")
