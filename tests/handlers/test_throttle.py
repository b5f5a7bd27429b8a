"""throttle: bytes leave at the rate, however they come, and no faster after a rest."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui.actions import Send, Stall, Wait
from chaostui.handlers.throttle import Throttle
from chaostui.protocol import Frame
from tests.handlers.table import DATA, WHOLE, asked, made


class Clock:
    """Drives a throttle as the engine does: what it waits for passes on its clock."""

    def __init__(self, throttle: Throttle, *, late: float = 0.0) -> None:
        self.throttle = throttle
        self.now = 100.0
        self.late = late
        self.sent: list[tuple[float, int]] = []
        """When bytes left, seconds after the beginning, and how many."""

    def feed(self, size: int) -> None:
        """Give it ``size`` bytes and let time pass."""
        self.throttle.context.now = self.now
        for action in self.throttle.on_data(Frame(bytes(size))):
            if isinstance(action, Wait):
                self.now += action.seconds + self.late
            elif isinstance(action, Send):
                self.sent.append((round(self.now - 100, 6), len(action.data)))
            self.throttle.context.now = self.now


def throttled(**options: Any) -> Clock:
    """Make a throttle on a clock of its own."""
    return Clock(made(Throttle, **options))


def wait_for(throttle: Throttle, size: int) -> float:
    """How long ``size`` bytes that come now would wait."""
    first = asked(throttle.on_data(Frame(bytes(size))))[0]
    assert isinstance(first, Wait)
    return first.seconds


def test_a_chunk_trickles_in_tenths_of_a_second() -> None:
    """5000 bytes at 10 kB/s are five pieces of 1000 bytes, one each 100 ms, the first too."""
    clock = throttled(rate=10)
    clock.feed(5000)

    assert clock.sent == [(0.1, 1000), (0.2, 1000), (0.3, 1000), (0.4, 1000), (0.5, 1000)]


def test_small_chunks_take_their_time_too() -> None:
    """100 bytes at 1 kB/s leave a tenth of a second after they came."""
    clock = throttled(rate=1)
    clock.feed(100)

    assert clock.sent == [(0.1, 100)]


def test_idle_time_gives_no_credit() -> None:
    """After a long rest bytes are as slow as before."""
    clock = throttled(rate=1)
    clock.feed(100)
    clock.now += 60
    clock.feed(100)

    assert clock.sent == [(0.1, 100), (60.2, 100)]


def test_late_timers_do_not_slow_the_link_down() -> None:
    """A megabyte at 1000 kB/s takes a second though each timer is a millisecond late."""
    clock = Clock(made(Throttle, rate=1000), late=0.001)
    for _ in range(100):
        clock.feed(10_000)

    assert clock.sent[-1][0] == pytest.approx(1.0, abs=0.002)


def test_a_wait_that_was_called_off_leaves_no_debt() -> None:
    """When the engine lets go of what is held, the next bytes wait for themselves alone."""
    throttle = made(Throttle, rate=1)
    throttle.context.now = 100.0

    assert [type(action) for action in throttle.on_data(Frame(bytes(1000)))].count(Wait) == 10
    assert wait_for(throttle, 50) == pytest.approx(0.05)


def sharing(shared: dict[str, Any]) -> Throttle:
    """Make a throttle of 1 kB/s for one of several connections."""
    throttle: Throttle = made(Throttle, shared=shared)
    throttle.options = Throttle.Options(rate=1, shared=True)
    return throttle


def test_connections_share_the_rate_where_it_is_the_proxys() -> None:
    """With ``shared`` a second connection waits until the line is free of the first's bytes."""
    shared: dict[str, Any] = {}
    first, second = sharing(shared), sharing(shared)
    next(iter(first.on_data(Frame(bytes(100)))))

    assert wait_for(second, 100) == pytest.approx(0.2)


def test_connections_do_not_share_by_default() -> None:
    """Each connection has the rate for itself."""
    shared: dict[str, Any] = {}
    first, second = made(Throttle, shared=shared, rate=1), made(Throttle, shared=shared, rate=1)
    next(iter(first.on_data(Frame(bytes(100)))))

    assert wait_for(second, 100) == pytest.approx(0.1)


def test_rate_0_passes_nothing() -> None:
    """The bytes are kept until the rate changes."""
    assert asked(made(Throttle, rate=0).on_data(WHOLE)) == [Stall()]


def test_a_fast_link_hardly_waits() -> None:
    """At a gigabyte a second a small chunk waits for nanoseconds."""
    wait, sent = asked(made(Throttle, rate=1_000_000).on_data(WHOLE))

    assert isinstance(wait, Wait)
    assert wait.seconds < 1e-6
    assert sent == Send(DATA)


def test_what_waited_for_a_rate_leaves_at_once_as_far_as_one_read_goes() -> None:
    """From rate 0 to 1 the first 32 KiB go; what is behind them takes its time again."""
    throttle = made(Throttle, rate=0)
    assert asked(throttle.on_data(WHOLE)) == [Stall()]

    throttle.options = Throttle.Options(rate=1)
    first, wait, *_ = asked(throttle.on_data(Frame(bytes(32_768 + 50))))

    assert (first, type(wait)) == (Send(bytes(32_768)), Wait)
    assert wait_for(throttle, 100) > 0
