"""npm's clients of PostgreSQL and MariaDB, which pipeline by themselves, meet an error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.servers.server import Server

Start = Callable[[str, Chaos], "subprocess.Popen[str]"]
PACKAGES = ("mariadb@3.4.5", "postgres@3.4.7")
SCRIPT = Path(__file__).with_name("state_clients.js")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the npm clients; without npm, skip, or fail where all servers are required."""
    npm = shutil.which("npm")
    if npm is None:
        if os.environ.get("CHAOSTUI_REQUIRE_SERVERS") == "1":
            pytest.fail("npm is not there", pytrace=False)
        pytest.skip("npm is not there")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    subprocess.run(command, check=True, capture_output=True, timeout=50)
    return folder / "node_modules"


@pytest.fixture
def start(node_modules: Path) -> Iterator[Start]:
    """Start a client on a proxy."""
    started: list[subprocess.Popen[str]] = []

    def begin(client: str, proxy: Chaos) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["node", str(SCRIPT), client, proxy.host, str(proxy.port)],
            env={**os.environ, "NODE_PATH": str(node_modules)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def go_through(process: subprocess.Popen[str], proxy: Chaos, kind: str, command: str) -> None:
    """Arm the fault when the client says so, and wait until it is content."""
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "armed\n", process.communicate(timeout=10)[1]
    with proxy.fault("errors", kind=kind, match={"command": command}, max_hits=1):
        process.stdin.write("go\n")
        process.stdin.flush()
        _, told = process.communicate(timeout=20)
    assert process.returncode == 0, told


def test_postgres_js_goes_on_after_a_commit_that_failed(
    postgresql_server: Server, chaos: Proxies, start: Start
) -> None:
    """Its transaction is lost, and its connection works."""
    proxy = chaos(postgresql_server.address, "postgres")
    go_through(start("postgres", proxy), proxy, "out_of_memory", "COMMIT")


def test_mariadb_runs_nothing_behind_a_prepare_that_failed(
    mariadb_server: Server, chaos: Proxies, start: Start
) -> None:
    """It sends prepare and execute in one go: the older statement does not get the new values."""
    proxy = chaos(mariadb_server.address, "mysql")
    go_through(start("mariadb", proxy), proxy, "lock_wait_timeout", "DELETE")
