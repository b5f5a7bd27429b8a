"""The command line: what is typed becomes settings, tables and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from chaostui import __version__, errors, registry
from chaostui.cli import COMMANDS, failures, main
from chaostui.cli.ctl import ctl
from chaostui.cli.start import _read, start
from chaostui.client import Client
from chaostui.settings import Address, Profile
from tests.certificates import files
from tests.tcp import free_port

ROOT = Path(__file__).parent.parent
Capture = pytest.CaptureFixture[str]

PROFILE = """\
seed = 42
[[proxy]]
name = "redis"
listen = "127.0.0.1:16379"
backend = "127.0.0.1:6379"
behavior = "20:delay"
[handler.delay]
sleep = 2
"""
SECOND = """\
[[proxy]]
name = "web"
listen = "127.0.0.1:18000"
backend = "127.0.0.1:8000"
"""


def profile(*arguments: str, file: str = "") -> Profile:
    """The profile that a headless command line says."""
    context = start.make_context("chaostui", ["--headless", *arguments])
    with context.scope():
        return _read(file or context.params["profile"] or context.params["config"] or "", context)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- options --------------------------------------------------------------------------------


def test_the_articles_command_line() -> None:
    """The very words of 2012 say listener, backend and mix; the API is at Vaurien's address."""
    found = profile(
        *("--local", "localhost:8000"),
        *("--distant", "google.com:80"),
        *("--behavior", "20:delay"),
    )

    [proxy] = found.proxy
    assert (str(proxy.listen), str(proxy.backend)) == ("localhost:8000", "google.com:80")
    assert str(proxy.behavior) == "20:delay"
    assert str(found.control.listen) == "localhost:8080"


def test_vaurien_2s_command_line() -> None:
    """Proxy, backend, protocol and an option per setting; what tuned its sockets has no effect."""
    found = profile(
        *("--proxy", ":8001", "--backend", "web:81", "--protocol", "http", "--stay-connected"),
        *("--behavior", "5:error,10:delay", "--behavior-delay-sleep", "2"),
        *("--behavior-delay-before", "--behavior-error-inject", "--behavior-error-warmup=3"),
        *("--protocol-http-overwrite-host-header", "--protocol-tcp-keep-alive"),
        *("--pool-max-size", "3", "--http", "--http-host", "127.0.0.1", "--http-port", "9"),
        *("--log-level", "INFO"),
    )

    [proxy] = found.proxy
    assert (proxy.listen, proxy.backend) == (Address("127.0.0.1", 8001), Address("web", 81))
    assert str(proxy.behavior) == "5:errors,10:delay"
    assert proxy.protocol_options == {"overwrite_host_header": True}
    assert found.handler == {
        "delay": {"sleep": 2.0, "direction": "upstream"},
        "errors": {"inject": True, "warmup": 3},
    }
    assert found.control.listen == Address("127.0.0.1", 9)
    assert found.log_level == "info"


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--listen", ":1"], "127.0.0.1:1"),
        (["--local=:1"], "127.0.0.1:1"),
        (["--proxy", "[::1]:1"], "[::1]:1"),
    ],
)
def test_one_setting_has_the_names_of_three_generations(arguments: list[str], value: str) -> None:
    """``--local``, ``--proxy`` and ``--listen`` are the same."""
    assert str(profile(*arguments).proxy[0].listen) == value


def test_every_other_option_has_its_setting() -> None:
    """What the options say is what the profile says."""
    found = profile(
        *("--tls", "terminate", "--tls-cert", files().cert, "--tls-key", files().key),
        *("--backend-tls", "verify", "--backend-tls-ca", files().ca),
        *("--connect-timeout", "3", "--seed", "7", "--drain", "0.5", "--log-output", "x.log"),
        *("--api", "127.0.0.1:8081", "--toxiproxy", "127.0.0.1:8474"),
        *("--api-token-file", "token", "--api-no-auth", "--api-allow-host", "a"),
        *("--api-allow-host", "b", "--allow-upstream", "--allow-remote-listen"),
        *("--set", "delay.sleep=.5", "--set", "delay.direction=both", "--set", "error.warmup=1"),
    )

    control = found.control
    (proxy,) = found.proxy
    assert proxy.connect_timeout == 3
    assert (proxy.tls, proxy.tls_cert, proxy.tls_key) == ("terminate", *files()[1:3])
    assert (proxy.backend_tls, proxy.backend_tls_ca) == ("verify", files().ca)
    assert (found.seed, found.drain, found.log_output) == (7, 0.5, "x.log")
    assert (str(control.listen), str(control.toxiproxy)) == ("127.0.0.1:8081", "127.0.0.1:8474")
    assert (control.token_file, control.no_auth) == ("token", True)
    assert control.allow_host == ("a", "b")
    assert control.allow_upstream
    assert control.allow_remote_listen
    assert found.handler == {
        "delay": {"sleep": 0.5, "direction": "both"},
        "errors": {"warmup": 1},
    }


