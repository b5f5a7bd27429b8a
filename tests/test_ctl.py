"""``chaostui ctl``: a running engine driven from a shell."""

from __future__ import annotations

import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaostui.cli import main
from chaostui.cli.ctl import ctl
from tests.api.engine import Echo, Engine, proxy
from tests.engine.headless import Headless
from tests.protocols.test_tls import HELLO
from tests.tcp import free_port
from tests.wait import until

REDIS = ("--protocol", "redis", "--behavior", "transient")
Capture = pytest.CaptureFixture[str]
Ctl = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with one proxy, whose backend echoes."""
    with Echo() as echo, Engine(proxy(backend=echo.address)) as running:
        yield running


@pytest.fixture
def run(engine: Engine, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Runs a command on the engine: exit code, and lines of output or else of errors."""
    monkeypatch.setenv("CHAOSTUI_API", f"127.0.0.1:{engine.port}")

    def run(*arguments: str) -> tuple[int, list[str]]:
        code = main(["ctl", *arguments])
        captured = capsys.readouterr()
        assert not (captured.out and captured.err)
        return code, (captured.out or captured.err).splitlines()

    return run


def answer(run: Ctl, *arguments: str) -> Any:
    """What a command answers as JSON."""
    code, [line] = run(*arguments, "--json")
    assert code == 0
    return json.loads(line)


def test_proxies_are_listed_and_shown(run: Ctl) -> None:
    """A line a proxy, with what it does; one proxy with its handlers and chain."""
    run("set", "20:delay,5:errors")
    run("chain-add", "hang", "--direction", "upstream", "--probability", "0.5")

    code, lines = run("list")
    assert code == 0
    assert lines[0].split() == [
        *("NAME", "LISTEN", "BACKEND", "PROTOCOL"),
        *("BEHAVIOR", "OPEN", "HITS"),
    ]
    assert lines[1].startswith("web ")
    assert "20:delay,5:errors +1 in chain" in lines[1]
    _, detail = run("get", "web")
    assert any(line.startswith("delay") and "sleep=1" in line for line in detail)
    assert any(line.startswith("hang_upstream") and "0.5" in line for line in detail)


def test_what_a_fault_cannot_reach_is_said(run: Ctl, engine: Engine) -> None:
    """``get`` says which faults miss how many connections, why, and what mends it."""
    run("add", "cache", "127.0.0.1:0", str(engine.profile.proxy[0].backend), *REDIS)
    listen = engine.look(lambda supervisor: supervisor.proxy("cache")).listen
    host, _, port = listen.rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(HELLO)
        assert client.recv(len(HELLO))
        _, lines = run("get", "cache")

    [line] = [line for line in lines if line.startswith("not reached: ")]
    assert line.startswith("not reached: transient cannot act on 1 open connection (TLS")
    assert line.endswith('`ctl tls terminate` mends it (tls = "terminate" backend_tls = "on")')


def test_tls_is_ended_without_a_certificate(run: Ctl, engine: Engine) -> None:
    """``tls terminate`` has one made; ``authority`` prints whom to trust then."""
    assert run("tls", "terminate", "--backend", "off") == (
        0,
        ["web: tls is terminate for connections that come from now on"],
    )
    code, lines = run("authority")
    assert (code, lines[0]) == (0, "-----BEGIN CERTIFICATE-----")
    trusting = ssl.create_default_context(cadata="\n".join(lines) + "\n")
    listen = engine.look(lambda supervisor: supervisor.proxy("web")).listen
    host, _, port = listen.rpartition(":")
    raw = socket.create_connection((host, int(port)))
    with trusting.wrap_socket(raw, server_hostname="localhost") as client:
        client.sendall(b"ping")
        assert client.recv(4) == b"ping"

    assert run("tls", "passthrough")[0] == 0
    assert engine.look(lambda supervisor: supervisor.proxy("web")).tls == "passthrough"


