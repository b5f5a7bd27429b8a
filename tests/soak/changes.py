"""Changes at random, by all three APIs."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
from collections.abc import Callable
from typing import Any

from chaostui.client import Client
from chaostui.errors import ChaosError

FAULTS: dict[str, dict[str, Any]] = {
    "delay": {"sleep": 0.1, "jitter": 0.05},
    "hang": {},
    "errors": {},
    "blackout": {},
    "abort": {},
    "transient": {},
    "reset": {},
    "throttle": {"rate": 50},
    "slice": {"size": 100, "delay": 5},
    "truncate": {"bytes": 100},
    "slow_close": {"delay": 0.1},
    "slow_accept": {"delay": 0.1},
    "timeout": {"timeout": 0.3},
    "corrupt": {"rate": 0.1},
    "loss": {"rate": 20},
    "refuse": {},
    "bounce": {"down": 0.2},
    "unreachable": {},
}
TOXICS: dict[str, dict[str, Any]] = {
    "latency": {"latency": 50, "jitter": 20},
    "bandwidth": {"rate": 20},
    "slow_close": {"delay": 50},
    "timeout": {"timeout": 100},
    "reset_peer": {"timeout": 0},
    "slicer": {"average_size": 64, "size_variation": 8, "delay": 100},
    "limit_data": {"bytes": 500},
}


class Changes:
    """Whoever switches things on and off; to be called in a thread."""

    def __init__(self, client: Client, toxiproxy: int, proxies: list[str], seed: int) -> None:
        self._client = client
        self._toxiproxy = http.client.HTTPConnection("127.0.0.1", toxiproxy, timeout=30)
        self._proxies = proxies
        self._dice = random.Random(seed)
        self.made = 0
        self._ways: list[Callable[[str], object]] = [
            self._mix, self._mix, self._chain, self._unchain, self._pin, self._cut, self._switch,
            self._halt, self._session, self._bypass, self._vaurien, self._toxic, self._toxic,
            self._off_and_on, self._reset,
        ]  # fmt: skip

    def change(self) -> None:
        """Change something."""
        with contextlib.suppress(ChaosError):  # halted, taken, or gone: as the API says
            self._dice.choice(self._ways)(self._dice.choice(self._proxies))
        self.made += 1

    def heal(self) -> None:
        """Everything normal, everything on."""
        self._client.release()
        self._client.reset()
        for name in self._proxies:
            self._client.update_proxy(name, enabled=True)
            self._client.set_bypass(False, proxy=name)
            for entry in self._client.chain(name):
                self._client.remove_chain(entry.name, proxy=name)

    def close(self) -> None:
        """Hang up."""
        self._toxiproxy.close()

    # -- the native API ---------------------------------------------------------------------

    def _some(self) -> str:
        return self._dice.choice(list(FAULTS))

    def _mix(self, proxy: str) -> None:
        names = self._dice.sample(list(FAULTS), 3)
        weights = ",".join(f"{self._dice.randint(1, 33)}:{name}" for name in names)
        options = {name: FAULTS[name] for name in names}
        self._client.set_mix(weights, proxy=proxy, options=options)

    def _chain(self, proxy: str) -> None:
        name = self._some()
        direction = self._dice.choice(("upstream", "downstream"))
        self._client.add_chain(
            name, proxy=proxy, direction=direction, probability=0.5, **FAULTS[name]
        )

    def _unchain(self, proxy: str) -> None:
        for entry in self._client.chain(proxy):
            self._client.remove_chain(entry.name, proxy=proxy)

    def _pin(self, proxy: str) -> None:
        for connection in self._client.connections(proxy, 1):
            self._client.pin(connection.id, self._some())

    def _cut(self, proxy: str) -> None:
        for connection in self._client.connections(proxy, 3):
            self._client.reset_connection(connection.id)

    def _switch(self, proxy: str) -> None:
        self._client.update_proxy(proxy, enabled=False)
        self._client.update_proxy(proxy, enabled=True)

    def _halt(self, _: str) -> None:
        self._client.halt("soak")
        self._client.release()

    def _session(self, proxy: str) -> None:
        with self._client.with_behavior("delay", proxy=proxy, sleep=0.05):
            pass

    def _bypass(self, proxy: str) -> None:
        self._client.set_bypass(True, proxy=proxy)
        self._client.set_bypass(False, proxy=proxy)

    def _reset(self, _: str) -> None:
        self._client.reset()

    # -- Vaurien's and Toxiproxy's ----------------------------------------------------------

    def _vaurien(self, proxy: str) -> None:
        name = self._dice.choice(("delay", "error", "hang", "blackout", "dummy"))
        self._client.set_behavior(name, proxy=proxy)

    def ask(self, method: str, path: str, body: Any = None) -> int:
        """Ask Toxiproxy's API something; return the status."""
        data = None if body is None else json.dumps(body)
        self._toxiproxy.request(method, path, data)
        answer = self._toxiproxy.getresponse()
        answer.read()
        return answer.status

    def _toxic(self, proxy: str) -> None:
        kind = self._dice.choice(list(TOXICS))
        stream = self._dice.choice(("upstream", "downstream"))
        toxic = {"name": "soak", "type": kind, "stream": stream, "attributes": TOXICS[kind]}
        self.ask("POST", f"/proxies/{proxy}/toxics", toxic)
        if self._dice.random() < 0.7:
            self.ask("DELETE", f"/proxies/{proxy}/toxics/soak")

    def _off_and_on(self, proxy: str) -> None:
        self.ask("POST", f"/proxies/{proxy}", {"enabled": False})
        self.ask("POST", f"/proxies/{proxy}", {"enabled": True})
        if self._dice.random() < 0.3:
            self.ask("POST", "/reset")
