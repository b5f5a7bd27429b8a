"""What commands print: whatever an engine says, no terminal ever acts on it."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from chaostui import profiles
from chaostui.cli import COMMANDS, main, output
from chaostui.cli.ctl import ctl
from tests.api.engine import Echo, Engine, proxy

Capture = pytest.CaptureFixture[str]

EVIL = "\x1b]0;owned\x07\x9b31m\u202e\x7f\u2028\U000e0041"
"""An OSC, a CSI of one byte (C1), an override of direction, a tag that cannot be seen."""

KEPT = frozenset({"event", "reason", "draw", "tls", "backend_tls", "state", "direction"})
"""Members that hold one of some words: with anything else the answer is no engine's."""

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def hidden(text: str) -> list[str]:
    """The characters of a text that a terminal may act on, or that hide themselves."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in HIDDEN]


def evil(value: Any) -> Any:
    """The same JSON with something evil in every string that may be anything."""
    if isinstance(value, dict):
        return {k: v if k in KEPT else evil(v) for k, v in value.items()}
    if isinstance(value, list):
        return [evil(item) for item in value]
    return value + EVIL if isinstance(value, str) else value


class EvilEngine:
    """Stands before a real engine and puts something evil into all that it says."""

    def __init__(self, port: int) -> None:
        outer = self
        self.engine = port

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                """Ask the engine, and say worse."""
                length = int(self.headers.get("Content-Length", 0))
                status, kind, body = outer.ask(self.command, self.path, self.rfile.read(length))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """What the engine answers, made evil."""
        connection = http.client.HTTPConnection("127.0.0.1", self.engine, timeout=10)
        try:
            connection.request(method, path, body or None, {"Accept": "application/json"})
            response = connection.getresponse()
            kind, raw = response.headers.get_content_type(), response.read().decode()
        finally:
            connection.close()
        if kind == "application/json":
            text = json.dumps(evil(json.loads(raw)), ensure_ascii=False)
        else:
            text = raw.replace("\n", f"{EVIL}\n") + EVIL if raw else ""
        return response.status, kind, text.encode()

    @property
    def port(self) -> int:
        """Where it answers."""
        port: int = self.server.server_address[1]
        return port

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an evil engine that has a connection, a session, a chain and a history."""
    with Echo() as echo:
        backend = "{}:{}".format(*echo.address)
        with (
            Engine(proxy(backend=backend)) as engine,
            EvilEngine(engine.port) as worse,
            engine.client() as client,
        ):
            client.add_fault(client.open_session(owner="somebody").id, "delay")
            client.add_chain("hang", direction="upstream", probability=0.0)
            client.note("something")
            address = f"127.0.0.1:{worse.port}"
            monkeypatch.setenv("CHAOSTUI_API", address)
            yield address


CASES: dict[str, tuple[str, ...]] = {
    "add": ("new", "127.0.0.1:0", "127.0.0.1:9"),
    "apply": ("profile.toml",),
    "authority": (),
    "backend": ("127.0.0.1:9",),
    "bypass": ("on",),
    "chain": (),
    "chain-add": ("delay", "sleep=0.2"),
    "chain-remove": ("hang_upstream",),
    "connections": (),
    "cut": ("1",),
    "diff": ("profile.toml",),
    "disable": ("web",),
    "enable": ("web",),
    "events": (),
    "get": ("web",),
    "get-behavior": (),
    "halt": ("because",),
    "journal": (),
    "list": (),
    "list-behaviors": (),
    "note": ("hello",),
    "options": ("delay",),
    "pin": ("1", "delay"),
    "profile": (),
    "release": (),
    "remove": ("web",),
    "reset": (),
    "save": (),
    "sessions": (),
    "set": ("20:delay",),
    "set-behavior": ("delay",),
    "stats": (),
    "stop": (),
    "tls": ("passthrough",),
    "unpin": ("1",),
    "freeze": (),
    "thaw": (),
    "weight": ("delay", "5"),
}


def test_every_command_of_ctl_is_tried() -> None:
    """A new one has to stand in the table."""
    assert set(CASES) == set(ctl.commands)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("json_too", [False, True], ids=["plain", "json"])
def test_no_command_of_ctl_prints_what_an_engine_says_as_it_is(
    api: str, tmp_path: Path, capsys: Capture, name: str, json_too: bool
) -> None:
    """Answers and errors alike; JSON has its own escapes, and stays the same JSON."""
    profile = tmp_path / "profile.toml"
    profile.write_text('[[proxy]]\nname = "other"\nlisten = "127.0.0.1:0"\nbackend = ":1"\n')
    arguments = [str(profile) if each == profile.name else each for each in CASES[name]]

    main(["ctl", name, *arguments, "--proxy", "web", *(["--json"] if json_too else [])])

    captured = capsys.readouterr()
    assert captured.out or captured.err
    assert hidden(captured.out + captured.err) == []
    if json_too and captured.out:
        for line in captured.out.splitlines():
            json.loads(line)


HOSTILE_ARGUMENTS = [
    *([name, EVIL] for name in COMMANDS if name != "ctl"),
    *([name, f"--{EVIL}"] for name in COMMANDS),
    ["ctl", EVIL],
    ["ctl", "options", EVIL],
    ["ctl", "set", EVIL],
    ["ctl", "set", "delay", "--set", EVIL],
    ["ctl", "--api", EVIL, "list"],
    ["ctl", "--token-file", EVIL, "list"],
    ["--headless", EVIL],
    ["--headless", "--proxy", EVIL],
    ["--headless", "--behavior", EVIL],
    ["--headless", "--protocol", EVIL],
    ["--headless", "--set", EVIL],
    ["--headless", "--seed", EVIL],
    ["--headless", "--log-level", EVIL],
    ["--headless", "--log-output", f"/{EVIL}/x"],
]


@pytest.mark.parametrize("arguments", HOSTILE_ARGUMENTS)
def test_no_argument_comes_back_as_it_is(
    arguments: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pasted command line is harmless, too: what is wrong with it is told safely."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAOSTUI_API", "127.0.0.1:1")

    assert main(arguments) != 0

    captured = capsys.readouterr()
    assert captured.err
    assert hidden(captured.out + captured.err) == []


def test_a_profile_is_told_with_escapes_and_means_the_same(tmp_path: Path, capsys: Capture) -> None:
    """``convert``, ``ctl profile`` and saved files can be shown, and load as they were."""
    raw = {
        "handler": {"delay": {"match": {"key": f"a{EVIL}b"}}},
        "proxy": [proxy(tls_cert=f"{EVIL}.pem", name="grün")],
    }
    profile = profiles.from_builtins(raw)
    text = profiles.dump(profile)

    assert hidden(text) == []
    assert "grün" in text
    assert tomllib.loads(text)["handler"]["delay"]["match"]["key"] == f"a{EVIL}b"
    file = tmp_path / "p.toml"
    file.write_text(text)
    assert profiles.load(file) == profile


@pytest.mark.parametrize("value", ["a", EVIL, "\U0001f412", {"é": ["\ud7ff", 1, None]}])
def test_json_is_the_same_json(value: Any, capsys: Capture) -> None:
    """What is printable stays; what is not is an escape, also beyond the first plane."""
    output.say_json(value)

    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert hidden(printed) == []
