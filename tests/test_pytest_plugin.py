"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.test_imports import HEAVY, loaded_by

pytest_plugins = ["pytester"]

ECHO = '''
import socket, threading
import pytest


@pytest.fixture
def backend():
    """Answer each client with what it sends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(sock):
        with sock:
            while data := sock.recv(100):
                sock.sendall(data)

    def serve():
        try:
            while True:
                threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def ask(proxy):
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as sock:
        sock.sendall(b"hello")
        return sock.recv(100)
'''


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Run pytest with the plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Runner(pytester)


class Runner:
    """Runs tests that are written as text."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def __call__(self, tests: str, *options: str) -> pytest.RunResult:
        """Run tests in a process of its own, warnings as errors."""
        self._pytester.makepyfile(ECHO + tests)
        plugin = ("-p", "chaostui.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")
        return self._pytester.runpytest_subprocess(*plugin, *options)


def test_the_fixture_makes_proxies(run: Runner) -> None:
    """A test gets proxies for its backends, breaks one of them, and proves that it did."""
    result = run("""
def test_it(chaos, backend):
    one, two = chaos(backend), chaos(backend=backend, protocol="redis", name="cache")
    assert (one.name, two.name, one.seed) == ("tcp", "cache", chaos.seed)
    assert one.address == f"{one.host}:{one.port}"

    with one.fault("blackout"):
        assert ask(one) == b""
    assert ask(one) == b"hello"

    assert (one.hits("blackout"), two.hits(), chaos.engine.hits()) == (1, 0, 1)
""")

    result.assert_outcomes(passed=1)


def test_each_test_has_an_engine_of_its_own(run: Runner) -> None:
    """Faults, names and hits of one test are gone in the next; nothing is left at the end."""
    result = run("""
import threading

@pytest.mark.parametrize("time", [1, 2])
def test_it(chaos, backend, time):
    proxy = chaos(backend)
    assert (proxy.name, proxy.get_handler(), proxy.hits()) == ("tcp", "normal", 0)
    proxy.set_handler("blackout")
    assert ask(proxy) == b""

def test_after():
    assert "chaostui" not in [thread.name for thread in threading.enumerate()]
""")

    result.assert_outcomes(passed=3)


def test_the_seed_is_in_the_header_and_with_a_failure(run: Runner) -> None:
    """The header says the seed; a failed test says it again, with what its proxies saw."""
    result = run('''
def test_it(chaos, backend):
    assert chaos.seed == 42
    proxy = chaos(backend, behavior="100:blackout")
    assert ask(proxy) == b"hello"
''', "--chaos-seed=42")  # fmt: skip

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "chaostui: --chaos-seed=42",
            "* chaostui *",
            "seed 42, again with --chaos-seed=42",
            "tcp (127.0.0.1:* to 127.0.0.1:*), 100:blackout: connections 1, *, hits 1 blackout",
        ]
    )


def test_without_an_option_each_run_has_another_seed(run: Runner) -> None:
    """A seed is drawn where none is given, and the header says which."""
    seeds = [
        re.search(r"--chaos-seed=(\d+)", run("def test_it(chaos): pass").stdout.str())
        for _ in range(2)
    ]

    assert seeds[0]
    assert seeds[1]
    assert seeds[0][1] != seeds[1][1]


def test_a_passed_test_and_one_without_chaos_say_nothing(run: Runner) -> None:
    """The plugin adds its section to failures of tests that use it, and to no others."""
    result = run("""
def test_passes(chaos): pass
def test_fails(): assert False
""")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*again with*")


def test_a_fault_that_never_hit_fails(run: Runner) -> None:
    """A test whose fault no request met fails, and is told so."""
    result = run("""
def test_it(chaos, backend):
    with chaos(backend).fault("errors"):
        pass
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *NeverHit: errors did not hit in its block"])


def test_asyncio_tests_use_it_as_well(pytester: pytest.Pytester, run: Runner) -> None:
    """The engine has a loop of its own, so a coroutine can be its client."""
    result = run("""
import asyncio

def test_it(chaos, backend):
    async def go():
        proxy = chaos(backend)
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        with proxy.fault("delay", sleep=0.05):
            writer.write(b"hello")
            assert await reader.read(100) == b"hello"
        writer.close()
        await writer.wait_closed()

    asyncio.run(go())
""")

    result.assert_outcomes(passed=1)


def test_workers_of_xdist_share_the_seed(run: Runner) -> None:
    """Each worker decides by the seed that the controller has told."""
    result = run('''
@pytest.mark.parametrize("time", range(4))
def test_it(chaos, time):
    print("seed is", chaos.seed)
    assert False
''', "-p", "xdist", "-n", "2")  # fmt: skip

    seeds = set(re.findall(r"seed is (\d+)", result.stdout.str()))
    header = re.search(r"chaostui: --chaos-seed=(\d+)", result.stdout.str())
    assert header
    assert seeds == {header[1]}


def test_a_run_without_chaos_loads_nothing_heavy() -> None:
    """The plugin is loaded by every run of pytest where chaostui is installed: it costs nothing."""
    bare = loaded_by("import pytest")
    with_plugin = loaded_by("import pytest, chaostui.pytest_plugin")

    assert (with_plugin - bare) & HEAVY == set()
    assert {name for name in with_plugin - bare if name.startswith("chaostui")} == {
        "chaostui",
        "chaostui.pytest_plugin",
    }


def test_pytest_finds_it_where_chaostui_is_installed() -> None:
    """The entry point names the plugin: pytest knows the fixture without being told."""
    command = [sys.executable, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "tests/wait.py"], capture_output=True, text=True, timeout=30, check=False
    )

    assert re.search(r"^chaos -- .*pytest_plugin.py", run.stdout, re.MULTILINE)


def test_a_teardown_that_fails_after_the_engine_is_told_the_same(run: Runner) -> None:
    """A fixture that outlives ``chaos`` fails: the report still says what the proxies did."""
    result = run("""
@pytest.fixture
def late():
    yield
    raise RuntimeError("too late")

def test_it(late, backend, chaos):
    assert ask(chaos(backend)) == b"hello"
""")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["seed * again with *", "*connections 1, exchanges 1*"])
