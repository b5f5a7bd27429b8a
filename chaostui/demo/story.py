"""``chaostui demo --headless``: engine, backends and traffic in one process, faults in phases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import uvloop

from chaostui import log, registry
from chaostui.demo.setting import PROTOCOLS, SEED, SLEEP, Demo
from chaostui.demo.tally import Tally
from chaostui.demo.traffic import PATIENCE
from chaostui.engine.control.supervisor import Supervisor
from chaostui.settings import Mix

OK, NOTHING_HIT = 0, 1
LULLS = SLEEP + PATIENCE + 0.2
"""Seconds in which clients wait for their last answers, between two phases."""

TICK = 0.1
"""Seconds between two pictures of the progress."""


class Phase(NamedTuple):
    """A mix that is in force for a share of the demo."""

    name: str
    mix: str
    share: float


PHASES = (
    Phase("normal", "", 0.2),
    Phase("20:delay", "20:delay", 0.2),
    Phase("10:errors", "10:errors", 0.2),
    Phase("30:hang", "30:hang", 0.1),
    Phase("blackout", "blackout", 0.1),
    Phase("healed", "", 0.2),
)


class Progress(Protocol):
    """Where the demo shows how far it is."""

    def update(self, done: float, tallies: Sequence[Tally]) -> None:
        """Show the share that is done, and what was counted; the last tally is the current one."""


def headless(seconds: float, seed: int = SEED) -> int:
    """Play the demo for so many seconds, print its table, return the exit code.

    1 where faults were asked for and none hit, else 0.
    """
    # Loading rich takes longer than starting the engine, and only this command needs it.
    from chaostui.demo.show import Bar, print_table

    log.start("error", "-")
    with Demo(seed) as demo, Bar() as bar:
        tallies = uvloop.run(play(demo, seconds, bar))
    print_table(tallies, seconds, seed)
    return OK if sum(tally.hits for tally in tallies) else NOTHING_HIT


async def play(demo: Demo, seconds: float, progress: Progress) -> list[Tally]:
    """Go through all phases within ``seconds``; return what each came to."""
    supervisor = Supervisor(registry.builtin(), seed=demo.seed)
    await supervisor.start(demo.profile())
    tallies: list[Tally] = []
    try:
        async with demo.serving(), asyncio.TaskGroup() as group:
            traffic = demo.traffic(supervisor, lambda: tallies[-1].record)
            beside = [traffic.run(), _watch(seconds, progress, tallies)]
            tasks = [group.create_task(work) for work in beside]
            for phase in PHASES:
                await _enter(supervisor, phase, tallies)
                traffic.resume()
                await asyncio.sleep(phase.share * max(seconds - LULLS, seconds / 2))
                # So that each fault shows in full, and in the phase that asked for it.
                await traffic.pause()
                await _forgotten(supervisor)
                _count(supervisor, tallies)
            for task in tasks:
                task.cancel()
    finally:
        await supervisor.close()
    return tallies


async def _forgotten(supervisor: Supervisor) -> None:
    """Return when the engine has seen those leave who gave up: no next fault shall hit them."""
    while supervisor.view().held:  # noqa: ASYNC110 (no event tells of it)
        await asyncio.sleep(0.005)


async def _enter(supervisor: Supervisor, phase: Phase, tallies: list[Tally]) -> None:
    """Begin a phase: its mix is in force on both proxies."""
    mix = Mix.parse(phase.mix)
    for name in PROTOCOLS:
        await supervisor.set_mix(name, mix, "demo")
    tallies.append(Tally(phase.name, mix.total))


def _count(supervisor: Supervisor, tallies: list[Tally]) -> None:
    """Give the phase that ends the hits that are no earlier one's."""
    hits = sum(sum(stats.hits.values()) for stats in supervisor.stats().values())
    tallies[-1].hits = hits - sum(tally.hits for tally in tallies[:-1])


async def _watch(seconds: float, progress: Progress, tallies: list[Tally]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        if tallies:
            progress.update(min((loop.time() - began) / seconds, 1.0), tallies)
        await asyncio.sleep(TICK)