def test_a_mix_is_put_in_force_with_its_settings(run: Ctl, engine: Engine) -> None:
    """``set`` takes weights, settings and a time; ``weight`` and ``options`` change one thing."""
    run("set", "20:delay", "--set", "delay.sleep=3")
    run("weight", "hang", "5")
    run("options", "delay", "jitter=0.5")

    view = engine.look(lambda supervisor: supervisor.proxy())
    assert view.behavior == "20:delay,5:hang"
    assert (view.mix[0].options["sleep"], view.mix[0].options["jitter"]) == (3, 0.5)
    assert run("options", "delay")[1][0].startswith("delay 20%  sleep=3 jitter=0.5")
    run("options", "delay", "sleep=null")
    assert run("options", "delay")[1][0].startswith("delay 20%  sleep=1 jitter=0.5")
    found = answer(run, "set", "5:hang", "--for", "60")
    assert [fault["ends_in"] > 50 for fault in found["faults"]] == [True]


def test_a_mix_can_be_bypassed(run: Ctl) -> None:
    """It is kept, not applied, and comes back."""
    run("set", "20:delay")

    assert run("bypass", "on") == (0, ["web: 20:delay (bypassed)"])
    assert run("bypass", "off") == (0, ["web: 20:delay"])


def test_a_chain_is_built_and_taken_apart(run: Ctl) -> None:
    """Entries have names, options, directions."""
    added = answer(run, "chain-add", "delay", "sleep=0.2", "--name", "lag")
    assert (added["name"], added["options"]["sleep"]) == ("lag", 0.2)
    assert len(answer(run, "chain")) == 1

    assert run("chain-remove", "lag") == (0, ["lag is gone"])
    assert answer(run, "chain") == []


def test_proxies_come_and_go(run: Ctl) -> None:
    """A proxy is made with its mix, closed, opened, pointed elsewhere and removed."""
    port = free_port()
    listen = f"127.0.0.1:{port}"

    assert run("add", "other", listen, "127.0.0.1:1", "--behavior", "5:hang") == (
        0,
        [f"other listens on {listen}"],
    )
    assert run("disable", "other") == (0, ["other is closed"])
    assert f"{listen} (off)" in run("list")[1][2]
    assert run("enable", "other") == (0, [f"other listens on {listen}"])
    assert run("--proxy", "other", "backend", "127.0.0.1:2") == (
        0,
        ["other connects to 127.0.0.1:2"],
    )
    assert answer(run, "get", "other")["behavior"] == "5:hang"
    assert run("remove", "other") == (0, ["other is gone"])
    assert [view["name"] for view in answer(run, "list")] == ["web"]


def test_a_halt_stops_everything_until_it_is_released(run: Ctl) -> None:
    """New faults are refused, in one line, with exit code 2."""
    run("halt", "stop", "it")

    code, [line] = run("set", "5:hang")
    assert (code, "halted" in line, "stop it" in line) == (2, True, True)
    run("release")
    assert run("set", "5:hang")[0] == 0
    assert run("reset")[0] == 0
    assert answer(run, "get")["behavior"] == ""


def test_connections_are_listed_pinned_and_cut(run: Ctl, engine: Engine) -> None:
    """By their number."""
    with socket.create_connection(engine.address(), timeout=5) as client:
        until(lambda: answer(run, "connections"))
        [found] = answer(run, "connections", "--limit", "1")
        number = str(found["id"])

        assert run("connections")[1][1].split()[:2] == [number, "web"]
        assert run("pin", number, "hang")[0] == 0
        assert answer(run, "connections")[0]["pinned"] == "hang"
        run("unpin", number)
        assert answer(run, "connections")[0]["pinned"] == ""
        assert run("cut", number) == (0, [f"connection {number} was reset"])
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert run("cut", number)[0] == 2


def test_what_happened_is_told(run: Ctl) -> None:
    """Events, those of one kind, the journal with notes, counters and sessions."""
    run("set", "5:hang")
    code, [line] = run("note", "deployed", "1.4")
    assert (code, "deployed 1.4" in line, "actor=ctl" in line) == (0, True, True)

    assert any("change web actor=ctl" in line for line in run("events")[1])
    assert run("events", "--kinds", "fault") == (0, [])
    assert len(run("journal")[1]) >= 2
    assert "web" in run("stats")[1][1]
    assert list(answer(run, "stats")) == ["web"]
    assert run("sessions")[1][0].split()[0] == "SESSION"


def test_events_are_followed_as_they_happen(engine: Engine, capsys: Capture) -> None:
    """``events -f`` prints on, and ends with the engine."""
    address = f"127.0.0.1:{engine.port}"
    codes: list[int] = []
    follow = ["ctl", "--api", address, "events", "-f", "--since", "1"]
    reader = threading.Thread(target=lambda: codes.append(main(follow)))
    with engine.client() as client:
        client.note("first")
        reader.start()
        client.note("second")
        seen: list[str] = []

        def told() -> bool:
            seen.append(capsys.readouterr().out)
            return "second" in "".join(seen)

        until(told)
    engine.stop()
    reader.join(10)
    assert codes


