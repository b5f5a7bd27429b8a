"""``python -m benchmarks.console``: what an attached console costs the round trips of an engine.

Each round measures the round trips of 64 bytes while nobody looks, while a console in a
pseudo-terminal is attached and its keys are pressed, and while its terminal reads nothing. With
``--realtime`` (for root) clients, engine and backend get a processor whenever they want one: what
is left is what the engine itself does for a console, without what five processes on a few cores
do to each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import statistics
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator
from fcntl import ioctl
from multiprocessing import get_context

import click
import uvloop

from benchmarks.contenders import ROOT, Chaostui
from benchmarks.idle import AT_ONCE, Idler, connect, processor, serve
from chaostui.api.unix import path_for
from tests.wait import eventually

SHOW = "import sys; from chaostui.tui import run_console; run_console(sys.argv[1], owned=False)"
MODES = ("headless", "attached", "stalled")
KEYS = b"jjkk>ovvv"
"""Pressed again and again; none of them changes a fault."""
BETWEEN_KEYS = 0.2
PING = bytes(64)
PAINTED = 20_000
"""Bytes that a console has written by the time its main screen is there."""
PAUSE = 0.05
"""Seconds between two round trips of an active connection: the machine is not saturated."""


class Terminal:
    """A pseudo-terminal with a console in it, read by a thread."""

    def __init__(self, endpoint: str) -> None:
        self.seen = 0
        self.reading = threading.Event()
        self.reading.set()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
            own = {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
            given = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            os.execve(sys.executable, [sys.executable, "-c", SHOW, endpoint], given | own)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.fd, 65536):
                self.seen += len(data)
                self.reading.wait()

    def press(self, key: int) -> None:
        """Press one key."""
        os.write(self.fd, bytes([key]))

    def close(self) -> None:
        """End the console."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.reading.set()
        os.close(self.fd)


@contextlib.contextmanager
def shown(mode: str, endpoint: str) -> Iterator[Terminal | None]:
    """A console that is attached, or attached to a terminal that stalls, or none."""
    if mode == "headless":
        yield None
        return
    terminal = Terminal(endpoint)
    try:
        yield terminal
    finally:
        terminal.close()


async def round_trips(clients: list[Idler], seconds: float) -> list[float]:
    """Seconds of each round trip, with pauses, on all of these connections."""
    end = time.monotonic() + seconds
    times: list[float] = []

    async def ask(number: int, client: Idler) -> None:
        await asyncio.sleep(PAUSE * number / len(clients))
        while time.monotonic() < end:
            client.answered = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            client.transport.write(PING)  # type: ignore[attr-defined]
            await client.answered
            times.append(time.perf_counter() - begun)
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(ask(number, client) for number, client in enumerate(clients)))
    return times


async def press(terminal: Terminal) -> None:
    """An operator at work."""
    while True:
        for key in KEYS:
            terminal.press(key)
            await asyncio.sleep(BETWEEN_KEYS)


async def measure(
    mode: str, endpoint: str, clients: list[Idler], seconds: float
) -> tuple[float, float, float]:
    """Median and p99 of the round trips in seconds, and the console's share of a core."""
    with shown(mode, endpoint) as terminal:
        if terminal is None:
            times, busy = await round_trips(clients, seconds), 0.0
        else:
            await eventually(lambda: terminal.seen > PAINTED, within=20)
            await asyncio.sleep(1.0)
            if mode == "stalled":
                terminal.reading.clear()
            pressing = asyncio.create_task(press(terminal)) if mode == "attached" else None
            used, begun = processor(terminal.pid), time.monotonic()
            times = await round_trips(clients, seconds)
            busy = (processor(terminal.pid) - used) / (time.monotonic() - begun)
            if pressing is not None:
                pressing.cancel()
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98], busy


async def compare(
    proxy: Chaostui, connections: int, active: int, rounds: int, seconds: float
) -> None:
    """Measure all modes in turn, and print the medians."""
    clients = await connect(proxy.port, connections)
    assert proxy.process
    endpoint = f"unix:{path_for(proxy.process.pid)}"
    found: dict[str, list[tuple[float, float, float]]] = {mode: [] for mode in MODES}
    for number in range(rounds):
        for mode in MODES[number % 3 :] + MODES[: number % 3]:
            found[mode].append(await measure(mode, endpoint, clients[:active], seconds))
    click.echo(f"{connections} connections, {active} of them active, {rounds} rounds")
    for mode, rows in found.items():
        middle, tail, busy = (statistics.median(column) for column in zip(*rows, strict=True))
        tails = " ".join(f"{row[1] * 1000:.2f}" for row in rows)
        click.echo(
            f"{mode:9} median {middle * 1000:5.2f} ms, p99 {tail * 1000:5.2f} ms ({tails}),"
            f" console {busy:.0%} of a core"
        )


@click.command()
@click.option("--connections", default=2500, show_default=True, type=click.IntRange(AT_ONCE, 9000))
@click.option("--active", default=40, show_default=True, type=click.IntRange(1, 200))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--seconds", default=6.0, show_default=True, type=click.FloatRange(1, 60))
@click.option("--realtime", is_flag=True, help="without the scheduler's part")
def main(connections: int, active: int, rounds: int, seconds: float, *, realtime: bool) -> None:
    """Measure what a console costs the round trips of an engine."""
    if realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    context = get_context("spawn")
    hearing, telling = context.Pipe(duplex=False)
    backend = context.Process(target=serve, args=[telling], daemon=True)
    backend.start()
    with Chaostui(hearing.recv()) as proxy:
        uvloop.run(compare(proxy, connections, active, rounds, seconds))
    backend.terminate()
    backend.join()


if __name__ == "__main__":
    main()
