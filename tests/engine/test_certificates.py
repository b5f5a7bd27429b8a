"""What is wrong with the settings of TLS is told before anything changes."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest

from chaostui import registry
from chaostui.engine.control.supervisor import Supervisor
from chaostui.engine.tls.certificates import contexts, words
from chaostui.errors import SettingsError
from chaostui.settings import Address, Profile
from tests.certificates import files, server_context, terminating
from tests.engine.rig import make, proxied

PROTOCOLS = registry.builtin().protocols
OURS, THEIRS = files(), files("theirs")


@pytest.mark.parametrize("protocol", ["tcp", "http", "redis", "memcached"])
def test_only_what_is_asked_for_can_be_refused(protocol: str) -> None:
    """Where TLS begins with the first byte, nobody asks."""
    settings = make(tls="refuse", protocol=protocol)
    with pytest.raises(SettingsError, match=f"tls: {protocol} cannot refuse TLS"):
        contexts(settings, PROTOCOLS[protocol])


@pytest.mark.parametrize("protocol", ["postgres", "mysql", "smtp", "ldap"])
def test_these_ask(protocol: str) -> None:
    """Refusing needs no certificate."""
    assert contexts(make(tls="refuse", protocol=protocol), PROTOCOLS[protocol]) is None


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (
            {"tls": "terminate", "tls_key": OURS.key},
            "tls_key: is the key of a certificate: say that in tls_cert",
        ),
        ({"backend_tls": "on"}, 'backend_tls: is for tls = "terminate" only'),
        (terminating(tls_cert="/gone.pem"), "tls_cert: /gone.pem: no such file or directory"),
        (terminating(tls_cert="/dev/zero"), "tls_cert: /dev/zero: is not a file"),
        (terminating(tls_cert="a\0b"), "tls_cert: a.x00b: embedded null"),
        (terminating(tls_cert=OURS.key), "tls_cert: .*key.pem: there is no certificate in PEM"),
        (terminating(tls_cert=OURS.cert), "tls_cert: .*: there is no private key in PEM in it"),
        (terminating(tls_key=OURS.cert), "tls_key: .*: there is no private key in PEM in it"),
        (terminating(tls_key=THEIRS.key), "tls_key: .*: is not the key of the certificate in "),
        (
            terminating(backend_tls="on", backend_tls_ca=OURS.ca),
            'backend_tls_ca: is for backend_tls = "verify" only',
        ),
        (
            terminating(backend_tls_cert=OURS.both),
            'backend_tls_cert: is for backend_tls = "on" and "verify" only',
        ),
        (
            terminating(backend_tls="on", backend_tls_key=OURS.key),
            "backend_tls_key: is the key of a certificate: say that in backend_tls_cert",
        ),
        (
            terminating(backend_tls="on", backend_tls_cert=OURS.cert),
            "backend_tls_cert: .*: there is no private key in PEM in it",
        ),
        (
            terminating(backend_tls="on", backend_tls_cert=OURS.cert, backend_tls_key=THEIRS.key),
            "backend_tls_key: .*: is not the key of the certificate in ",
        ),
        (
            terminating(backend_tls="verify", backend_tls_ca=OURS.key),
            "backend_tls_ca: .*: there is no certificate",
        ),
    ],
)
def test_settings_that_cannot_be_used_say_why(settings: dict[str, str], wrong: str) -> None:
    """One line names the setting and what is wrong with it."""
    with pytest.raises(SettingsError, match=wrong) as caught:
        contexts(make(**settings), PROTOCOLS["http"])

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["CERTIFICATE", "PRIVATE KEY"])
def test_files_that_only_look_like_pem(tmp_path: Path, kind: str) -> None:
    """What OpenSSL says is told in words."""
    file = tmp_path / "broken.pem"
    text = Path(OURS.both).read_text()
    file.write_text(re.sub(rf"(BEGIN [A-Z ]*{kind}-----\n)", r"\1????", text))
    with pytest.raises(SettingsError, match=r"tls_cert: .*broken\.pem: cannot be used: \w+"):
        contexts(make(**terminating(tls_cert=str(file))), PROTOCOLS["tcp"])


def test_an_encrypted_key_asks_nobody(tmp_path: Path) -> None:
    """A password would be asked for at the terminal."""
    file = tmp_path / "locked.pem"
    file.write_text(ENCRYPTED)
    with pytest.raises(SettingsError, match=r"tls_key: .*: cannot be used: the key is encrypted"):
        contexts(make(**terminating(tls_key=str(file))), PROTOCOLS["tcp"])


def test_what_is_right_makes_contexts() -> None:
    """The backend's name is asked for, and checked if that is wanted."""
    http = PROTOCOLS["http"]
    plain = contexts(make(**terminating()), http)
    assert plain is not None
    assert plain.backend is None
    settings = make(**terminating(backend_tls="on"), backend=Address("localhost", 1))
    loose = contexts(settings, http)
    assert loose is not None
    assert loose.backend is not None
    assert (loose.name, loose.backend.usual.verify_mode) == ("localhost", ssl.CERT_NONE)
    strict = contexts(make(**terminating(backend_tls="verify", backend_tls_ca=OURS.ca)), http)
    assert strict is not None
    assert strict.backend is not None
    assert strict.backend.usual.check_hostname
    path = make(**terminating(backend_tls="verify"), backend=Address("", 0, "/run/x"))
    unnamed = contexts(path, http)
    assert unnamed is not None
    assert unnamed.name is None


