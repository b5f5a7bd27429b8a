"""Looking names up: once for all who wait, apart from everything else."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaostui.engine.net import resolver
from chaostui.engine.net.resolver import AddressInfo, Resolver
from chaostui.events import Closed, Dialled
from chaostui.settings import Address
from tests.engine.rig import echoing, ping, proxied, turned_away
from tests.wait import eventually

LOOPBACK: AddressInfo = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))


class Names:
    """A name service of the test's: it answers when it is let, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()

    def look_up(self, host: str) -> list[AddressInfo]:
        """Wait until answers are given."""
        self.asked.append(host)
        self.answers.wait(30)
        if host.startswith("no-"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [LOOPBACK]


@pytest.fixture
def names() -> Iterator[Names]:
    """A name service that does not answer yet; nobody waits for it in the end."""
    found = Names()
    yield found
    found.answers.set()


async def test_a_name_is_looked_up_once_for_all_who_wait(names: Names) -> None:
    """A hundred clients at once are one question, and all get its answer."""
    asking = Resolver(names.look_up)
    waiting = [asyncio.ensure_future(asking.resolve("db")) for _ in range(100)]
    await eventually(lambda: names.asked)
    names.answers.set()

    assert await asyncio.gather(*waiting) == [[LOOPBACK]] * 100
    assert names.asked == ["db"]


async def test_an_answer_is_good_for_a_short_while(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that come in a storm ask once; a moment later the name is asked for anew."""
    names.answers.set()
    asking = Resolver(names.look_up)
    for _ in range(3):
        assert await asking.resolve("db") == [LOOPBACK]
        with pytest.raises(OSError, match="cannot resolve no-db: Name or service not known"):
            await asking.resolve("no-db")
    assert names.asked == ["db", "no-db"]

    monkeypatch.setattr(resolver, "MEMORY", 0.0)
    await asking.resolve("other")
    await asking.resolve("other")
    assert names.asked[2:] == ["other", "other"]


async def test_a_name_that_is_not_answered_has_a_time_limit(names: Names) -> None:
    """Who waits is told; the question stays open, so that the next one asks no other."""
    asking = Resolver(names.look_up)
    for _ in range(2):
        with pytest.raises(OSError, match=r"^cannot resolve db: no answer within 0\.05 s$"):
            await asking.resolve("db", within=0.05)
    assert names.asked == ["db"]

    names.answers.set()
    assert await asking.resolve("db", within=30) == [LOOPBACK]


async def test_who_gives_up_leaves_the_others_waiting(names: Names) -> None:
    """A client that goes away does not end the look-up of the next."""
    asking = Resolver(names.look_up)
    first, second = (asyncio.ensure_future(asking.resolve("db")) for _ in range(2))
    await eventually(lambda: names.asked)
    first.cancel()
    names.answers.set()

    assert await second == [LOOPBACK]
    assert first.cancelled() or first.cancelling()


async def test_many_names_without_an_answer_do_not_hold_up_another(names: Names) -> None:
    """Each has a thread of its own, as far as the bound goes."""

    def look_up(host: str) -> list[AddressInfo]:
        return [LOOPBACK] if host == "known" else names.look_up(host)

    asking = Resolver(look_up)
    silent = [asyncio.ensure_future(asking.resolve(f"db{n}")) for n in range(100)]
    await eventually(lambda: len(names.asked) == 100)

    assert await asking.resolve("known") == [LOOPBACK]
    names.answers.set()
    await asyncio.gather(*silent)


async def test_names_over_the_bound_wait_for_a_thread(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is forgotten, and threads end with their work."""
    monkeypatch.setattr(resolver, "MOST", 2)
    asking = Resolver(names.look_up)
    waiting = [asyncio.ensure_future(asking.resolve(f"db{n}")) for n in range(5)]
    await eventually(lambda: len(names.asked) == 2)
    names.answers.set()

    assert await asyncio.gather(*waiting) == [[LOOPBACK]] * 5
    await eventually(lambda: asking._threads == 0)


async def test_a_process_without_threads_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that cannot begin is an error of its own, and the next one may."""

    def full(_: object) -> None:
        raise RuntimeError("can't start new thread")

    asking = Resolver(lambda _: [LOOPBACK])
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        with pytest.raises(OSError, match="cannot resolve db: can't start new thread"):
            await asking.resolve("db")

    assert await asking.resolve("db") == [LOOPBACK]


@pytest.mark.parametrize("error", [UnicodeError("label empty"), ValueError("NUL"), MemoryError()])
async def test_whatever_a_look_up_raises_is_an_answer(error: Exception) -> None:
    """Nobody waits for ever because of an error that was not thought of."""

    def look_up(_: str) -> list[AddressInfo]:
        raise error

    with pytest.raises(OSError, match="cannot resolve db"):
        await Resolver(look_up).resolve("db")


async def test_the_answers_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that nobody asks for any more are forgotten."""
    monkeypatch.setattr(resolver, "REMEMBERED", 3)
    asking = Resolver(lambda _: [LOOPBACK])
    for number in range(10):
        await asking.resolve(f"db{number}")

    assert len(asking._known) <= 3


async def test_a_loop_that_ended_meanwhile_harms_nobody(names: Names) -> None:
    """An answer that comes too late for one loop still reaches the other."""
    asking = Resolver(names.look_up)
    other = threading.Thread(target=_give_up, args=(asking,))
    other.start()
    await asyncio.to_thread(other.join)
    mine = asyncio.ensure_future(asking.resolve("db"))
    await asyncio.sleep(0)
    names.answers.set()

    assert await mine == [LOOPBACK]


def _give_up(asking: Resolver) -> None:
    """Wait for a name on a loop that ends before there is an answer."""

    async def run() -> None:
        with pytest.raises(OSError, match="no answer"):
            await asking.resolve("db", within=0.01)

    asyncio.run(run())


# -- proxies ------------------------------------------------------------------------------------


async def test_a_name_without_an_answer_obeys_the_connect_timeout(names: Names) -> None:
    """The client is reset, the event says why, and another proxy does not notice."""
    async with proxied(connect_timeout=0.3) as rig, echoing(rig):
        rig.supervisor.core.resolver = Resolver(names.look_up)
        await rig.add("silent", backend=Address("db.example", 80), connect_timeout=0.3)
        stuck = [await rig.connect("silent") for _ in range(8)]
        await ping(await rig.connect())
        for client in stuck:
            await client.expect_reset()

        assert names.asked == ["db.example"]
        dialled = [event for event in rig.events(Dialled) if event.proxy == "silent"]
        assert {event.error for event in dialled} == {"connect timeout after 0.3 s"}
        closed = [event for event in rig.events(Closed) if event.proxy == "silent"]
        assert [event.reason for event in closed] == ["connect timeout"] * 8


async def test_whatever_a_dial_raises_ends_its_connection() -> None:
    """No exception is swallowed: the client is reset, and the reason is told."""

    def look_up(_: str) -> list[AddressInfo]:
        raise RuntimeError("what nobody thought of")

    async with proxied(backend=Address("db.example", 80)) as rig:
        rig.supervisor.core.resolver = Resolver(look_up)
        await turned_away(rig.address())

        await rig.empty()
        assert "what nobody thought of" in rig.supervisor.proxy().last_error
        assert [event.reason for event in rig.events(Closed)] == ["backend unreachable"]


# -- a real name server that is silent -----------------------------------------------------------

SILENT = """
import socket, subprocess, sys
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 53))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    globals()[f"keep{kind}"] = sock
resolv, hosts = sys.argv[1:3]
for mine, theirs in ((resolv, "/etc/resolv.conf"), (hosts, "/etc/hosts")):
    subprocess.run(["mount", "--bind", mine, theirs], check=True)
sys.exit(subprocess.run([sys.executable, *sys.argv[3:]]).returncode)
"""

ENGINE = """
import asyncio, socket, sys, uvloop
from chaostui import registry
from chaostui.engine.control.supervisor import Supervisor
from chaostui.settings import Address, Profile
from tests.engine.rig import make
from tests.tcp import Listener, Peer

async def main():
    async with Listener() as backend:
        names = [f"db{n}.example" for n in range(12)]
        proxies = [make(name=n, backend=Address(n, 80), connect_timeout=1.5) for n in names]
        port = backend.address[1]
        proxies.append(make(name="known", backend=Address("known.example", port)))
        supervisor = Supervisor(registry.builtin(), seed=1)
        await supervisor.start(Profile(proxy=tuple(proxies)))
        loop = asyncio.get_running_loop()

        def at(name):
            address = Address.parse(supervisor.proxy(name).listen)
            return address.host, address.port

        begun = loop.time()
        stuck = [await Peer.connect(at(name)) for name in names]
        async with asyncio.timeout(1):
            client = await Peer.connect(at("known"))
            await backend.accept()
        for peer in stuck:
            await peer.expect_reset()
        assert loop.time() - begun < 4
        errors = {supervisor.proxy(name).last_error.partition(": ")[2] for name in names}
        assert errors == {"connect timeout after 1.5 s"}, errors
        await supervisor.close()

uvloop.run(main())
print("fine")
"""


def namespaces() -> bool:
    """Whether this user may have file systems and a network of its own."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    command = ["unshare", "-m", "-n", "sh", "-c", "ip link set lo up"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not namespaces(), reason="needs root and namespaces")
def test_a_name_server_that_does_not_answer_delays_nobody_else(tmp_path: Path) -> None:
    """Twelve silent names time out as told, while one of the hosts file is dialled at once."""
    resolv, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    resolv.write_text("nameserver 127.0.0.1\n")
    hosts.write_text("127.0.0.1 localhost known.example\n")
    inside = [sys.executable, "-c", SILENT, str(resolv), str(hosts), "-c", ENGINE]
    script = 'ip link set lo up && exec "$@"'
    command = ["unshare", "-m", "-n", "sh", "-c", script, "sh", *inside]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, timeout=60, cwd=root, check=False)

    assert done.stdout == b"fine\n", done.stderr.decode()
