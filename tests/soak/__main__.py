"""Runs an engine's process under random clients and changes, then looks what is left of it.

    python -m tests.soak --minutes 10

Four clients per proxy come again and again, a hand changes something ten times a second. In the
end there must be no connection, the descriptors of the start, a clock that ticks, no step of more
than 50 ms, and an end by SIGTERM with 0 within the drain. Exit code 1 names what is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import tempfile
import time
from pathlib import Path

from chaostui.client import Client
from tests.engine.headless import Headless
from tests.soak.changes import Changes
from tests.soak.clients import ANSWERS, Backend, Client as Visitor
from tests.tcp import free_port

CLIENTS = 4
"""Clients that come again and again, for each proxy."""
PAUSE = 0.2
"""Seconds between two visits of a client, at most; a machine at its limit tells of no step."""
STEP = 0.05
"""Seconds that a step of the loop may take."""
PROXY = """
[[proxy]]
name = "{name}"
listen = "127.0.0.1:{port}"
backend = "127.0.0.1:{backend}"
protocol = "{name}"
linger = 2.0
connect_timeout = 2.0
half_close_timeout = 2.0
"""


class Lag:
    """The longest steps of an engine's loop, without what other processes took of the machine."""

    def __init__(self, engine: Headless) -> None:
        self._engine = engine
        host, _, port = engine.ready["api"].rpartition(":")
        self._client = Client(host, int(port))
        self._waited = self._waiting()
        self.longest = 0.0
        self.raw = 0.0

    def close(self) -> None:
        """Look no more."""
        self._client.close()

    def _waiting(self) -> float:
        """Seconds that the process could have run and was not let (``/proc/…/schedstat``)."""
        text = Path(f"/proc/{self._engine.pid}/schedstat").read_text(encoding="ascii")
        return int(text.split()[1]) / 1e9

    def look(self) -> None:
        """Look back over the last second, about."""
        lag, waited = self._client.engine().loop_lag, self._waiting()
        self.raw = max(self.raw, lag)
        self.longest = max(self.longest, lag - (waited - self._waited))
        self._waited = waited


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


async def soak(seconds: float, seed: int) -> list[str]:
    """Soak for so long; return what was found."""
    dice = random.Random(seed)
    backends = {name: Backend(name, dice) for name in ANSWERS}
    ports = {name: free_port() for name in backends}
    toxiproxy = free_port()
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "soak.toml"
        text = f'seed = {seed}\ndrain = 5.0\n[control]\ntoxiproxy = "127.0.0.1:{toxiproxy}"\n'
        for name, backend in backends.items():
            _, port = await backend.start()
            text += PROXY.format(name=name, port=ports[name], backend=port)
        profile.write_text(text, encoding="utf-8")
        with Headless(profile, "--api", "127.0.0.1:0") as engine:
            found = await run(engine, ports, toxiproxy, seconds, seed)
            for backend in backends.values():
                backend.stop()
            return found + await ended(engine)


async def run(
    engine: Headless, ports: dict[str, int], toxiproxy: int, seconds: float, seed: int
) -> list[str]:
    """Let clients come while things change; return what is left afterwards."""
    dice = random.Random(seed)
    changes = Changes(engine.ask(), toxiproxy, list(ports), seed)
    lag = Lag(engine)
    await asyncio.to_thread(changes.heal)
    await asyncio.to_thread(lag.look)
    await asyncio.to_thread(changes.ask, "GET", "/proxies")
    before = descriptors(engine.pid) - 2  # the connections of those two
    over = time.monotonic() + seconds
    visits = 0

    async def visit(name: str) -> None:
        nonlocal visits
        while time.monotonic() < over:
            await Visitor(name, ("127.0.0.1", ports[name]), dice).visit()
            visits += 1
            await asyncio.sleep(dice.random() * PAUSE)

    async def change() -> None:
        while time.monotonic() < over:
            await asyncio.to_thread(changes.change)
            await asyncio.sleep(dice.random() * 0.2)

    async def watch() -> None:
        while time.monotonic() < over:
            await asyncio.sleep(0.5)
            await asyncio.to_thread(lag.look)

    await asyncio.gather(
        *(visit(name) for name in ports for _ in range(CLIENTS)), change(), watch()
    )
    await asyncio.to_thread(changes.heal)
    lag.close()
    changes.close()
    print(f"{visits} visits, {changes.made} changes; the longest step {lag.longest * 1000:.0f} ms")
    print(f"({lag.raw * 1000:.0f} ms with what other processes took of the machine)")
    found = await left(engine, before)
    if lag.longest > STEP:
        found.append(f"a step of the loop took {lag.longest * 1000:.0f} ms")
    return found


async def left(engine: Headless, before: int, within: float = 15.0) -> list[str]:
    """What is left of connections and descriptors when clients have gone, and of the clock."""
    client = engine.ask()
    deadline = time.monotonic() + within
    while client.connections() or descriptors(engine.pid) > before:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    found = [f"left: {connection}" for connection in client.connections()]
    if (files := descriptors(engine.pid)) > before:
        found.append(f"{files} descriptors, {before} at the start")
    view = client.engine()
    found += [f"{job} failed {count} times" for job, count in view.failures.items()]
    session = client.open_session(lease=0.5)
    await asyncio.sleep(1.0)
    if any(each.id == session.id for each in client.engine().sessions):
        found.append("the clock stands still: a lease has not ended")
    found += [f"log: {line}" for line in engine.log.splitlines() if _bad(line)]
    return found


def _bad(line: str) -> bool:
    return " error " in line or "has blocked the loop" in line


async def ended(engine: Headless) -> list[str]:
    """What is wrong with its end by SIGTERM."""
    start = engine.signal(signal.SIGTERM)
    code = await asyncio.to_thread(engine.wait, 30)
    took = time.monotonic() - start
    found = [] if code == 0 else [f"exit code {code} after SIGTERM"]
    if took > 5.5:
        found.append(f"it took {took:.1f} s to end")
    return found


def main() -> int:
    """Soak by command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = parser.parse_args()
    print(f"--seed {given.seed}", flush=True)
    found = asyncio.run(soak(given.minutes * 60, given.seed))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
