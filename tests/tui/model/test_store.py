"""Live frames applied: rows, rates, closed connections, history."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec
import pytest

from chaostui.events import Closed, Opened
from chaostui.tui.model.columns import BY_FIELD, COLUMNS as SHOWN, arrange, fit
from chaostui.tui.model.glyphs import _KNOWN
from chaostui.tui.model.rows import CLOSED, Rows
from chaostui.tui.model.store import GHOSTS, FrameStore
from chaostui.wire.frame import COLUMNS, Frame
from chaostui.wire.views import EngineView, ProxyView, StatsView


def frame(at: float, connections: dict[int, int], *, told: bool = True, events: int = 0) -> Frame:
    """A frame with connections by id and how many bytes they carried downstream."""
    columns: dict[str, array[Any]] = {name: array(code) for name, code in COLUMNS.items()}
    for identity, size in connections.items():
        values = {"id": identity, "downstream": size, "state": 1, "age": 1.0, "idle": 0.0}
        for name, column in columns.items():
            column.append(values.get(name, 0))
    proxy = ProxyView(
        name="redis", listen="a:1", backend="b:2", protocol="tcp", enabled=True, draw="request",
        behavior="", base="", stats=StatsView(connections=events, hits={"delay": events}),
    )  # fmt: skip
    engine = EngineView(version="1", pid=1, seed=1, uptime=at, revision=1, proxies=(proxy,))
    opened = [(i, f"10.0.0.{i}:1", "b:2") for i in connections] if told else []
    return Frame(
        seq=int(at * 10), at=at, engine=msgspec.structs.replace(engine, events=events),
        columns={name: column.tobytes() for name, column in columns.items()}, handlers=["normal"],
        opened=opened, changed={1: ("hang", "GET", "")} if 1 in connections else {},
        events=[Opened(seq=1, at=at, proxy="redis", connection=1, client="c")] * events,
        events_skipped=2,
    )  # fmt: skip


def test_a_frame_becomes_rows() -> None:
    """Columns, addresses and texts of a frame can be read by field."""
    store = FrameStore()
    lines = store.apply(frame(10.0, {1: 100, 2: 200}, events=3))
    rows = store.rows

    assert list(rows.numbers("id")) == [1, 2]
    assert list(rows.numbers("bytes")) == [100, 200]
    assert rows.texts("client") == ["10.0.0.1:1", "10.0.0.2:1"]
    assert (rows.texts("request"), rows.texts("pinned")) == (["GET", ""], ["hang", ""])
    assert (rows.texts("handler"), rows.texts("state")) == (["normal"] * 2, ["open"] * 2)
    assert rows.texts("proxy") == ["redis", "redis"]
    assert len(lines) == 3
    assert store.log.skipped == 2
    assert repr(rows) == "<Rows 2>"


def test_rates_come_from_what_moved() -> None:
    """A rate is what moved in the last two seconds, per second, and is renewed once a second."""
    store = FrameStore()
    for tick in range(7):
        store.apply(frame(10 + tick / 2, {1: 1000 * tick, 2: 0}))

    assert store.rows.numbers("rate") == [pytest.approx(2000), 0]
    measured = store.rows.rates
    store.apply(frame(13.5, {1: 1_000_000, 2: 0}))
    assert store.rows.rates is measured
    store.apply(frame(14.1, {1: 1_000_000, 2: 0}))
    assert store.rows.numbers("rate") == [pytest.approx(996_000 / 2.1), 0]


def test_closed_connections_stay_for_a_while() -> None:
    """A connection that is gone stays as a closed row, with its address."""
    store = FrameStore()
    store.apply(frame(10.0, {1: 100, 2: 200}))
    store.apply(frame(10.1, {2: 300}, told=False))

    assert list(store.rows.numbers("id")) == [2, 1]
    assert store.rows.texts("state") == ["open", "closed"]
    assert store.rows.texts("client")[1] == "10.0.0.1:1"


def test_closed_connections_are_bounded() -> None:
    """Only the newest of those that closed are kept."""
    store = FrameStore()
    store.apply(frame(10.0, dict.fromkeys(range(GHOSTS + 50), 1)))
    store.apply(frame(10.1, {}))

    assert len(store.rows) == GHOSTS
    assert set(store.rows.columns["state"]) == {CLOSED}


def test_rows_never_change_once_made() -> None:
    """What is on a frozen display stays what it was."""
    store = FrameStore()
    store.apply(frame(10.0, {1: 100}))
    before = store.rows
    store.apply(frame(10.1, {1: 900}))

    assert list(before.numbers("down")) == [100]
    assert list(store.rows.numbers("down")) == [900]


def test_history_samples_at_its_own_pace() -> None:
    """The strip has a sample each half second, the timeline one a second, as rates."""
    store = FrameStore()
    for tick in range(31):
        store.apply(frame(10 + tick / 10, {}, events=tick))

    assert len(store.sparks.samples) == 6
    assert len(store.timeline.samples) == 3
    assert store.timeline.newest.hits == {"delay": pytest.approx(10)}
    assert store.sparks.values("opened", 2) == [pytest.approx(10), pytest.approx(10)]


def test_another_scope_starts_its_history_anew() -> None:
    """Figures of one proxy are not mixed with those of all."""
    store = FrameStore()
    for tick in range(11):
        store.apply(frame(10 + tick / 10, {}))
    store.look_at("redis")

    assert not store.sparks.samples
    assert [proxy.name for proxy in store.in_view] == ["redis"]


def test_rows_are_found_and_recorded() -> None:
    """A row can be found by id and written as a flat record."""
    store = FrameStore()
    store.apply(frame(10.0, {7: 100}))

    assert store.rows.find(7) == 0
    assert store.rows.find(8) is None
    assert store.rows.record(0)["client"] == "10.0.0.7:1"
    assert len(Rows.empty()) == 0


@pytest.mark.parametrize(
    ("width", "fields"),
    [
        (12, ["id"]),
        (58, ["id", "client", "handler", "rate", "reply"]),
        (78, ["id", "client", "handler", "rate", "reply", "up", "hits"]),
        (98, ["id", "client", "handler", "rate", "reply", "up", "down", "hits", "age"]),
        (400, [column.field for column in SHOWN]),
    ],
)
def test_columns_give_way_by_priority(width: int, fields: list[str]) -> None:
    """The narrower the table, the fewer columns; the most important stay."""
    chosen = fit([column.field for column in SHOWN if width > 100 or column.field not in
                  ("proxy", "backend", "pinned")], width)  # fmt: skip

    assert [column.field for column, _ in chosen] == fields
    assert width < 20 or 2 + sum(room + 1 for _, room in chosen) <= width


def test_reply_times_stay_beside_the_proxys_name() -> None:
    """A terminal of 100 columns, several proxies in view: how late replies are is still told."""
    wanted = [column.field for column in SHOWN if column.field not in ("backend", "pinned")]

    assert [column.field for column, _ in fit(wanted, 60)] == [
        "id", "proxy", "client", "handler", "reply",
    ]  # fmt: skip


@pytest.mark.parametrize("width", range(58, 200))
def test_numbers_come_before_long_addresses(width: int) -> None:
    """An address grows only into room that no column of figures could use."""
    wanted = [c.field for c in SHOWN if c.field not in ("proxy", "backend", "pinned")]
    chosen = dict(fit(wanted, width))
    spare = width - 2 - sum(room + 1 for room in chosen.values())
    rooms = {column.field: room - column.width for column, room in chosen.items()}

    left_out = [c for c in SHOWN if c.field in wanted and c not in chosen and c.priority < 5]
    assert all(spare + rooms["client"] < c.width + 1 for c in left_out)


@pytest.mark.parametrize("name", sorted(_KNOWN))
def test_no_handlers_name_is_cut(name: str) -> None:
    """The column holds the longest name with its glyph and the mark of a pin."""
    assert len(f"● {name}*") <= BY_FIELD["handler"].width


@pytest.mark.parametrize("column", SHOWN, ids=lambda column: column.field)
def test_every_column_sorts(column: object) -> None:
    """Rows can be sorted by any column, both ways."""
    store = FrameStore()
    store.apply(frame(10.0, {3: 1, 1: 3, 2: 2}))
    field = getattr(column, "field", "")

    up = arrange(store.rows, range(3), field, reverse=False)
    assert sorted(up) == [0, 1, 2]
    assert sorted(arrange(store.rows, range(3), field, reverse=True)) == [0, 1, 2]
    if field == "down":
        assert up == [0, 2, 1]


def test_closed_rows_show_their_final_figures() -> None:
    """What came between the last frame and the end is in the event that tells the end."""
    store = FrameStore()
    store.apply(frame(1.0, {7: 100}))
    end = Closed(seq=1, at=1.1, proxy="redis", connection=7, reason="client closed",
                 upstream=3, downstream=4711, seconds=2.5)  # fmt: skip
    store.apply(msgspec.structs.replace(frame(1.1, {}), events=[end]))
    at = store.rows.find(7)

    assert at is not None
    assert store.rows.numbers("downstream")[at] == 4711
    assert store.rows.numbers("upstream")[at] == 3
    assert store.rows.numbers("age")[at] == 2.5
