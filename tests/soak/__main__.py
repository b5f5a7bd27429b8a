"""Runs an engine's process under random clients and changes, then looks what is left of it.

    python -m tests.soak --minutes 10

Four clients per proxy come again and again, a hand changes something ten times a second. In the
end there must be no connection, the descriptors of the start, memory that has not grown
since it was warm, a clock that ticks, no step of more than 50 ms, and an end by SIGTERM with 0
within the drain. Exit code 1 names what is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import tempfile
import time
from collections import deque
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
LOOKS = 4
"""Looks at the lag that a lag is seen in at most: the engine tells of its last second."""
WARM = 30.0
"""Seconds until memory is as it will be."""
GROWTH = 8.0
"""MiB that memory may grow after that, from the least of one half to the least of the other."""
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


class Gauge:
    """The longest steps of an engine's loop, without what other processes took of the machine.

    And the memory that it takes, from ``WARM`` seconds on.
    """

    def __init__(self, engine: Headless) -> None:
        self._engine = engine
        host, _, port = engine.ready["api"].rpartition(":")
        self._client = Client(host, int(port))
        self._waited = deque([self._waiting()], maxlen=LOOKS)
        self._warm = time.monotonic() + WARM
        self._memory: list[float] = []
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
        """Look back over the last second, about; called each half of one."""
        lag, waited = self._client.engine().loop_lag, self._waiting()
        self.raw = max(self.raw, lag)
        self.longest = max(self.longest, lag - (waited - self._waited[0]))
        self._waited.append(waited)
        if time.monotonic() > self._warm:
            self._memory.append(memory(self._engine.pid))

    def found(self) -> list[str]:
        """What is wrong with what was seen; memory that is held for a while is not."""
        longest = self.longest * 1000
        print(f"the longest step {longest:.0f} ms;", end=" ")
        print(f"{self.raw * 1000:.0f} ms with what other processes took of the machine")
        found = [f"a step of the loop took {longest:.0f} ms"] if self.longest > STEP else []
        middle = len(self._memory) // 2
        if middle:  # else it was too short to tell
            first, second = min(self._memory[:middle]), min(self._memory[middle:])
            print(f"memory: {first:.1f} MiB at least in the first half, {second:.1f} in the second")
            if second > first + GROWTH:
                found.append(f"memory grew by {second - first:.1f} MiB")
        return found


def memory(pid: int) -> float:
    """MiB that a process has of its own."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kinds = ("Private_Dirty:", "Private_Clean:")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(kinds)) / 1024


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
    gauge = Gauge(engine)
    await asyncio.to_thread(changes.heal)
    await asyncio.to_thread(gauge.look)
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
            await asyncio.to_thread(gauge.look)

    await asyncio.gather(
        *(visit(name) for name in ports for _ in range(CLIENTS)), change(), watch()
    )
    await asyncio.to_thread(changes.heal)
    gauge.close()
    changes.close()
    print(f"{visits} visits, {changes.made} changes")
    return await left(engine, before) + gauge.found()


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