def test_the_profile_is_read_compared_and_applied(run: Ctl, tmp_path: Path) -> None:
    """What runs can be printed, held against a file, and made what the file says."""
    file = tmp_path / "chaos.toml"
    file.write_text("\n".join(run("profile")[1]))
    assert run("diff", str(file)) == (0, ["no difference"])

    text = file.read_text().replace('name = "web"', 'name = "web"\nbehavior = "5:hang"')
    file.write_text(text)
    assert any("behavior" in line for line in run("diff", str(file))[1])
    assert run("apply", str(file))[0] == 0
    assert answer(run, "profile")["proxy"][0]["behavior"] == "5:hang"


def test_applying_a_profile_tells_what_it_changes(run: Ctl, tmp_path: Path) -> None:
    """What is added, changed and removed stands above the proxies that there are then."""
    file = tmp_path / "chaos.toml"
    file.write_text("\n".join(run("profile")[1]).replace('name = "web"', 'name = "new"'))
    told = run("apply", str(file))[1]
    again = run("apply", str(file))[1]

    assert any(line.startswith("proxy.new: added") for line in told)
    assert "proxy.web: removed" in told
    assert again[0] == "no difference"


def test_saving_needs_a_file(run: Ctl) -> None:
    """An engine that was started without one says so."""
    code, [line] = run("save")

    assert code == 2
    assert line


def test_vaurienctls_commands_work(run: Ctl, engine: Engine) -> None:
    """``list-behaviors``, ``get-behavior``, ``set-behavior``, and its ``--host``."""
    host = f"http://127.0.0.1:{engine.port}"

    assert "dummy" in run("list-behaviors", "--host", host)[1]
    assert run("set-behavior", "delay", "sleep=2") == (0, ['Behavior changed to "delay"'])
    assert run("--host", host, "get-behavior") == (0, ["delay"])
    assert run("set-behavior", "dely") == (2, ["the 'dely' behavior does not exist"])


def test_an_engine_is_found_by_its_socket(tmp_path: Path, capsys: Capture) -> None:
    """``--api`` takes a socket's path, with or without ``unix:``."""
    path = tmp_path / "api.sock"
    with Engine(proxy(), unix=path):
        for api in (str(path), f"unix:{path}"):
            assert main(["ctl", "list", "--api", api]) == 0
            assert "web" in capsys.readouterr().out


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_without_a_word_it_is_the_only_engine(
    answers: int, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that runs here is meant; of several one must be named; else it is localhost:8080's."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("CHAOSTUI_API", raising=False)
    (tmp_path / "chaostui").mkdir(mode=0o700)
    engines = [Engine(proxy(), unix=tmp_path / f"chaostui/{n}.sock") for n in range(answers)]
    for engine in engines:
        engine.__enter__()
    try:
        code = main(["ctl", "list"])
    finally:
        for engine in engines:
            engine.stop()
    captured = capsys.readouterr()
    if answers == 1:
        assert (code, captured.out.splitlines()[1].split()[0]) == (0, "web")
    elif answers == 2:
        assert code == 2
        assert captured.err.startswith("2 engines run here; say which by --api NUMBER: 1 is ")
    elif code:
        assert captured.err.startswith("no engine answers at http://localhost:8080: ")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["attach"], 2, "attach is no command of ctl: chaostui attach …"),
        (["set", "delay:20"], 2, "'delay:20': the weight comes first, as in 20:delay"),
        (["--api", "7", "list"], 2, "no engine 7: "),
        (["options", "delay", "sleep=200parsecs"], 2, "sleep"),
        (["lst"], 2, "no command 'lst'; did you mean 'list'?"),
        (["list", "--jsn"], 2, "--jsn: no such option; did you mean --json?"),
        (["get", "wep"], 2, "no proxy 'wep'; did you mean 'web'?"),
        (["set", "20:dely"], 2, "no handler 'dely'; did you mean 'delay'?"),
        (["set", "120:delay"], 2, "behavior: '120:delay': a weight is a percentage from 0 to 100"),
        (["set", "5:hang", "--set", "x"], 2, "'x' is not OPTION=VALUE"),
        (["set", "5:hang", "--set", "x=1"], 2, "--set: 'x' is not HANDLER.OPTION"),
        (["options", "delay", "slep=1"], 2, "no option 'slep'; did you mean 'sleep'?"),
        (["weight", "delay"], 2, "missing argument 'PERCENT'"),
        (["weight", "delay", "x"], 2, "percent: 'x' is not a valid float"),
        (["bypass", "maybe"], 2, "on: 'maybe' is not one of 'on', 'off'"),
        (["cut", "99"], 2, "no live connection 99"),
        (["--api", "ftp://x", "list"], 2, "--api: 'ftp://x' is not a URL, host:port or unix:/path"),
        (["--api", "x:99999", "list"], 2, "--api: port 99999 is over 65535"),
        (["list", "--token-file", "/nowhere"], 2, "--token-file: /nowhere: No such file"),
        (["apply", "/nowhere.toml"], 2, "/nowhere.toml: no such file or directory"),
    ],
)
def test_a_wrong_command_is_one_line(run: Ctl, arguments: list[str], code: int, line: str) -> None:
    """What is wrong and the nearest name; the engine's own words where it refused."""
    found, lines = run(*arguments)

    assert (found, len(lines)) == (code, 1)
    assert line in lines[0]