def test_every_option_of_every_handler_has_one_of_vauriens_kind() -> None:
    """``--behavior-<handler>-<option>`` exists for each, in dashes too."""
    for kind in registry.HANDLERS:
        for option in vars(kind.Options).get("__annotations__", ()):
            spelled = f"--behavior-{kind.name}-{option}".replace("_", "-")
            context = start.make_context("chaostui", ["--headless", "x"], resilient_parsing=True)
            context.meta["chaostui.dynamic"] = start_options(spelled)
            names = [n for p in start.get_params(context) for n in p.opts]
            assert spelled in names


def start_options(spelled: str) -> list[click.Parameter]:
    """The options that one of Vaurien's kind brings along."""
    from chaostui.cli.overrides import of_vaurien

    return of_vaurien([spelled])


def test_only_what_was_typed_goes_over_a_profile(folder: Path) -> None:
    """A file's settings stay unless an option says otherwise; defaults change nothing."""
    (folder / "chaos.toml").write_text(PROFILE)

    assert profile("chaos.toml").handler == {"delay": {"sleep": 2.0}}
    found = profile("chaos.toml", "--set", "delay.jitter=1", "--distant", "other:1")
    assert found.handler == {"delay": {"sleep": 2.0, "jitter": 1.0}}
    [proxy] = found.proxy
    assert (proxy.name, str(proxy.listen), str(proxy.backend)) == (
        "redis",
        "127.0.0.1:16379",
        "other:1",
    )
    assert (found.seed, found.control.listen) == (42, None)


def test_a_mix_goes_to_all_proxies_of_a_profile(folder: Path) -> None:
    """``--behavior`` breaks everything; what belongs to one proxy must be said in the file."""
    (folder / "chaos.toml").write_text(PROFILE + SECOND)

    found = profile("chaos.toml", "--behavior", "5:hang")
    assert [str(proxy.behavior) for proxy in found.proxy] == ["5:hang", "5:hang"]
    with pytest.raises(click.UsageError, match=r"--distant: chaos\.toml has 2 proxies"):
        profile("chaos.toml", "--distant", "x:1")


def test_a_match_is_said_by_its_parts_or_in_one_line(folder: Path) -> None:
    """``--set errors.match.command=SET*``, over what the file says of it."""
    (folder / "chaos.toml").write_text("[handler.errors]\nmatch = { key = 'a', client = '::1' }\n")
    match = "errors.match"
    parts = profile("chaos.toml", "--set", f"{match}.command=SET*", "--set", f"{match}.key=1")
    line = profile("chaos.toml", "--set", "errors.match=command=SET* key=1 client=::1/128")

    assert parts.handler == line.handler
    assert str(parts.handler["errors"]["match"].command) == "SET*"
    with pytest.raises(errors.SettingsError, match=r"errors\.match\.comand: no option 'comand'"):
        profile("--set", "errors.match.comand=SET")
    with pytest.raises(errors.SettingsError, match=r"delay\.sleep: a table is not a number"):
        profile("--set", "delay.sleep=1", "--set", "delay.sleep.x=1")


def test_an_alias_in_the_file_is_the_same_handler(folder: Path) -> None:
    """``--set errors.warmup=2`` changes the table ``[handler.error]``."""
    (folder / "chaos.toml").write_text("[handler.error]\nwarmup = 1\nkind = ''\n")

    assert profile("chaos.toml", "--set", "errors.warmup=2").handler == {
        "errors": {"warmup": 2, "kind": ""}
    }


