"""Sends the counters by statsd, as Vaurien could: UDP, never waiting, losses ignored."""

from __future__ import annotations

import asyncio
import logging
import re

from chaostui.engine.control.runtime import Core
from chaostui.engine.control.snapshot import stats_view
from chaostui.engine.net.dial import resolve
from chaostui.settings import Address, StatsdSettings

log = logging.getLogger("chaostui.statsd")
PACKET = 1400  # fits one Ethernet frame
Values = dict[str, int]


class Statsd:
    """Sends what has changed, once an interval."""

    def __init__(self, core: Core, settings: StatsdSettings) -> None:
        self._core = core
        self._settings = settings
        self._before: Values = {}
        self._told = False

    async def run(self) -> None:
        """Send until cancelled."""
        transport: asyncio.DatagramTransport | None = None
        try:
            while True:
                await asyncio.sleep(self._settings.interval)
                try:
                    transport = transport or await self._open()
                    # A host that cannot be sent to now is told the whole difference later.
                    if transport is not None and not _waiting(transport):
                        for packet in packets(self.lines()):
                            transport.sendto(packet)
                except Exception as error:  # noqa: BLE001  (the next interval is another try)
                    self._core.jobs.failed("sending to statsd", error)
        finally:
            if transport is not None:
                transport.close()

    async def _open(self) -> asyncio.DatagramTransport | None:
        """A socket to the host; None while its name cannot be resolved."""
        host, port = self._settings.host, self._settings.port
        loop = asyncio.get_running_loop()
        try:
            ip = (await resolve(Address(host, port)))[0][4][0]
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=(ip, port)
            )
        except OSError as error:
            if not self._told:
                self._told = True
                log.warning("no statsd for now: cannot reach %s: %s", host, error)
            return None
        return transport

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
            for name, value in counters.items():
                before = self._before.get(name, 0)
                grown = value - before if value >= before else value  # the proxy was made anew
                if grown:
                    lines.append(f"{name}:{grown}|c")
            lines.append(f"{prefix}.open:{view.open}|g")
            self._before |= counters
        return lines


def _waiting(transport: asyncio.DatagramTransport) -> int:
    """Bytes that have not been sent."""
    return transport.get_write_buffer_size()  # type: ignore[attr-defined,no-any-return]


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