@pytest.mark.parametrize(
    ("arguments", "sleep"),
    [
        (("options", "delay", "sleep=200ms"), 0.2),
        (("options", "delay", "sleep=2m"), 120.0),
        (("set", "delay", "--set", "delay.sleep=1.5s", "--for", "2m"), 1.5),
    ],
)
def test_ctl_reads_units_as_the_console_does(
    run: Ctl, arguments: tuple[str, ...], sleep: float
) -> None:
    """``200ms`` is what may be typed in the console, so it may be typed here."""
    code, _ = run(*arguments)

    assert code == 0
    assert answer(run, "options", "delay")["options"]["sleep"] == sleep


def test_a_size_has_its_unit_too(run: Ctl) -> None:
    """``64k`` bytes a second."""
    assert run("options", "throttle", "rate=64k")[0] == 0
    assert answer(run, "options", "throttle")["options"]["rate"] == 64_000


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "20:delay"), ("weight", "delay", "5"), ("options", "delay", "sleep=1"),
        ("bypass", "on"), ("chain-add", "hang"), ("disable",), ("backend", "127.0.0.1:9"),
    ],
)  # fmt: skip
def test_with_several_proxies_a_change_says_which(run: Ctl, arguments: tuple[str, ...]) -> None:
    """No proxy is broken by mistake: ctl asks for its name, as the console shows whose it is."""
    run("add", "second", "127.0.0.1:0", "127.0.0.1:9")
    before = answer(run, "list")

    code, [line] = run(*arguments)

    assert code == 2
    assert line.startswith("there are 2 proxies; say which: --proxy web, second")
    assert [p["behavior"] for p in answer(run, "list")] == [p["behavior"] for p in before]
    assert run(*arguments, "--proxy", "second")[0] == 0


def test_all_proxies_are_shown_without_a_name(run: Ctl) -> None:
    """``get`` without a name shows each."""
    run("add", "second", "127.0.0.1:0", "127.0.0.1:9")
    _, lines = run("get")

    assert [line.split()[0] for line in lines if line.startswith(("web", "second"))] == [
        "web",
        "second",
    ]


def test_an_engine_is_stopped_by_ctl(capsys: Capture) -> None:
    """``ctl stop`` drains and ends it; its exit code is 0."""
    with Headless("--listen", "127.0.0.1:0", "--backend", "127.0.0.1:9", "--api", "127.0.0.1:0"
                  ) as running:  # fmt: skip
        assert main(["ctl", "stop", "--api", running.ready["api"]]) == 0
        assert capsys.readouterr().out == f"engine {running.pid} ends\n"
        assert running.wait() == 0
        assert "stopped by ctl" in running.log


def test_an_engine_inside_of_a_program_is_not_stopped_from_outside(run: Ctl) -> None:
    """Its program ends it."""
    code, [line] = run("stop")

    assert (code, line) == (2, "this engine ends with the program it runs in")