def test_a_vaurien_ini_is_a_profile_too(folder: Path) -> None:
    """``--config vaurien.ini --http`` works as it did."""
    (folder / "vaurien.ini").write_text("[vaurien]\nbehavior = 20:delay\n")

    found = profile("--config", "vaurien.ini", "--http")
    assert str(found.proxy[0].behavior) == "20:delay"
    assert str(found.control.listen) == "localhost:8080"


def test_without_a_word_it_is_vauriens_default(folder: Path) -> None:
    """Headless, nothing typed and no file: localhost:8000 for localhost:80."""
    [proxy] = profile().proxy

    assert (str(proxy.listen), str(proxy.backend)) == ("localhost:8000", "localhost:80")


def test_toxiproxys_api_alone_needs_no_proxy() -> None:
    """Its clients make their proxies themselves."""
    assert profile("--toxiproxy", ":8474").proxy == ()
    assert len(profile("--toxiproxy", ":8474", "--distant", "x:1").proxy) == 1


def test_the_command_line_may_name_code(folder: Path) -> None:
    """Whoever starts the engine is trusted."""
    found = profile("--set", "mine.callable=pkg.mod:func", "--behavior", "mine")

    assert found.handler == {"mine": {"callable": "pkg.mod:func"}}


# -- commands -------------------------------------------------------------------------------


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process: exit code, output, errors."""
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_names_every_option_and_command(capsys: Capture) -> None:
    """One screen shows what there is."""
    code, out, _ = run(capsys, "--help")

    assert code == 0
    assert all(name in out for name in COMMANDS)
    for option in ("--headless", "--local", "--distant", "--set", "--seed", "--api-token-file"):
        assert option in out
    assert "--pool-max-size" not in out


@pytest.mark.parametrize(
    "arguments",
    [[], *([name] for name in COMMANDS), *(["ctl", name] for name in sorted(ctl.commands))],
    ids=" ".join,
)
def test_h_is_help_everywhere(capsys: Capture, arguments: list[str]) -> None:
    """``-h`` is what ``--help`` is, for every command and every command of ctl."""
    code, out, err = run(capsys, *arguments, "-h")

    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["Usage: chaostui", *arguments]))


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("atach", "there is no command or profile 'atach'; did you mean 'attach'?"),
        ("chaos.tml", "there is no profile 'chaos.tml'; did you mean 'chaos.toml'?"),
        ("attach", "attach is a command and comes first: chaostui attach …"),
    ],
)
def test_a_near_miss_is_named(capsys: Capture, folder: Path, word: str, line: str) -> None:
    """A command or a profile that was nearly typed is told."""
    (folder / "chaos.toml").write_text("")
    code, _, err = run(capsys, "--headless", word)

    assert (code, err) == (2, f"{line}\n")


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """A real bash sources what ``chaostui completion bash`` prints, and completes with it."""
    (tmp_path / "chaostui").write_text(f'#!/bin/sh\nexec {sys.executable} -m chaostui "$@"\n')
    (tmp_path / "chaostui").chmod(0o755)
    script = """
        eval "$(chaostui completion bash)"
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
                _chaostui_completion chaostui; echo "${COMPREPLY[*]}"; }
        try chaostui att
        try chaostui ctl weig
        try chaostui ctl list --js
        try chaostui completion z
    """
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True,
                          check=True, cwd=tmp_path)  # fmt: skip

    assert done.stdout.split("\n")[:4] == ["attach", "weight", "--json", "zsh"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_all_commands(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What their functions ask is answered with every command of ctl."""
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "_CHAOSTUI_COMPLETE" in out
    monkeypatch.setenv("_CHAOSTUI_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "chaostui ctl ")
    monkeypatch.setenv("COMP_CWORD", "2" if shell == "zsh" else "")

    assert main() == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ctl.commands)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(capsys: Capture, command: str) -> None:
    """Each says what it does and how it is called."""
    code, out, _ = run(capsys, command, "--help")

    assert code == 0
    assert f"Usage: chaostui {command}" in out


def test_the_version_is_the_packages(capsys: Capture) -> None:
    """``--version`` prints it and nothing else."""
    assert run(capsys, "--version") == (0, f"{__version__}\n", "")


