"""What the README shows is what there is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import ldap3
import psycopg
import pytest

from chaostui.profiles import check
from tests import readme
from tests.certificates import files
from tests.servers.server import Server, program
from tests.tcp import free_port
from tests.wait import until

ROOT = readme.README.parent


@pytest.mark.parametrize("name", readme.TABLES)
def test_a_table_of_the_readme_is_what_the_code_says(name: str) -> None:
    """Handlers and keys stand in the README as the code has them (python -m tests.readme)."""
    assert readme.table(name) == readme.TABLES[name]().strip()


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    """The commands that show the demo and run the tests are those that CI runs."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    demo, tests, *_ = readme.blocks("sh")

    assert "demo" in demo
    assert demo.strip() in ci
    assert "pytest" in tests
    assert tests.strip() in ci


def test_the_profile_of_the_readme_loads(tmp_path: Path) -> None:
    """The profile of the README has no mistake, and the sample in the repository has none."""
    profile = tmp_path / "chaos.toml"
    profile.write_text(readme.block("toml", "seed = 42"), encoding="utf-8")

    assert check(profile) == []
    assert check(ROOT / "chaos.toml") == []


def test_the_example_of_tls_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the files that it names, where it is started; without them it says what is missing."""
    profile = tmp_path / "tls.toml"
    profile.write_text(readme.block("toml", "tls ="), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [problem] = check(profile)
    assert problem.what == "tls_cert: shop.pem: no such file or directory"
    shutil.copyfile(files().both, "shop.pem")
    shutil.copyfile(files().ca, "ca.pem")

    assert check(profile) == []


def test_the_unittest_example_is_the_one_that_is_run() -> None:
    """The README quotes the article's example, which runs in the client's tests."""
    article = (ROOT / "tests" / "client" / "article.txt").read_text(encoding="utf-8")

    assert readme.block("python", "unittest").strip() == article.strip()


def engine(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a headless engine in ``folder`` and wait until it has bound everything."""
    ready, telling = os.pipe()
    command = [sys.executable, "-m", "chaostui", "--headless", "--ready-fd", str(telling)]
    process = subprocess.Popen([*command, *arguments], cwd=folder, pass_fds=[telling])
    os.close(telling)
    with os.fdopen(ready, "rb") as pipe:
        assert b'"pid"' in pipe.readline()
    return process


def run_shell(script: str) -> list[str]:
    """What the commands of a shell script print."""
    done = subprocess.run(["sh", "-ec", script], capture_output=True, timeout=20, check=True)
    return done.stdout.decode().splitlines()


def test_the_shell_examples_answer_what_the_comments_say(tmp_path: Path) -> None:
    """``curl localhost:8080/handler`` and the others answer as printed."""
    program("curl")
    listen, api = free_port(), free_port()
    start = readme.block("sh", "--headless --local").split()[1:]
    start = [part.replace("localhost:8000", f"localhost:{listen}") for part in start]
    curls = readme.block("sh", "curl -d errors").replace("localhost:8080", f"localhost:{api}")
    lines = [line for line in curls.splitlines() if line.startswith("curl") and "-N" not in line]
    process = engine(tmp_path, *start[1:], "--api", f"localhost:{api}")

    try:
        answers = [run_shell(line.replace("curl", "curl -s", 1) + "\n") for line in lines]
    finally:
        process.terminate()

    assert process.wait(10) == 0
    assert answers[0] == ["20:delay"]
    assert answers[1] == answers[2] == ["ok"]
    assert '"proxies"' in answers[3][0]


def test_the_three_commands_break_real_servers(
    mariadb_server: Server, memcached_server: Server, postgresql_server: Server, tmp_path: Path
) -> None:
    """MySQL restarts and is back, memcached is down, PostgreSQL takes a query and never answers."""
    servers = (mariadb_server, memcached_server, postgresql_server)
    started, ports = [], []
    for line, server in zip(
        readme.block("sh", "--behavior bounce").splitlines(), servers, strict=True
    ):
        words = line.split()[2:]
        ports.append(free_port())
        words[words.index("--local") + 1] = f"127.0.0.1:{ports[-1]}"
        words[words.index("--distant") + 1] = server.address
        # While the other engines start, the first restart may be over: the next comes soon.
        words = [word.replace("bounce.period=30", "bounce.period=4") for word in words]
        more = ["--api", f"127.0.0.1:{free_port()}", "--drain", "0.2"]
        started.append(engine(tmp_path, *words, *more))
    try:
        until(lambda: refused(ports[0]), 20, "MySQL is down")
        until(lambda: greets(ports[0]), 20, "MySQL is back")
        assert greeting(ports[1], b"version\r\n") == b""
        with psycopg.connect(host="127.0.0.1", port=ports[2], user="postgres") as database:
            clock = threading.Timer(0.3, database.close)
            clock.start()
            with pytest.raises(psycopg.OperationalError):
                database.execute("SELECT 42")
            clock.join()
    finally:
        for process in started:
            process.terminate()
        codes = {process.wait(20) for process in started}
    assert codes <= {0, 4}  # what hangs may be cut


def greeting(port: int, said: bytes = b"") -> bytes:
    """What a server on this port says first, or answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.settimeout(0.5)
        sock.sendall(said)
        return sock.recv(1024)


def refused(port: int) -> bool:
    """Whether nobody listens on this port."""
    try:
        greeting(port)
    except ConnectionRefusedError:
        return True
    except OSError:  # it went down in the middle, or is slow to speak
        return False
    return False


def greets(port: int) -> bool:
    """Whether a server on this port speaks first."""
    try:
        return bool(greeting(port))
    except OSError:
        return False


def test_a_record_is_reported_as_the_readme_says(tmp_path: Path) -> None:
    """The engine's command line keeps a record, and ``report`` tells of it."""
    start, report = readme.block("sh", "--record run.jsonl").splitlines()
    places = ["--listen", f"127.0.0.1:{free_port()}", "--api", f"127.0.0.1:{free_port()}"]
    process = engine(tmp_path, *start.split()[2:], *places)
    process.terminate()
    assert process.wait(10) == 0

    command = [sys.executable, "-m", *report.partition("#")[0].split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("# Chaos run")
    assert "No fault hit." in done.stdout


def test_the_ldap_storm_of_the_readme_breaks_a_real_directory(
    openldap_server: Server, tmp_path: Path
) -> None:
    """Five requests pass, the sixth meets the storm, and the log names it."""
    listen = free_port()
    (tmp_path / "storms.py").write_text(readme.block("python", "ldap_storm"), encoding="utf-8")
    profile = readme.block("toml", "ldap_storm")
    profile = profile.replace("127.0.0.1:13890", f"127.0.0.1:{listen}")
    profile = profile.replace("127.0.0.1:389", openldap_server.address)
    (tmp_path / "ldap.toml").write_text(profile, encoding="utf-8")
    log = tmp_path / "log"
    process = engine(tmp_path, "ldap.toml", "--log-output", str(log))

    try:
        directory = ldap3.Server("127.0.0.1", listen, get_info=ldap3.NONE)
        client = ldap3.Connection(directory, "cn=admin,dc=test", "secret", receive_timeout=5)
        assert client.bind()
        for _ in range(4):
            client.search("dc=test", "(objectClass=*)")
        with pytest.raises(ldap3.core.exceptions.LDAPExceptionError):
            client.search("dc=test", "(objectClass=*)")
        until(lambda: "storm: 6 requests in 10 s" in log.read_text(encoding="utf-8"))
    finally:
        process.terminate()

    assert process.wait(10) == 0
