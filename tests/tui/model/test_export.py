"""What leaves the console as text."""

from __future__ import annotations

import csv
import io
import json
import shlex
import tomllib
from pathlib import Path

import msgspec

from chaostui.profiles import load
from chaostui.tui.model import export
from chaostui.tui.model.lines import line
from chaostui.tui.model.rows import Rows
from chaostui.tui.model.store import FrameStore
from chaostui.wire.views import ChainView, EngineView, HandlerView
from tests.tui.model.test_faults import proxy
from tests.tui.model.test_store import frame

DELAY = HandlerView(name="delay", weight=20, options={"sleep": 1.5, "direction": "both"})
MIXED = msgspec.structs.replace(proxy(behavior="20:delay"), mix=(DELAY,))


def test_the_mix_as_curl() -> None:
    """Pasted into a shell, the call puts the same mix with the same options in force."""
    words = shlex.split(export.as_curl([MIXED], "http://h:1"))

    assert words[-1] == "http://h:1/api/v1/proxies/redis/mix"
    assert json.loads(words[-2]) == {
        "behavior": "20:delay",
        "options": {"delay": {"sleep": 1.5, "direction": "both"}},
    }


def test_the_mix_as_a_command_line() -> None:
    """The command line starts a proxy with the same mix and options."""
    words = shlex.split(export.as_cli([MIXED]))

    assert words[:2] == ["chaostui", "--headless"]
    assert words[words.index("--behavior") + 1] == "20:delay"
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == [
        "delay.sleep=1.5",
        "delay.direction=both",
    ]


def test_the_mix_as_toml() -> None:
    """The TOML is part of a profile."""
    tables = tomllib.loads(export.as_toml([MIXED]))["proxy"]

    assert tables[0]["behavior"] == "20:delay"
    assert tables[0]["handler"]["delay"] == {"sleep": 1.5, "direction": "both"}


def test_what_is_matched_is_copied_with_the_mix(tmp_path: Path) -> None:
    """Each of the three says it again, whatever is in it; what is not set is left out."""
    match = {"command": "SET*", "key": "it's; a \n`key`"}
    errors = HandlerView(name="errors", weight=5, options={"kind": "", "match": match})
    late = HandlerView(name="delay", weight=20, options={"sleep": 1.5, "match": None})
    mixed = msgspec.structs.replace(proxy(behavior="20:delay,5:errors"), mix=(late, errors))
    profile = tmp_path / "chaos.toml"
    profile.write_text(export.as_toml([mixed]))
    words = shlex.split(export.as_cli([mixed]))

    assert json.loads(shlex.split(export.as_curl([mixed], "http://h:1"))[-2])["options"] == {
        "delay": {"sleep": 1.5},
        "errors": {"kind": "", "match": match},
    }
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == [
        "delay.sleep=1.5",
        "errors.kind=",
        "errors.match.command=SET*",
        f"errors.match.key={match['key']}",
    ]
    assert tomllib.loads(profile.read_text())["proxy"][0]["handler"]["errors"]["match"] == match


def test_a_chain_is_copied_with_the_mix(tmp_path: Path) -> None:
    """As curl and as TOML, which a profile takes; a command line says that it cannot have one."""
    entry = ChainView(
        name="late", handler="delay", direction="upstream", probability=0.5,
        options={"sleep": 0.2, "duration": None},
    )  # fmt: skip
    chained = msgspec.structs.replace(MIXED, chain=(entry,))
    body = {"handler": "delay", "name": "late", "direction": "upstream", "probability": 0.5}
    patch = shlex.split(export.as_curl([chained], "http://h:1").splitlines()[1])
    profile = tmp_path / "chaos.toml"
    profile.write_text(export.as_toml([chained]))
    (loaded,) = load(profile).proxy

    assert patch[-1] == "http://h:1/api/v1/proxies/redis"
    assert json.loads(patch[-2]) == {"chain": [{**body, "sleep": 0.2}]}
    assert [(c.name, c.handler, c.probability) for c in loaded.chain] == [("late", "delay", 0.5)]
    assert export.as_cli([chained]).endswith("# without its chain: profiles have it")


def test_connections_as_csv() -> None:
    """Each connection is a record; formulas of spreadsheets and controls are made harmless."""
    store = FrameStore()
    store.apply(frame(10.0, {1: 100, 2: 200}))
    records = list(csv.DictReader(io.StringIO(export.rows_as_csv(store.rows, [1]))))
    hostile = export.rows_as_csv(_with_request("=cmd()\x1b"), [0])

    assert [record["id"] for record in records] == ["2"]
    assert "'=cmd()\\x1b" in hostile
    assert export.rows_as_csv(store.rows, []) == ""


def _with_request(request: str) -> Rows:
    store = FrameStore()
    given = msgspec.structs.replace(frame(10.0, {1: 1}), changed={1: ("", request, "")})
    store.apply(given)
    return store.rows


def test_events_as_json_lines() -> None:
    """Each event is one line of JSON."""
    happened = line({"event": "open", "seq": 1, "at": 2.0, "proxy": "p", "client": "c"})

    assert json.loads(export.lines_as_jsonl([happened]))["text"] == "client c connected"


def test_the_journal_as_markdown() -> None:
    """A bug report has the set-up, then who did what; a table cell cannot be broken out of."""
    engine = EngineView(version="1.2", pid=1, seed=42, uptime=1, revision=1, proxies=(MIXED,))
    entry = {"event": "change", "seq": 1, "at": 1.0, "proxy": "redis", "actor": "ctl",
             "what": "mix | <b>", "before": "", "after": "20:delay"}  # fmt: skip
    text = export.journal_as_markdown([entry], engine, 1_760_000_000)

    assert "seed 42" in text
    assert "* `redis` (tcp) a:1 → b:2: 20:delay" in text
    assert "| ctl | redis: mix \\| &lt;b> : nothing → 20:delay |".replace(" :", ":") in text