def test_a_sound_profile_checks(capsys: Capture, folder: Path) -> None:
    """One line, exit 0."""
    (folder / "chaos.toml").write_text(PROFILE)

    assert run(capsys, "check", "chaos.toml") == (0, "chaos.toml: no problems (1 proxy)\n", "")


def test_an_unsound_profile_does_not(capsys: Capture, folder: Path) -> None:
    """A line per problem on standard error, exit 2."""
    (folder / "chaos.toml").write_text("seed = 'x'\ndrains = 1\n")

    code, out, err = run(capsys, "check", "chaos.toml")
    assert (code, out) == (2, "")
    assert err == (
        "chaos.toml:1:8: seed: 'x' is not a whole number from 0 to 9223372036854775807\n"
        "chaos.toml:2:1: no key 'drains'; did you mean 'drain'?\n"
    )


def test_an_ini_is_converted(capsys: Capture, folder: Path) -> None:
    """To standard output, or to a file that is not there yet."""
    (folder / "v.ini").write_text("[vaurien]\ndistant = web:80\nbehavior = 20:delay\n")
    text = (
        '[[proxy]]\nname = "proxy"\nlisten = "localhost:8000"\nbackend = "web:80"\n'
        'behavior = "20:delay"\n'
    )

    assert run(capsys, "convert", "v.ini") == (0, text, "")
    assert run(capsys, "convert", "v.ini", "-o", "chaos.toml")[0] == 0
    assert (folder / "chaos.toml").read_text() == text
    assert run(capsys, "convert", "v.ini", "-o", "chaos.toml") == (
        2,
        "",
        "chaos.toml: file exists\n",
    )


def test_handlers_are_listed_with_all_their_settings(capsys: Capture) -> None:
    """Every handler, every setting, its bounds, default and help."""
    code, out, _ = run(capsys, "handlers")

    assert code == 0
    for kind in registry.HANDLERS:
        assert kind.name in out
    assert "0 to 86400 s" in out
    assert "normal, dummy" in out


def test_one_handler_is_shown_whole(capsys: Capture) -> None:
    """By any of its names, with the limits that every handler has."""
    _, out, _ = run(capsys, "handlers", "error")

    assert all(name in out for name in ("errors, error", "kind", "warmup", "max_hits"))
    assert "delay" not in out


def test_protocols_are_listed_with_their_errors(capsys: Capture) -> None:
    """Every protocol, what errors it speaks, which are likely, and its options."""
    code, out, _ = run(capsys, "protocols")

    assert code == 0
    for name in registry.PROTOCOLS:
        assert name in out
    assert "503 Service Unavailable" in out
    assert "overwrite_host_header" in out


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("handlers", "no handler 'dely'; did you mean 'delay'?\n"),
        ("protocols", "no protocol 'dely'"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(capsys: Capture, command: str, line: str) -> None:
    """As everywhere."""
    code, out, err = run(capsys, command, "dely")

    assert (code, out) == (2, "")
    assert err.startswith(line)


# -- failures -------------------------------------------------------------------------------


def all_errors(kind: type[errors.ChaosError]) -> set[type[errors.ChaosError]]:
    """An error and all that derive from it."""
    return {kind}.union(*map(all_errors, kind.__subclasses__()))


def test_every_error_has_an_exit_code() -> None:
    """The table covers the whole tree."""
    own = {k for k in all_errors(errors.ChaosError) if k.__module__.startswith("chaostui.")}

    assert own - {errors.ChaosError} <= set(failures.EXIT_CODES)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.CannotListen("cannot listen on x"), 3, "cannot listen on x\n"),
        (errors.SettingsError(errors.Problem("a:1:2", "b")), 2, "a:1:2: b\n"),
        (errors.EngineUnreachable("no engine"), 1, "no engine\n"),
        (errors.EngineRefused("no", 404), 2, "no\n"),
        (errors.ChaosError("odd"), 1, "odd\n"),
        (errors.NotFound("\x1b[2J"), 2, "\\x1b[2J\n"),
        (click.UsageError("Bad thing."), 2, "bad thing\n"),
        (click.Abort(), 130, ""),
    ],
)
def test_errors_become_a_line_and_a_code(
    capsys: Capture, error: Exception, code: int, line: str
) -> None:
    """Whatever a command raises, people read one safe line."""

    def fail() -> None:
        raise error

    assert failures.guarded(fail) == code
    assert capsys.readouterr().err == line


