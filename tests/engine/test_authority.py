"""Certificates that are made where the user has none."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys

import pytest

from chaostui.engine.tls.authority import Authority, authority, names
from chaostui.events import Warned
from tests.certificates import files, server_context, terminating
from tests.engine.rig import Rig, proxied
from tests.tls import TlsPeer
from tests.wait import eventually


def trusting() -> ssl.SSLContext:
    """A client that checks as strictly as it can, and trusts nobody but the run's authority."""
    context = ssl.create_default_context(cadata=authority().pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


async def shake(rig: Rig, name: str | None, context: ssl.SSLContext | None = None) -> TlsPeer:
    """Connect, asking for ``name``."""
    raw = await rig.connect()
    made = TlsPeer(raw, context or trusting(), name)
    await made.shake()
    return made


async def test_tls_ends_here_without_a_certificate_of_the_users() -> None:
    """Who trusts the run's authority is served under every name of this machine's own."""
    async with proxied(tls="terminate") as rig:
        for name in ("localhost", "127.0.0.1", "::1"):
            client = await shake(rig, name)
            server = await rig.backend.accept()
            await client.send(b"ping")
            assert await server.receive() == b"ping"


@pytest.mark.parametrize("name", ["db.example", "xn--bcher-kva.example", "a" * 63 + ".example"])
async def test_whatever_name_a_client_asks_for(name: str) -> None:
    """So names that a test has bent to the proxy are good ones."""
    async with proxied(tls="terminate") as rig:
        for _ in range(2):
            client = await shake(rig, name)
            assert isinstance(client.ssl, ssl.SSLObject)
            assert client.ssl.getpeercert()["subjectAltName"] == (("DNS", name),)  # type: ignore[index]


async def test_more_names_than_are_kept() -> None:
    """A client that asks for ever new ones gets each, and nothing grows."""
    async with proxied(tls="terminate") as rig:
        for number in range(70):
            await shake(rig, f"host{number}.example")


async def test_the_backends_name_is_good_without_asking() -> None:
    """Clients that send no name but check one."""
    async with proxied(tls="terminate") as rig:
        context = trusting()
        context.check_hostname = False
        client = await shake(rig, None, context)
        assert ("IP Address", "127.0.0.1") in client.ssl.getpeercert()["subjectAltName"]  # type: ignore[index]


async def test_nobody_else_is_trusted_by_it() -> None:
    """A client that does not know the authority refuses."""
    async with proxied(tls="terminate") as rig:
        with pytest.raises(ssl.SSLCertVerificationError):
            await shake(rig, "localhost", ssl.create_default_context())


def test_one_authority_lives_as_long_as_the_process() -> None:
    """Whoever asks gets the same; another run has another, with other keys."""
    assert authority() is authority()
    assert Authority().pem != authority().pem
    assert "PRIVATE" not in authority().pem


def test_a_name_s_certificate_is_made_once() -> None:
    """The same again for the same names."""
    made = Authority()
    assert made.issue(("localhost",)) is made.issue(("localhost",))
    with pytest.raises(ValueError, match=r"\w"):
        made.issue(("bücher.example",))


@pytest.mark.parametrize(
    ("hosts", "more"),
    [
        (("db.example", "10.0.0.1"), ("db.example", "10.0.0.1")),
        (("0.0.0.0", "::", "", "*"), ()),
        (("localhost", "fe80::1%eth0", "bücher"), ()),
    ],
)
def test_what_a_proxy_is_called(hosts: tuple[str, ...], more: tuple[str, ...]) -> None:
    """This machine's own names, and those of backend and listener that name one."""
    assert names(hosts) == ("localhost", "127.0.0.1", "::1", *more)


def wanting() -> ssl.SSLContext:
    """A server that wants certificates of its clients."""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files().ca)
    return context


async def test_a_backend_that_wants_a_clients_certificate_is_named() -> None:
    """Why it has failed, and what to do; the client's own cannot be passed on."""
    async with proxied(**terminating(backend_tls="on")) as rig:
        raw, behind = await rig.pair()
        client = await TlsPeer.client(raw)
        with pytest.raises(ssl.SSLError):
            await TlsPeer.server(behind, wanting())
        await eventually(lambda: rig.events(Warned))
        assert "certificate is wanted, which must be named in backend_tls_cert" in (
            rig.events(Warned)[0].message
        )
        del client


async def test_a_backend_that_wants_a_clients_certificate_is_shown_ours() -> None:
    """The client's own stays with it, as its key does."""
    shown = terminating(backend_tls="on", backend_tls_cert=files().both)
    async with proxied(**shown) as rig:
        raw, behind = await rig.pair()
        server, client = await asyncio.gather(
            TlsPeer.server(behind, wanting()), TlsPeer.client(raw)
        )
        await client.send(b"ping")
        assert await server.receive() == b"ping"


TICKING = """
import asyncio
from chaostui.engine.tls.authority import authority, prepare

async def main():
    ticks = 0
    making = asyncio.create_task(prepare("terminate", ""))
    while not making.done():
        ticks += 1
        await asyncio.sleep(0.001)
    await prepare("terminate", "")
    authority()
    print(ticks)

asyncio.run(main())
"""


def test_it_is_made_aside_while_traffic_goes_on() -> None:
    """In a process that has none yet, the loop goes round while it is made."""
    done = subprocess.run(
        [sys.executable, "-c", TICKING], capture_output=True, text=True, timeout=30, check=True
    )
    assert int(done.stdout) > 3


@pytest.mark.parametrize(("tls", "certificate"), [("passthrough", ""), ("terminate", "a.pem")])
def test_it_is_not_made_for_nothing(tls: str, certificate: str) -> None:
    """Nothing is imported where TLS passes, or a certificate is named."""
    script = "import asyncio, sys; from chaostui.engine.tls.authority import prepare;"
    script += f"asyncio.run(prepare({tls!r}, {certificate!r})); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert "cryptography" not in done.stdout.split()
