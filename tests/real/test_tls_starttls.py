"""smtplib and ldap3 through TLS that ends here, and where it is refused."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPBusyResult, LDAPException

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.certificates import client_context, files, terminating
from tests.conftest import running
from tests.servers.openldap import OpenLDAP
from tests.servers.server import Server
from tests.servers.smtp import SMTP

# ldap3 2.9 checks names with an old function of Python's.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning")


def test_smtplib_gets_tls_from_a_server_that_has_none(smtp_server: SMTP, chaos: Proxies) -> None:
    """The mail arrives; a fault may say that TLS does not work, or act inside of it."""
    proxy = chaos(smtp_server.address, "smtp", **terminating())
    with smtplib.SMTP("localhost", proxy.port, timeout=5) as client:
        client.ehlo()
        with (
            proxy.fault("errors", kind="454", max_hits=1),
            pytest.raises(smtplib.SMTPResponseException, match="454"),
        ):
            client.starttls(context=client_context())
        assert client.noop()[0] == 250
        with proxy.fault("delay", sleep=0.02, direction="both"):
            assert client.starttls(context=client_context())[0] == 220
        client.ehlo()
        assert "starttls" not in client.esmtp_features
        with (
            proxy.fault("errors", kind="451", max_hits=1),
            pytest.raises(smtplib.SMTPSenderRefused, match="451"),
        ):
            client.sendmail("in-tls@a", "b@c", "Subject: no")
        client.sendmail("in-tls@a", "b@c", "Subject: yes")
    mails = [m for m in smtp_server.messages if m["X-MailFrom"] == "in-tls@a"]
    assert [mail["Subject"] for mail in mails] == ["yes"]
    assert proxy.stats()[proxy.name].desyncs == 0


@pytest.mark.parametrize("mode", ["on", "verify"])
def test_smtplib_where_the_server_has_tls_too(
    smtp_with_tls: SMTP, chaos: Proxies, mode: str
) -> None:
    """The server, which takes no mail without TLS, takes this one."""
    ca = {"backend_tls_ca": files().ca} if mode == "verify" else {}
    proxy = chaos(smtp_with_tls.address, "smtp", **terminating(backend_tls=mode, **ca))
    with smtplib.SMTP("localhost", proxy.port, timeout=5) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("a@b", "c@d", "Subject: no")
        with proxy.fault("delay", sleep=0.02, direction="both"):
            client.starttls(context=client_context())
        with proxy.fault("errors", kind="452", max_hits=1):
            assert client.mail("a@b")[0] == 452
        assert client.sendmail("a@b", "c@d", "Subject: yes") == {}


def test_smtplib_where_tls_is_refused(smtp_with_tls: SMTP, chaos: Proxies) -> None:
    """The client says that it is not supported."""
    proxy = chaos(smtp_with_tls.address, "smtp", tls="refuse")
    with (
        smtplib.SMTP("localhost", proxy.port, timeout=5) as client,
        pytest.raises(smtplib.SMTPNotSupportedError),
    ):
        client.starttls(context=client_context())


@pytest.fixture(scope="module")
def smtp_with_tls() -> Iterator[Server]:
    """Run an SMTP server that insists on TLS."""
    yield from running(lambda: SMTP("--tlscert", files().cert, "--tlskey", files().key))


def ldap3_connect(proxy: Chaos, **more: Any) -> Any:
    """Connect, in plain text unless told otherwise; what is checked is checked by our CA."""
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=files().ca)
    server = ldap3.Server("localhost", proxy.port, tls=tls, get_info=ldap3.ALL, **more)
    return ldap3.Connection(
        server, "cn=admin,dc=test", "secret", receive_timeout=5, raise_exceptions=True
    )


@pytest.mark.parametrize("implicit", [False, True])
def test_ldap3_gets_tls_from_a_server_that_has_none(
    openldap_server: OpenLDAP, chaos: Proxies, implicit: bool
) -> None:
    """By StartTLS or from the first byte; errors inside of it are what they are outside."""
    proxy = chaos(openldap_server.address, "ldap", **terminating())
    client = ldap3_connect(proxy, use_ssl=implicit)
    client.open()
    if not implicit:
        with proxy.fault("errors", kind="busy", max_hits=1), pytest.raises(LDAPException):
            client.start_tls()
        with proxy.fault("delay", sleep=0.02, direction="both"):
            client.start_tls()
    client.bind()
    assert isinstance(client.socket, ssl.SSLSocket)
    assert client.extend.standard.who_am_i() == "dn:cn=admin,dc=test"
    with proxy.fault("errors", kind="busy", max_hits=1), pytest.raises(LDAPBusyResult):
        client.extend.standard.who_am_i()
    client.unbind()
    assert proxy.stats()[proxy.name].desyncs == 0


@pytest.mark.parametrize("mode", ["on", "verify"])
def test_ldap3_where_the_server_has_tls_too(
    openldap_with_tls: OpenLDAP, chaos: Proxies, mode: str
) -> None:
    """The server, which binds nobody without TLS, binds this one."""
    ca = {"backend_tls_ca": files().ca} if mode == "verify" else {}
    proxy = chaos(openldap_with_tls.address, "ldap", **terminating(backend_tls=mode, **ca))
    client = ldap3_connect(proxy)
    with pytest.raises(LDAPException, match="onfidentiality"):
        client.bind()
    client.start_tls()
    client.bind()
    assert client.extend.standard.who_am_i() == "dn:cn=admin,dc=test"
    client.unbind()


def test_ldap3_hears_that_the_server_has_none(openldap_server: OpenLDAP, chaos: Proxies) -> None:
    """It may go on in plain text."""
    proxy = chaos(openldap_server.address, "ldap", **terminating(backend_tls="on"))
    client = ldap3_connect(proxy)
    client.open()
    with pytest.raises(LDAPException):
        client.start_tls()
    client.bind()
    assert client.extend.standard.who_am_i() == "dn:cn=admin,dc=test"
    client.unbind()


def test_ldap3_where_tls_is_refused(openldap_with_tls: OpenLDAP, chaos: Proxies) -> None:
    """It is not offered, and not granted either."""
    proxy = chaos(openldap_with_tls.address, "ldap", tls="refuse")
    client = ldap3_connect(proxy)
    client.open()
    offered = [extension[0] for extension in client.server.info.supported_extensions]
    assert "1.3.6.1.4.1.4203.1.11.3" in offered
    assert "1.3.6.1.4.1.1466.20037" not in offered
    with pytest.raises(LDAPException):
        client.start_tls()
    client.unbind()


@pytest.fixture(scope="module")
def openldap_with_tls() -> Iterator[Server]:
    """Run an OpenLDAP that insists on TLS."""
    yield from running(SecureOpenLDAP)


class SecureOpenLDAP(OpenLDAP):
    """A ``slapd`` with a certificate, which binds nobody without TLS."""

    def prepare(self) -> None:
        super().prepare()
        configuration = self.directory / "slapd.conf"
        # What is said of all databases stands before the first.
        lines = (
            f"TLSCertificateFile {files().cert}",
            f"TLSCertificateKeyFile {files().key}",
            "security simple_bind=56",
            configuration.read_text(),
        )
        configuration.write_text("\n".join(lines))

    def ping(self) -> None:
        tls = ldap3.Tls(validate=ssl.CERT_NONE)
        server = ldap3.Server(self.host, self.port, tls=tls, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, self.admin, self.password, receive_timeout=2)
        connection.open()
        connection.start_tls()
        assert connection.bind()
        connection.unbind()
