"""Proxies from the console: listed, added, changed, closed and removed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chaostui.tui.model.proxylist import Rates, line
from chaostui.wire.views import ProxyView
from tests.tui.console import console
from tests.tui.fake import FakeEngine

REDIS = ProxyView(
    name="redis", listen="127.0.0.1:1", backend="b:2", protocol="redis", enabled=True,
    draw="request", behavior="", base="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "state", "role"),
    [
        ({}, "normal", "good"),
        ({"behavior": "20:delay"}, "faults", "bad"),
        ({"pins": {"delay": 2}}, "faults, 2 pinned", "bad"),
        ({"pins": {"normal": 2}}, "normal", "good"),
        ({"bypass": True, "behavior": "20:delay"}, "bypass", "warn"),
        ({"bypass": True, "frozen": True}, "FROZEN", "bad"),
        ({"enabled": False, "behavior": "20:delay"}, "CLOSED", "bad"),
        ({"door": "refuse"}, "refuses clients", "bad"),
    ],
)
def test_a_proxys_state_is_words(change: dict[str, object], state: str, role: str) -> None:
    """A closed proxy, a bypass and a refusing door are said in words, never as raw JSON."""
    told = line(msgspec.structs.replace(REDIS, **change), 0.0)

    assert (told.state, told.role) == (state, role)
    assert "{" not in "".join(vars(told).values())


def test_a_proxys_rate_is_of_the_last_second() -> None:
    """Counters become requests a second; a proxy that is new has none yet."""
    rates = Rates()
    for at, count in ((10.0, 100), (10.2, 120), (11.0, 150)):
        stats = msgspec.structs.replace(REDIS.stats, exchanges=count)
        rates.add(at, [msgspec.structs.replace(REDIS, stats=stats)])

    assert rates.of("redis") == pytest.approx(50)
    assert rates.of("other") == 0.0


async def test_all_proxies_are_listed_with_state_share_and_figures() -> None:
    """``P``: each proxy with its state, share, rate, p99, mix and where it stands."""
    async with console(FakeEngine(proxies=("redis", "mysql")), size=(160, 48)) as shown:
        await shown.press("P")
        shown.engine.change("ctl", "/proxies/mysql", {"enabled": False, "last_error": "refused"})
        shown.engine.wake()
        await shown.until("CLOSED")
        redis, mysql = (
            row
            for row in shown.text().splitlines()
            if " redis " in row[:24] or " mysql " in row[:24]
        )
        assert "faults" in redis
        assert "35%" in redis
        assert "20:delay,10:errors" in redis
        assert "127.0.0.1:16379 → cache0.local:6379" in redis
        assert "refused" in mysql
        await shown.press("down", "enter")
        await shown.until("proxy mysql")
        assert shown.app.desk.session.store.scope == "mysql"


async def test_a_proxy_is_added_changed_closed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a proxy's life by keys, each change but the removal with a way back."""
    monkeypatch.chdir(tmp_path)
    async with console(FakeEngine(proxies=("redis",)), size=(160, 48)) as shown:
        await shown.press("P", "a")
        await shown.until("A new proxy")
        assert "protocols  tcp  http  redis  mysql  postgres" in shown.text()
        await shown.press("enter")
        await shown.until("redis-2 listens on 127.0.0.1:16379 · try redis-cli -h 127.0.0.1")
        assert shown.engine.requests[-1] == (
            "POST", "/proxies",
            {"name": "redis-2", "listen": "127.0.0.1:16379", "backend": "127.0.0.1:6379",
             "protocol": "redis"},
        )  # fmt: skip
        await shown.later()
        await shown.press("down", "c")
        await shown.until("Proxy redis-2")
        assert "half_close_timeout  300 s" in shown.text()
        assert "max_held  134.2 MB" in shown.text()
        assert "backend_down  reset" in shown.text()
        await shown.press("down")
        await shown.type("x:1")
        await shown.press("enter")
        await shown.until("redis-2: backend x:1")
        assert shown.engine.requests[-1][:2] == ("PATCH", "/proxies/redis-2")
        await shown.later()
        await shown.press("o")
        await shown.until("redis-2 is closed: clients are refused")
        await shown.press("u")
        await shown.until("undone: ")
        assert shown.engine.proxy("redis-2").enabled
        await shown.press("x")
        await shown.until("press again to remove redis-2")
        shown.clock.now += 0.5
        await shown.press("x")
        await shown.until("redis-2 is gone")
        assert [proxy.name for proxy in shown.engine.engine.proxies] == ["redis"]


async def test_a_form_that_was_left_can_be_had_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``esc`` loses nothing: the empty screen says how; a first proxy is offered a file."""
    monkeypatch.chdir(tmp_path)
    async with console(FakeEngine(connections=0, proxies=())) as shown:
        await shown.until("Your first proxy")
        assert "try it  redis-cli -h 127.0.0.1 -p 16379" in shown.text()
        await shown.press("escape")
        await shown.until("there is no proxy · P shows all proxies, a there makes one")
        await shown.later()
        await shown.press("P", "a")
        await shown.until("A new proxy")
        await shown.press("enter")
        await shown.until("save as")
        assert "chaos.toml" in shown.text()
        await shown.press("enter")
        await shown.until("saved to chaos.toml")
        assert (tmp_path / "chaos.toml").read_text()
