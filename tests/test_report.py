"""``--record`` and ``report``: proof that a fault really hit, from a real engine's record."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError

import pytest

from chaostui.cli import main
from chaostui.client import Client
from chaostui.errors import EngineUnreachable
from tests.tcp import free_port
from tests.wait import until


class Pages(BaseHTTPRequestHandler):
    """Answers every GET."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web() -> Iterator[str]:
    """A web server; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield "{}:{}".format(*server.server_address)
        server.shutdown()


def hit(port: int, path: str) -> int:
    """Get a page from a port of this machine; return the status."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def count(record: Path, words: bytes) -> int:
    """How often a record says something; 0 before it is there."""
    return record.read_bytes().count(words) if record.exists() else 0


def run(record: Path, backend: str, end: signal.Signals) -> None:
    """Run an engine that records one request answered with 503, and end it."""
    port, api = free_port(), free_port()
    before = count(record, b" ended"), count(record, b'"event":"close"')
    command = [sys.executable, "-m", "chaostui", "--headless", "--protocol", "http", "--seed", "7"]
    command += ["--listen", f"127.0.0.1:{port}", "--backend", backend]
    command += ["--api", f"127.0.0.1:{api}", "--record", str(record)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as engine, Client(port=api) as client:
        try:
            until(lambda: reachable(client), 10)
            with client.with_handler("errors", kind="503"):
                assert hit(port, "/a|b") == 503
            assert hit(port, "/c") == 204
            until(lambda: count(record, b" ended") == 1 + before[0], 10)
            until(lambda: count(record, b'"event":"close"') == 2 + before[1], 10)
        finally:
            engine.send_signal(end)
            engine.wait(10)


def reachable(client: Client) -> bool:
    """Whether the engine answers."""
    try:
        return bool(client.proxies())
    except EngineUnreachable:
        return False


def told(capsys: pytest.CaptureFixture[str], path: Path) -> tuple[int, str]:
    """What ``report`` says of a record."""
    code = main(["report", str(path)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_a_record_proves_that_a_fault_hit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report names the handler, its hits, the requests, the changes and the seed."""
    record = tmp_path / "run.jsonl"
    with web() as backend:
        run(record, backend, signal.SIGTERM)

    code, text = told(capsys, record)

    assert code == 0
    assert "seed 7, chaostui" in text
    row = next(line for line in text.splitlines() if line.startswith("| proxy | errors | 1 |"))
    assert "| answered with 503 1× |" in row
    assert row.endswith(r"| GET /a\|b |")
    assert "(http) | 2 | 2 |" in text
    assert "| proxy | fault | 1 |" in text
    # Either may be first: both close after an answer.
    assert re.findall(r"\| proxy \| (?:client|backend) closed \| (\d+) \|", text) == ["1"]
    assert "There is no end" not in text


def test_a_killed_engine_leaves_a_record_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After kill -9 the report says so and tells what had hit; a second run follows it."""
    record = tmp_path / "run.jsonl"
    with web() as backend:
        run(record, backend, signal.SIGKILL)
        code, text = told(capsys, record)
        run(record, backend, signal.SIGTERM)

    assert code == 0
    assert "There is no end" in text
    assert "| proxy | errors | 1 |" in text
    code, text = told(capsys, record)
    assert (code, text.count("| proxy | errors | 1 |")) == (0, 2)
    assert "# Chaos run 2 of 2" in text


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "an empty record"),
        ("hello\n", "not a line of a record"),
        (
            '{"event":"warning","seq":1,"at":1,"proxy":"a","message":"m"}\n',
            "not a line of a record",
        ),
        ('{"record":2,"at":1,"engine":{}}\n', "not a line of a record"),
    ],
)
def test_what_is_no_record_is_told_in_a_line(
    content: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and the line are named, with exit code 2."""
    path = tmp_path / "run.jsonl"
    path.write_text(content, encoding="utf-8")

    code, text = told(capsys, path)

    assert code == 2
    assert text.strip().endswith(complaint)
    assert str(path) in text
    assert len(text.splitlines()) == 1


def test_a_missing_record_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for a name that is wrong."""
    assert told(capsys, tmp_path / "none")[0] == 2


def test_hostile_names_cannot_leave_their_cell() -> None:
    """What means something in Markdown or to a terminal is written out."""
    from chaostui.cli.report import _row

    assert _row(["a|b", "\x1b[6n", "<b>", "*", "[x](y)"]) == (
        r"| a\|b | \\x1b\[6n | \<b> | \* | \[x](y) |"
    )
