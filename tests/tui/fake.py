"""An engine in memory, seeded and with a clock of its own: what the console's tests talk to."""

from __future__ import annotations

import asyncio
import math
import random
from array import array
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
import tomlkit

from chaostui import registry
from chaostui.client.ask import API, Ask
from chaostui.errors import EngineRefused, EngineUnreachable
from chaostui.events import Changed, Closed, Exchanged, Injected, Opened, Warned
from chaostui.settings import Mix
from chaostui.wire.frame import COLUMNS, Frame
from chaostui.wire.views import (
    ChainView,
    ConnectionView,
    EngineView,
    HaltView,
    HandlerTimes,
    HandlerView,
    ProxyView,
    Quantiles,
    StatsView,
)
from tests.tui.catalogue import CATALOGUE

T = TypeVar("T")
START = 1_760_000_000.0
"""When the fake's clock begins, in epoch seconds."""
REQUESTS = ("GET", "SET", "MGET", "HGETALL", "EXPIRE", "INCR")


class FakeEngine:
    """Answers the native API's requests and makes live frames, the same ones for one seed."""

    def __init__(
        self,
        *,
        connections: int = 40,
        seed: int = 42,
        behavior: str = "20:delay,10:errors,5:blackout",
        proxies: tuple[str, ...] = ("redis",),
        profile: str = "redis-flaky.toml",
    ) -> None:
        self.endpoint = "unix:/run/user/1000/chaostui/1.sock"
        self.dice = random.Random(seed)
        self.now = START
        self.seq = 0
        self.requests: list[tuple[str, str, Any]] = []
        self.reads: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], str] = {}
        self.gate: asyncio.Event | None = None
        """When set to an event, every change waits for it: what is pending stays pending."""
        self.gone = ""
        self.payload: list[Mapping[str, Any]] = []
        self.options: dict[str, dict[str, Any]] = {}
        self.journal: list[dict[str, Any]] = []
        self.fresh: list[Any] = []
        self.happened: list[Any] = []
        self.catalogue = list(CATALOGUE)
        self.handlers = [str(entry["name"]) for entry in CATALOGUE]
        self.engine = EngineView(version="0.1.0", pid=4711, seed=seed, uptime=0.0, revision=1,
                                 profile=profile,
                                 loop_lag=0.0003, max_connections=10_000)  # fmt: skip
        for number, name in enumerate(proxies):
            self._add(name, f"127.0.0.1:{16379 + number}", f"cache{number}.local:6379", behavior)
        self.rows = [self._row(n + 1) for n in range(connections)]
        self.connections = {row["id"]: row for row in self.rows}
        self._count(0.0)
        self._told: set[int] = set()
        self._texts: dict[int, tuple[str, str, str]] = {}
        self._ticks: asyncio.Queue[None] = asyncio.Queue()

    # --- the client's interface ------------------------------------------------------------

    async def do(self, ask: Ask[T]) -> T:
        """Answer one call, and note it, as the engine does: over JSON."""
        answer = await self._request(ask.method, ask.path.removeprefix(API), ask.body)
        text = ask.answer is str and not ask.member
        raw = answer.encode() if text else msgspec.json.encode(answer)
        return ask.read(204 if ask.answer is type(None) else 200, raw)

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        if method != "GET":
            self.requests.append((method, path, body))
        else:
            self.reads.append((method, path))
        if self.gone:
            raise EngineUnreachable(self.gone)
        if self.gate is not None and method != "GET":
            await self.gate.wait()
        if (method, path) in self.refuse:
            raise EngineRefused(self.refuse[method, path], 409)
        self.asked_proxy = unquote(path.rpartition("proxy=")[2]) if "proxy=" in path else ""
        self.asked = int(path.rpartition("connection=")[2]) if "connection=" in path else 0
        if path.endswith("format=toml"):
            return self.toml()
        return self._answer(method, path, dict(body or {}))

    async def live(self, *, hz: float) -> AsyncIterator[Frame]:
        """One frame, and then no more until ``wake`` is called."""
        while True:
            if self.gone:
                raise EngineUnreachable(self.gone)
            yield self.frame()
            await self._ticks.get()

    async def tap(self, connection: int) -> AsyncIterator[Mapping[str, Any]]:
        """The payload that a test laid out."""
        self.reads.append(("GET", f"/connections/{connection}/tap"))
        if not self.payload:
            raise EngineRefused("this engine shows no payload", 404)
        for entry in self.payload:
            yield entry
        await asyncio.Event().wait()

    def wake(self) -> None:
        """Let a next frame be sent."""
        if self._ticks.empty():
            self._ticks.put_nowait(None)

    # --- what tests do to it ---------------------------------------------------------------

    def step(self, seconds: float = 0.5) -> None:
        """Let time pass: bytes move, exchanges end, faults hit."""
        self.now += seconds
        busy = 1 + 0.45 * math.sin(self.now / 3.1) + 0.3 * math.sin(self.now / 1.3)
        for row in self.rows:
            row["age"] += seconds
            wave = 1 + 0.5 * math.sin(self.now / 7 + row["id"])
            row["upstream"] += int(row["speed"] * wave * busy * seconds * 0.2)
            row["downstream"] += int(row["speed"] * (wave + 0.6 - busy / 3) * seconds)
            row["exchanges"] += 1
            row["handler"] = self._drawn()
            row["reply"] = 0.0004 + (row["id"] * 37 % 50) / 1e4 + (1.5 if row["handler"] else 0)
            if row["handler"]:
                row["hits"] += 1
        self._count(seconds, busy)
        for row in self.dice.sample(self.rows, min(8, len(self.rows))):
            self._happen(row)

    def open(self, client: str, *, proxy: int = 0, request: str = "GET") -> int:
        """Accept a connection from ``client``; the answer is its id."""
        row = self._row(max(self.connections, default=0) + 1)
        row.update(client=client, request=request, proxy=proxy)
        self.rows.append(row)
        self.connections[row["id"]] = row
        self._event(Opened, connection=row["id"], client=client)
        return int(row["id"])

    def close(self, identity: int) -> None:
        """Let a connection end."""
        row = self.connections.pop(identity)
        self.rows.remove(row)
        self._event(Closed, connection=identity, reason="client closed", upstream=row["upstream"],
                    downstream=row["downstream"], seconds=row["age"])  # fmt: skip

    def warn(self, message: str) -> None:
        """Let the engine say that something is wrong."""
        self._event(Warned, message=message, proxy=self.engine.proxies[0].name)

    def change(self, actor: str, path: str, body: Mapping[str, Any], method: str = "PATCH") -> None:
        """Let somebody else change something."""
        self._answer(method, path, dict(body), actor)

    def entry(self, handler: str, name: str = "", direction: str = "downstream",
              probability: float = 1.0, **options: Any) -> ChainView:  # fmt: skip
        """A chain entry with all the options of its handler."""
        known = self.defaults(handler)
        return ChainView(
            name=name or f"{handler}_{direction}", handler=handler, direction=direction,
            probability=probability, options=known | options,
        )  # fmt: skip

    def defaults(self, handler: str) -> dict[str, Any]:
        """All options of a handler at their defaults."""
        found = (e["options"] for e in self.catalogue if e["name"] == handler)
        return {option["name"]: option["default"] for option in next(found, [])}

    def put_chain(self, *entries: ChainView) -> None:
        """Let the first proxy have a chain."""
        self._put(self.engine.proxies[0].name, "profile", "chain", chain=entries)

    def seq_of_events(self) -> int:
        """How many events were told, or will be."""
        return len(self.happened)

    def proxy(self, name: str = "redis") -> ProxyView:
        """One proxy as it is now."""
        return next(proxy for proxy in self.engine.proxies if proxy.name == name)

    # --- frames ----------------------------------------------------------------------------

    def frame(self) -> Frame:
        """The engine as it is now."""
        self.seq += 1
        columns = {name: array(code, (row[name] for row in self.rows))
                   for name, code in COLUMNS.items()}  # fmt: skip
        opened = [(row["id"], row["client"], row["backend"])
                  for row in self.rows if row["id"] not in self._told]  # fmt: skip
        self._told.update(identity for identity, _, _ in opened)
        changed = {}
        for row in self.rows:
            texts = (row["pinned"], row["request"], "")
            if self._texts.get(row["id"]) != texts:
                changed[row["id"]] = self._texts[row["id"]] = texts
        events, self.fresh = self.fresh, []
        self.engine = msgspec.structs.replace(self.engine, uptime=self.now - START)
        return Frame(
            seq=self.seq, at=self.now, engine=self.engine, handlers=self.handlers, opened=opened,
            columns={name: column.tobytes() for name, column in columns.items()},
            changed=changed, events=events[-200:], events_skipped=max(0, len(events) - 200),
        )  # fmt: skip

    def _row(self, identity: int) -> dict[str, Any]:
        dice = self.dice
        return {
            "id": identity, "proxy": identity % max(1, len(self.engine.proxies)), "state": 1,
            "handler": self._drawn(), "upstream": dice.randrange(9_000_000),
            "downstream": dice.randrange(80_000_000), "exchanges": dice.randrange(9000),
            "hits": dice.randrange(60), "held": 0, "age": dice.uniform(1, 900),
            "idle": dice.uniform(0, 0.5), "reply": 0.0, "speed": dice.uniform(2_000, 900_000),
            "client": f"10.0.{identity // 250}.{identity % 250}:{40000 + identity % 20000}",
            "backend": "10.1.0.9:6379", "pinned": "", "request": dice.choice(REQUESTS),
        }  # fmt: skip

    def _drawn(self) -> int:
        weights = (
            dict(Mix.parse(self.engine.proxies[0].behavior).weights) if self.engine.proxies else {}
        )
        roll = self.dice.uniform(0, 100)
        for name, weight in weights.items():
            roll -= weight
            if roll < 0:
                return self.handlers.index(name)
        return 0

    def _count(self, seconds: float, busy: float = 1.0) -> None:
        proxies = []
        for proxy in self.engine.proxies:
            weights = dict(Mix.parse(proxy.behavior).weights)
            hits = dict(proxy.stats.hits)
            for name, weight in weights.items():
                wave = 1 + 0.3 * math.sin(self.now / 5 + len(name)) + self.dice.uniform(0, 0.2)
                hits[name] = hits.get(name, 0) + int(weight * 11 * wave * busy * seconds)
            sums = {n: sum(row[n] for row in self.rows) for n in ("upstream", "downstream")}
            stats = StatsView(
                connections=proxy.stats.connections + int(82 * busy * seconds), open=len(self.rows),
                exchanges=proxy.stats.exchanges + int(21_000 * seconds), hits=hits, **sums,
                latency=Quantiles(count=1000, p50=0.0012 * busy, p95=0.4, p99=1.1 + busy / 4),
                delay=Quantiles(count=400, p50=1.501, p95=1.7, p99=1.8 + busy / 10),
                by_handler={
                    "normal": HandlerTimes(latency=Quantiles(count=650, p50=0.0012, p99=0.004)),
                    "delay": HandlerTimes(
                        latency=Quantiles(count=200, p50=1.502, p99=1.82),
                        delay=Quantiles(count=200, p50=1.501, p99=1.8 + busy / 10),
                    ),
                    "errors": HandlerTimes(latency=Quantiles(count=100, p50=0.0003, p99=0.001)),
                },
                delay_error=Quantiles(count=400, p50=0.0001, p99=0.0003 * busy),
            )  # fmt: skip
            proxies.append(msgspec.structs.replace(proxy, stats=stats, mix=self._mix(proxy, hits)))
        replaced = {
            "proxies": tuple(proxies),
            "events": self.engine.events + int(21_400 * busy * seconds),
        }
        self.engine = msgspec.structs.replace(self.engine, **replaced)

    def _happen(self, row: dict[str, Any]) -> None:
        request, name = row["request"], self.handlers[row["handler"]]
        common = {"connection": row["id"], "exchange": row["exchanges"], "request": request,
                  "handler": name}  # fmt: skip
        if name == "normal":
            self._event(Exchanged, seconds=self.dice.uniform(0.0004, 0.004), **common)
        else:
            what = {
                "delay": "held 1.630 s, 412 B",
                "errors": "answered with loading",
                "blackout": "closed",
            }
            self._event(Injected, what=what.get(name, name), **common)

    def _event(self, kind: Callable[..., Any], **fields: Any) -> Any:
        self.engine = msgspec.structs.replace(self.engine, events=self.engine.events + 1)
        name = self.engine.proxies[0].name if self.engine.proxies else ""
        event = kind(**{"seq": self.engine.events, "at": self.now, "proxy": name, **fields})
        self.fresh.append(event)
        self.happened.append(event)
        return event

    # --- requests --------------------------------------------------------------------------

    def _answer(self, method: str, path: str, body: dict[str, Any], actor: str = "console") -> Any:
        words = [unquote(word) for word in path.partition("?")[0].strip("/").split("/")]
        key = " ".join([method, words[0], *words[2:3]])
        answer = getattr(self, "_" + key.lower().replace(" ", "_"), None)
        if answer is None:
            raise EngineRefused(f"no such route: {method} {path}", 404)
        return answer(words, body, actor)

    def _add(self, name: str, listen: str, backend: str, behavior: str = "",
             protocol: str = "redis") -> ProxyView:  # fmt: skip
        proxy = ProxyView(
            name=name, listen=listen, backend=backend, protocol=protocol, enabled=True,
            draw="request", behavior=behavior, base=behavior,
        )  # fmt: skip
        proxy = msgspec.structs.replace(proxy, mix=self._mix(proxy, {}))
        self.engine = msgspec.structs.replace(self.engine, proxies=(*self.engine.proxies, proxy))
        return proxy

    def _mix(self, proxy: ProxyView, hits: Mapping[str, int]) -> tuple[HandlerView, ...]:
        ends = {view.name: view.ends_in for view in proxy.mix}
        return tuple(
            HandlerView(name=name, weight=weight, hits=hits.get(name, 0), ends_in=ends.get(name),
                        options=self.defaults(name) | self.options.get(name, {}))
            for name, weight in Mix.parse(proxy.behavior).weights
        )  # fmt: skip

    def _put(self, name: str, actor: str, what: str, **changes: Any) -> ProxyView:
        before = self.proxy(name)
        if "behavior" in changes:
            changes["base"] = changes["behavior"]
        after = msgspec.structs.replace(before, **changes)
        after = msgspec.structs.replace(
            after, mix=changes.get("mix", self._mix(after, after.stats.hits))
        )
        proxies = tuple(after if proxy.name == name else proxy for proxy in self.engine.proxies)
        self.engine = msgspec.structs.replace(self.engine, proxies=proxies)
        self._changed(actor, what, before.behavior, after.behavior, name)
        return after

    def _changed(self, actor: str, what: str, before: str = "", after: str = "",
                 proxy: str = "") -> Changed:  # fmt: skip
        self.engine = msgspec.structs.replace(self.engine, revision=self.engine.revision + 1)
        event = self._event(
            Changed, actor=actor, what=what, before=before, after=after, proxy=proxy
        )
        self.journal.append(msgspec.to_builtins(event))
        assert isinstance(event, Changed)
        return event

    def _get_handlers(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self.catalogue

    def _get_protocols(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        known = registry.builtin().protocols
        kinds = [known[name] for name in ("tcp", "http", "redis", "mysql", "postgres")]
        return [
            {"name": k.name, "help": "", "kinds": [], "ports": k.ports, "example": k.example}
            for k in kinds
        ]

    def happen(self, identity: int, handler: str) -> None:
        """Let an exchange of a connection end, with a handler of its own."""
        row = self.connections[identity]
        row["exchanges"] += 1
        self._happen(row | {"handler": self.handlers.index(handler)})

    def _get_events(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return [event for event in self.happened if event.connection == self.asked]

    def _get_journal(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self.journal

    def _post_journal(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self._changed(actor, f"note: {body['note']}")

    def _patch_proxies_mix(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        weights = dict(Mix.parse(self.proxy(words[1]).behavior).weights) | body
        behavior = ",".join(f"{w:g}:{name}" for name, w in weights.items() if w)
        return self._put(words[1], actor, "weights", behavior=str(Mix.parse(behavior)))

    def _put_proxies_mix(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        proxy = self._put(words[1], actor, "mix", behavior=body["behavior"])
        if "duration" in body:
            mix = tuple(msgspec.structs.replace(v, ends_in=body["duration"]) for v in proxy.mix)
            proxy = self._put(words[1], actor, "timer", mix=mix)
        return proxy

    def _post_proxies_freeze(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self._put(words[1], actor, "frozen", frozen=True)

    def _delete_proxies_freeze(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self._put(words[1], actor, "thawed", frozen=False)

    def _put_proxies_bypass(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self._put(words[1], actor, "bypass", bypass=body["bypass"])

    def _get_proxies_handlers(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        options = self.defaults(words[3]) | self.options.get(words[3], {})
        return HandlerView(name=words[3], weight=0, options=options)

    def _patch_proxies_handlers(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        own = self.options.setdefault(words[3], {})
        own.update(body)
        for name in [name for name, value in own.items() if value is None]:
            del own[name]
        self._put(words[1], actor, f"{words[3]} options")
        return HandlerView(name=words[3], weight=0, options=self.defaults(words[3]) | own)

    def _post_proxies_chain(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        chain = (*self.proxy(words[1]).chain, self.entry(**body))
        return self._put(words[1], actor, "chain", chain=chain).chain[-1]

    def _delete_proxies_chain(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        chain = tuple(e for e in self.proxy(words[1]).chain if e.name != words[3])
        self._put(words[1], actor, "chain", chain=chain)

    def _patch_proxies_chain(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        def changed(entry: ChainView) -> ChainView:
            if entry.name != words[3]:
                return entry
            rest = {name: value for name, value in body.items() if name != "probability"}
            return msgspec.structs.replace(
                entry, probability=body.get("probability", entry.probability),
                options=entry.options | rest,
            )  # fmt: skip

        chain = tuple(map(changed, self.proxy(words[1]).chain))
        self._put(words[1], actor, "chain", chain=chain)
        return next(entry for entry in chain if entry.name == words[3])

    def _post_proxies(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        return self._add(body["name"], body["listen"], body["backend"], "", body["protocol"])

    def _delete_proxies(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        kept = tuple(proxy for proxy in self.engine.proxies if proxy.name != words[1])
        self.engine = msgspec.structs.replace(self.engine, proxies=kept)
        self._changed(actor, f"proxy {words[1]} removed")

    def _patch_proxies(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        if "chain" in body:
            body["chain"] = tuple(self.entry(**entry) for entry in body["chain"])
        return self._put(words[1], actor, "settings", **body)

    def _put_connections_pin(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        row = self.connections[int(words[1])]
        row["pinned"] = body["handler"] or ""
        name = self.engine.proxies[row["proxy"]].name
        mine = [r["pinned"] for r in self.rows if r["proxy"] == row["proxy"] and r["pinned"]]
        self._put(name, actor, "pin", pins={handler: mine.count(handler) for handler in mine})
        return ConnectionView(
            id=row["id"], proxy=name, client=row["client"], backend=row["backend"], state="open",
            handler="normal", pinned=row["pinned"],
        )  # fmt: skip

    def _delete_connections(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        self.close(int(words[1]))

    def _post_halt(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        halt = HaltView(halted=True, by=actor, at=self.now)
        self.engine = msgspec.structs.replace(self.engine, halt=halt)
        return halt

    def _delete_halt(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        self.engine = msgspec.structs.replace(self.engine, halt=HaltView())

    def _post_reset(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        for proxy in self.engine.proxies:
            if self.asked_proxy in ("", proxy.name):
                calm: dict[str, Any] = {"behavior": "", "base": "", "chain": (), "pins": {}}
                self._put(
                    proxy.name, actor, "reset", bypass=False, frozen=False, enabled=True, **calm
                )
        for row in self.rows:
            row["pinned"] = ""

    def _get_profile(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        tables = [
            {"name": p.name, "listen": p.listen, "backend": p.backend, "protocol": p.protocol}
            | ({"behavior": p.behavior} if p.behavior else {})
            for p in self.engine.proxies
        ]
        profile: dict[str, Any] = {"seed": self.engine.seed, "proxy": tables}
        return {"profile": profile}

    def toml(self) -> str:
        """The running profile as TOML."""
        return tomlkit.dumps(self._get_profile([], {}, "")["profile"])

    def _put_profile(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        for table in body["proxy"]:
            self._put(table["name"], actor, "profile", behavior=table.get("behavior", ""))
        return self.engine

    def _post_profile(self, words: list[str], body: dict[str, Any], actor: str) -> Any:
        if words[1] == "diff":
            return self._difference(body)
        self._changed(actor, "profile saved to chaos.toml")
        return {"path": "chaos.toml"}

    def _difference(self, given: dict[str, Any]) -> dict[str, Any]:
        running = self._get_profile([], {}, "")["profile"]
        changes = []
        for table, other in zip(running["proxy"], given.get("proxy", []), strict=False):
            for key in sorted(set(table) | set(other)):
                if table.get(key) != other.get(key):
                    path = f"proxy.{table['name']}.{key}"
                    changes.append(
                        {"path": path, "running": table.get(key), "given": other.get(key)}
                    )
        return {"changes": changes}