def test_a_mistake_of_ours_is_one_line_with_the_place_of_the_details(capsys: Capture) -> None:
    """The traceback goes to a file, whose name is told."""

    def fail() -> None:
        raise ZeroDivisionError("oh")

    assert failures.guarded(fail) == 1
    [line] = capsys.readouterr().err.splitlines()
    said, _, place = line.removesuffix(")").partition(" (details: ")
    assert said == "internal error: ZeroDivisionError: oh"
    details = Path(place)
    assert "Traceback" in details.read_text()
    assert details.stat().st_mode & 0o777 == 0o600
    details.unlink()


def test_whoever_waits_for_the_engine_is_told_why_there_is_none(folder: Path) -> None:
    """The reason goes into the pipe of ``--ready-fd``, wherever the command line is wrong."""
    for arguments in (["--seed", "x"], ["--sed", "1"], ["nowhere.toml"]):
        reading, writing = os.pipe()
        assert main(["--headless", "--ready-fd", str(writing), *arguments]) == 2
        os.close(writing)
        said = os.read(reading, 65536)
        os.close(reading)
        assert said.startswith(b'{"error":"')
        assert said.endswith(b'"}\n')


# -- a real one -----------------------------------------------------------------------------


def test_the_articles_command_line_runs() -> None:
    """Listener, API and mix are there as soon as it says so, and SIGTERM drains with code 0."""
    port, api = free_port(), free_port()
    command = [sys.executable, "-m", "chaostui", "--headless", "--behavior", "20:delay"]
    command += ["--local", f"localhost:{port}", "--distant", "example.com:80"]
    with subprocess.Popen(
        [*command, "--http-port", str(api)], stderr=subprocess.PIPE, cwd=ROOT
    ) as engine:
        try:
            with Client(port=api) as client:
                wait_for(client)
                [proxy] = client.proxies()
                assert (proxy.listen, proxy.behavior) == (f"127.0.0.1:{port}", "20:delay")
        finally:
            engine.terminate()
            _, err = engine.communicate(timeout=15)
    assert engine.returncode == 0, err


def wait_for(client: Client, within: float = 10.0) -> None:
    """Return when the engine answers."""
    deadline = time.monotonic() + within
    while True:
        try:
            client.health()
        except errors.EngineUnreachable:
            if time.monotonic() > deadline:
                raise
        else:
            return


def test_output_into_a_closed_pipe_ends_quietly() -> None:
    """``chaostui handlers | head -1`` prints no traceback."""
    command = f"{sys.executable} -m chaostui handlers | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT
    )

    assert done.stdout.startswith("normal")
    assert done.stderr == ""


def test_without_a_standard_output_a_command_still_works() -> None:
    """File descriptor 1 may be closed."""
    done = subprocess.run(
        f"{sys.executable} -m chaostui check chaos.toml >&-",
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
    )

    assert (done.returncode, done.stderr) == (0, "")


# -- Toxiproxy --------------------------------------------------------------------------------


def test_toxiproxys_api_has_an_address_of_its_own() -> None:
    """``--toxiproxy`` alone means where Toxiproxy's clients look for it."""
    assert str(profile("--toxiproxy").control.toxiproxy) == "127.0.0.1:8474"
    assert str(profile("--toxiproxy", "127.0.0.1:1").control.toxiproxy) == "127.0.0.1:1"
    assert profile("--toxiproxy").proxy == ()


def test_a_configuration_of_toxiproxys_becomes_a_profile(folder: Path, capsys: Capture) -> None:
    """``import-toxiproxy`` prints TOML that loads, or writes it to a new file."""
    config = folder / "toxiproxy.json"
    config.write_text('[{"name": "a", "listen": ":1", "upstream": "b:2", "enabled": false}]')

    assert main(["import-toxiproxy", str(config)]) == 0
    printed = capsys.readouterr().out
    assert main(["import-toxiproxy", str(config), "-o", "new.toml"]) == 0
    assert (folder / "new.toml").read_text() == printed
    assert main(["check", "new.toml"]) == 0
    assert main(["import-toxiproxy", str(folder / "nothing.json")]) == 2
