"""Where an engine itself listens is known in every spelling, until it is given up."""

from __future__ import annotations

import pytest

from chaostui.engine.net.addresses import OwnAddresses


@pytest.mark.parametrize(
    ("listening", "ip", "own"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.2", True),
        ("0.0.0.0", "192.0.2.1", False),
        ("::1", "::", True),
        ("::1", "127.0.0.1", False),
    ],
)
def test_a_connection_is_known_to_come_back(listening: str, ip: str, own: bool) -> None:
    """A wildcard has every address of this machine, and none of others."""
    mine = OwnAddresses()
    mine.add([(listening, 80)])

    assert mine.reaches(ip, 80) is own
    assert not mine.reaches(ip, 81)


def test_an_address_that_is_bound_twice_is_given_up_twice() -> None:
    """Two listeners may share one for a moment, while one takes over."""
    mine = OwnAddresses()
    mine.add([("127.0.0.1", 80)])
    mine.add([("127.0.0.1", 80)])
    mine.remove([("127.0.0.1", 80)])

    assert mine.reaches("127.0.0.1", 80)
    mine.remove([("127.0.0.1", 80)])
    assert not mine.reaches("127.0.0.1", 80)
