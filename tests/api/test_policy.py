"""Addresses that are refused over HTTP."""

from __future__ import annotations

import pytest

from chaostui.api.policy import check
from chaostui.errors import NotAllowed
from chaostui.settings import Address, ControlSettings

OWN = (Address("localhost", 8080), Address("", 0, "/run/chaostui.sock"))


@pytest.mark.parametrize(
    "backend",
    ["169.254.169.254:80", "169.254.0.1:1", "[fe80::1]:80", "[fe80::1%eth0]:80",
     "[::ffff:169.254.169.254]:80"],
)  # fmt: skip
def test_link_local_backends_need_a_word_at_the_start(backend: str) -> None:
    """What clouds keep at link-local addresses is not for a proxy that an API call made."""
    address = Address.parse(backend)

    with pytest.raises(NotAllowed, match="--allow-upstream"):
        check(ControlSettings(), OWN, backend=address)
    check(ControlSettings(allow_upstream=True), OWN, backend=address)


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "example.com:80"])
def test_listeners_for_other_hosts_need_a_word_at_the_start(listen: str) -> None:
    """A port that other hosts reach is opened by the owner alone."""
    address = Address.parse(listen)

    with pytest.raises(NotAllowed, match="--allow-remote-listen"):
        check(ControlSettings(), OWN, listen=address)
    check(ControlSettings(allow_remote_listen=True), OWN, listen=address)


@pytest.mark.parametrize(
    "backend", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "unix:/run/chaostui.sock"]
)
def test_the_control_api_is_no_backend(backend: str) -> None:
    """The API cannot be reached through a proxy, however its address is spelled."""
    with pytest.raises(NotAllowed, match="control API"):
        check(ControlSettings(), OWN, backend=Address.parse(backend))


@pytest.mark.parametrize("backend", ["127.0.0.1:8081", "10.0.0.1:8080", "unix:/run/other.sock"])
def test_other_backends_are_fine(backend: str) -> None:
    """Everything else may be proxied, on loopback listeners."""
    check(ControlSettings(), OWN, listen=Address("::1", 0), backend=Address.parse(backend))