def test_several_engines_are_listed_and_chosen_by_number(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number, profile, ports and uptime; the oldest is number 1."""
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.delenv("CHAOSTUI_API", raising=False)
        assert main(["engines"]) == 0
        assert capsys.readouterr().out == "no engine runs here\n"
        shop = Path(folder) / "shop.toml"
        shop.write_text(
            '[[proxy]]\nname = "web"\nlisten = "127.0.0.1:0"\nbackend = "127.0.0.1:9"\n'
        )
        api = ("--api", "127.0.0.1:0")
        with (
            Headless(str(shop), *api) as first,
            Headless("--listen", "127.0.0.1:0", "--backend", "127.0.0.1:9", *api) as second,
        ):
            assert main(["engines"]) == 0
            lines = capsys.readouterr().out.splitlines()
            assert [line.split(",")[0] for line in lines] == [
                f"  1  shop: web {first.ready['proxies']['web']}",
                f"  2  proxy: proxy {second.ready['proxies']['proxy']}",
            ]
            assert f"pid {second.pid}" in lines[1]
            assert " up " in lines[0]

            assert main(["ctl", "list"]) == 2
            assert "2 engines run here; say which by --api NUMBER: 1 is shop: " in (
                capsys.readouterr().err
            )
            for word in ("1", "shop", str(first.pid)):
                assert main(["ctl", "--api", word, "list"]) == 0
                assert capsys.readouterr().out.splitlines()[1].startswith("web ")
            assert main(["ctl", "--api", "2", "list"]) == 0
            assert capsys.readouterr().out.splitlines()[1].startswith("proxy ")


def test_an_engine_that_is_not_there_is_one_line(capsys: Capture) -> None:
    """Where it was looked for, and why nothing came of it."""
    port = free_port()

    assert main(["ctl", "list", "--api", f"localhost:{port}"]) == 1
    assert capsys.readouterr().err == (
        f"no engine answers at http://localhost:{port}: Connection refused\n"
    )


def test_the_console_is_attached_to_what_answers(capsys: Capture) -> None:
    """Without a terminal ``attach`` names the command that works without one."""
    assert main(["attach", "localhost:1"]) == 2
    assert capsys.readouterr().err == (
        "the console needs a terminal; `chaostui ctl` works without one\n"
    )


def test_every_command_is_documented(capsys: Capture) -> None:
    """``ctl --help`` lists them all, each with its line."""
    assert main(["ctl", "--help"]) == 0
    out = capsys.readouterr().out

    for name, command in ctl.commands.items():
        assert f"  {name} " in out
        assert command.help


@pytest.mark.parametrize("number", ["inf", "-inf", "nan", "NaN", "Infinity", "1e999"])
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("options", "delay", "sleep={}"), "sleep"),
        (("set", "delay", "--set", "delay.sleep={}"), "sleep"),
        (("set", "delay", "--for={}"), "--for"),
        (("set", "--", "{}:delay"), "{}:delay"),
        (("weight", "delay", "--", "{}"), "percent"),
        (("chain-add", "delay", "sleep={}"), "sleep"),
        (("chain-add", "delay", "--probability={}"), "--probability"),
        (("set-behavior", "delay", "sleep={}"), "sleep"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(
    run: Ctl, engine: Engine, arguments: tuple[str, ...], name: str, number: str
) -> None:
    """Neither NaN nor infinity ever resets an option or ends as another number: exit 2."""
    run("options", "delay", "sleep=3")

    code, [line] = run(*(each.format(number) for each in arguments))

    assert code == 2
    assert name.format(number) in line
    view = engine.look(lambda supervisor: supervisor.handler(None, "delay"))
    assert (view.options["sleep"], view.weight) == (3, 0)
    assert engine.look(lambda supervisor: supervisor.chain(None)) == ()


def test_a_proxy_is_frozen_and_thawed(run: Ctl) -> None:
    """``get`` and ``list`` say so until it goes on; a reset lets it go on as well."""
    assert run("freeze") == (0, ["web is frozen: `thaw` lets it go on"])
    assert answer(run, "get", "web")["frozen"] is True
    assert "FROZEN normal" in "\n".join(run("get")[1])
    assert run("thaw", "web") == (0, ["web goes on"])
    assert "FROZEN" not in "\n".join(run("list")[1])
    run("freeze", "web")
    run("reset")
    assert answer(run, "get", "web")["frozen"] is False
