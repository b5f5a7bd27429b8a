"""Sends the counters by statsd, as Vaurien could: UDP, never waiting, losses ignored."""

from __future__ import annotations

import asyncio
import re

from chaostui.engine.core import Core
from chaostui.engine.look import stats_view
from chaostui.settings import StatsdSettings

PACKET = 1400  # fits one Ethernet frame
Values = dict[str, int]


class Statsd:
    """Sends what has changed, once an interval."""

    def __init__(self, core: Core, settings: StatsdSettings) -> None:
        self._core = core
        self._settings = settings
        self._before: Values = {}

    async def run(self) -> None:
        """Send until cancelled."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(settings.host, settings.port)
        )
        try:
            while True:
                await asyncio.sleep(settings.interval)
                for packet in packets(self.lines()):
                    transport.sendto(packet)
        finally:
            transport.close()

    def lines(self) -> list[str]:
        """Counters as differences since the last call, gauges as they are."""
        lines = []
        for proxy in self._core.proxies.values():
            view = stats_view(proxy)
            prefix = f"{self._settings.prefix}.{plain(proxy.name)}"
            counters: Values = {
                f"{prefix}.{name}": getattr(view, name)
                for name in ("connections", "refused", "exchanges", "upstream", "downstream")
            }
            counters |= {f"{prefix}.hits.{plain(n)}": hits for n, hits in view.hits.items()}
            lines += [
                f"{name}:{value - self._before.get(name, 0)}|c"
                for name, value in counters.items()
                if value != self._before.get(name, 0)
            ]
            lines.append(f"{prefix}.open:{view.open}|g")
            self._before |= counters
        return lines


def plain(name: str) -> str:
    """A name without the characters that mean something to statsd."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def packets(lines: list[str]) -> list[bytes]:
    """Lines joined to datagrams that no network splits."""
    found: list[bytes] = []
    for line in lines:
        data = line.encode()
        if found and len(found[-1]) + len(data) + 1 <= PACKET:
            found[-1] += b"\n" + data
        else:
            found.append(data)
    return found