def test_a_backend_without_a_name_for_tls_is_refused() -> None:
    """Python would say so at the first connection only."""
    settings = make(**terminating(backend_tls="on"), backend=Address("a..b", 1))
    with pytest.raises(SettingsError, match=r"backend: a\.\.b is no name that TLS can ask for"):
        contexts(settings, PROTOCOLS["tcp"])


async def test_a_change_that_cannot_be_leaves_everything() -> None:
    """The proxy goes on with the certificate it has; views show the settings in force."""
    async with proxied(**terminating()) as rig:
        for changes in ({"tls_cert": "/gone"}, {"tls_key": THEIRS.key}, {"tls": "refuse"}):
            with pytest.raises(SettingsError):
                await rig.supervisor.update_proxy("a", {"enabled": False, **changes}, "test")
        view = rig.supervisor.proxy("a")
        assert (view.tls, view.tls_cert, view.tls_key) == ("terminate", OURS.both, "")
        assert view.enabled
        with pytest.raises(SettingsError):
            await rig.add("b", tls="terminate", tls_cert="/gone")
        assert len(rig.supervisor.proxies()) == 1


async def test_an_engine_with_a_wrong_certificate_does_not_start() -> None:
    """Nothing is bound."""
    supervisor = Supervisor(registry.builtin())
    profile = Profile(proxy=(make(), make(name="b", **terminating(tls_cert="/gone"))))
    with pytest.raises(SettingsError, match="tls_cert: /gone"):
        await supervisor.start(profile)
    assert supervisor.proxies() == ()


def test_errors_of_openssl_are_words() -> None:
    """No code, no brackets, no file of C."""
    client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError) as caught:
        server_context().wrap_bio(client, server, server_side=True).do_handshake()

    assert words(caught.value) == "http request"
    assert words(OSError(5, "no\x1b[2J")) == "no\\x1b[2J"


ENCRYPTED = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj4RrWKf8V3YAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBpGRh36IDnKTvAt2Ht1LF8EgZDm
geTqIVKUIZ0zmbx6wDn6hF30+UgAMhXICOlqYbUCTqj0dxzOI2S/PaAL8yoD1pYS
ONFcE4K4Y6McmcMNcwZ18RSy3BAeG5RTgmyAaY0gqziOVmuIokLTrDzqY7dr5j55
iEagb5UcUW7y8rS15hA2ySSHb6oVR90UVoOpUelZ7tm2CHgS5TSWHqkbu6Geyzg=
-----END ENCRYPTED PRIVATE KEY-----
"""
