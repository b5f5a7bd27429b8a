"""ldap3 before a directory in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ldap3
import pytest
from ldap3.core.exceptions import LDAPBusyResult

from chaostui.pytest_plugin import Proxies
from chaostui.testing import Chaos
from tests.real.kinds import Row
from tests.real.telling import check, every_kind, told
from tests.servers.openldap import OpenLDAP

Connect = Callable[[], ldap3.Connection]


@pytest.fixture
def proxy(openldap_server: OpenLDAP, chaos: Proxies) -> Chaos:
    """Put a proxy before OpenLDAP."""
    return chaos(openldap_server.address, "ldap")


@pytest.fixture
def connect(proxy: Chaos) -> Iterator[Connect]:
    """Make clients that are bound."""
    with ExitStack() as stack:

        def make() -> ldap3.Connection:
            client = ldap3.Connection(
                ldap3.Server(proxy.host, proxy.port, get_info=ldap3.NONE),
                OpenLDAP.admin,
                OpenLDAP.password,
                raise_exceptions=True,
                receive_timeout=5,
            )
            stack.callback(client.strategy.close)
            client.bind()
            return client

        yield make


def ask(client: ldap3.Connection) -> object:
    """Read the root entry."""
    client.search("", "(objectClass=*)", ldap3.BASE)
    return client.result["description"]


@every_kind("ldap", "ldap3")
def test_a_kind_is_what_ldap3_has_for_it(
    proxy: Chaos, connect: Connect, kind: str, row: Row
) -> None:
    """The client raises its named error, or tells the result that it takes for no error."""
    check(proxy, kind, row, connect, ask)


OPERATIONS: dict[str, Callable[[ldap3.Connection], object]] = {
    "bind": lambda client: client.rebind(OpenLDAP.admin, OpenLDAP.password),
    "add": lambda client: client.add("dc=test", ["dcObject", "organization"], {"o": "Test"}),
    "modify": lambda client: client.modify("dc=test", {"o": [(ldap3.MODIFY_REPLACE, ["T"])]}),
    "rename": lambda client: client.modify_dn("o=a,dc=test", "o=b"),
    "delete": lambda client: client.delete("dc=test"),
    "compare": lambda client: client.compare("dc=test", "o", "Test"),
    "extended": lambda client: client.extend.standard.who_am_i(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_is_answered_with_its_own_result(
    proxy: Chaos, connect: Connect, operation: str
) -> None:
    """The client takes only the result that belongs to what it asked."""
    client = connect()
    with proxy.fault("errors", kind="busy"), pytest.raises(LDAPBusyResult):
        OPERATIONS[operation](client)

    assert told(lambda: ask(client)) == "returns 'success'"
