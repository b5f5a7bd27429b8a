"""What leaves the console as text: the mix, rows, events and the journal."""

from __future__ import annotations

import csv
import io
import json
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chaostui.safe_text import safe_text
from chaostui.tui.model import mix
from chaostui.tui.model.changes import entry_body, put_mix, put_proxy
from chaostui.tui.model.lines import Line, line
from chaostui.tui.model.rows import Rows
from chaostui.wire.views import EngineView, ProxyView


def as_curl(proxies: Sequence[ProxyView], base: str) -> str:
    """The mixes in force as calls of curl, one a line, and chains where there are any."""
    calls = []
    for proxy in proxies:
        calls.append(put_mix(proxy.name, proxy.behavior, options=_options(proxy)))
        if proxy.chain:
            calls.append(put_proxy(proxy.name, {"chain": [entry_body(e) for e in proxy.chain]}))
    return "\n".join(call.curl(base) for call in calls)


def as_cli(proxies: Sequence[ProxyView]) -> str:
    """The same as a command line that starts such a proxy, one a line."""
    return "\n".join(_command(proxy) for proxy in proxies)


def _command(proxy: ProxyView) -> str:
    words = ["chaostui", "--headless", "--listen", proxy.listen, "--backend", proxy.backend]
    words += ["--protocol", proxy.protocol]
    if proxy.behavior:
        words += ["--behavior", proxy.behavior]
    for handler, options in _options(proxy).items():
        for name, value in _flat(options):
            words += ["--set", f"{handler}.{name}={_word(value)}"]
    return shlex.join(words) + ("  # without its chain: profiles have it" if proxy.chain else "")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _flat(options: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    """Options by name, those within others by ``match.key``."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def as_toml(proxies: Sequence[ProxyView]) -> str:
    """The same as part of a profile."""
    import tomlkit

    document = tomlkit.document()
    tables = tomlkit.aot()
    for proxy in proxies:
        table = tomlkit.table()
        for name in ("name", "listen", "backend", "protocol", "behavior"):
            table.add(name, getattr(proxy, name))
        options = _options(proxy)
        if proxy.chain:
            table.add("chain", [entry_body(entry) for entry in proxy.chain])
        if options:
            table.add("handler", options)
        tables.append(table)
    document.add("proxy", tables)
    return tomlkit.dumps(document)


def _options(proxy: ProxyView) -> dict[str, dict[str, Any]]:
    """The options that are set, of the handlers that are on."""
    given = {
        view.name: {name: value for name, value in view.options.items() if value is not None}
        for view in _active(proxy)
    }
    return {name: options for name, options in given.items() if options}


def _active(proxy: ProxyView) -> list[Any]:
    weights = mix.read(proxy.behavior)
    return [view for view in proxy.mix if weights.get(view.name, 0) > 0]


def rows_as_csv(rows: Rows, indices: Iterable[int]) -> str:
    """Connections as CSV. Cells a spreadsheet would run as formulas are made texts."""
    records = [rows.record(index) for index in indices]
    out = io.StringIO()
    if records:
        writer = csv.DictWriter(out, records[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in r.items()} for r in records)
    return out.getvalue()


def _cell(value: str | float) -> str | float:
    if not isinstance(value, str):
        return value
    safe = safe_text(value, limit=500)
    return f"'{safe}" if safe[:1] in ("=", "+", "-", "@") else safe


def lines_as_jsonl(lines: Iterable[Line]) -> str:
    """Events as JSON, one a line."""
    names = ("seq", "at", "kind", "proxy", "connection", "handler", "text")
    return "".join(json.dumps({n: getattr(entry, n) for n in names}) + "\n" for entry in lines)


def journal_as_markdown(
    entries: Iterable[Mapping[str, Any]], engine: EngineView | None, now: float
) -> str:
    """The journal as Markdown for a bug report: the set-up first, then what happened when."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    text = [f"# chaostui journal, {stamp}", ""]
    if engine is not None:
        text += [f"chaostui {engine.version}, seed {engine.seed}.", ""]
        text += [f"* {_setup(proxy)}" for proxy in engine.proxies] + [""]
    text += ["| time | who | what |", "|---|---|---|"]
    for entry in entries:
        happened = line(entry)
        who = safe_text(str(entry.get("actor", "")), limit=64)
        what = happened.text.removeprefix(f"{who}: ")
        place = f"{happened.proxy}: " if happened.proxy else ""
        text.append(f"| {happened.clock()} | {_escaped(who)} | {_escaped(place + what)} |")
    return "\n".join(text) + "\n"


def _setup(proxy: ProxyView) -> str:
    name, listen, backend = (safe_text(t) for t in (proxy.name, proxy.listen, proxy.backend))
    behavior = proxy.behavior or "all normal"
    return f"`{name}` ({proxy.protocol}) {listen} → {backend}: {behavior}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
