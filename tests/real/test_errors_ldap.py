"""ldap3 before a directory in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ldap3
import pytest
from ldap3.core.exceptions import LDAPBusyResult

from chaostui.events import Exchanged
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


SLOW = (
    "moduleload retcode",
    "overlay retcode",
    'retcode-parent "ou=codes,dc=test"',
    "retcode-item cn=slow 0 op=search sleeptime=1",
    "retcode-item cn=fast 0 op=search",
)
"""Entries of OpenLDAP's own for tests, one of which takes a second to be found."""


@pytest.fixture(scope="module")
def slow_server() -> Iterator[OpenLDAP]:
    """An OpenLDAP that answers a later search first."""
    with OpenLDAP(*SLOW) as server:
        yield server


def both(proxy: Chaos) -> list[str]:
    """Search for the slow one and the fast one at once; what each gets."""
    server = ldap3.Server(proxy.host, proxy.port, get_info=ldap3.NONE)
    # With a receive_timeout the thread of ldap3 2.9 spins for ever on a socket that is closed.
    with ldap3.Connection(server, client_strategy=ldap3.ASYNC) as client:
        asked = [
            client.search(f"cn={name},ou=codes,dc=test", "(objectClass=*)", ldap3.BASE)
            for name in ("slow", "fast")
        ]
        return [client.get_response(number, timeout=5)[1]["description"] for number in asked]


def searches(proxy: Chaos) -> list[tuple[str, bool]]:
    """The searches that ended, in that order, and whether each took a second."""
    ended = [event for event in proxy.recent_events() if isinstance(event, Exchanged)]
    found = [event for event in ended if event.request.startswith("SEARCH")]
    return [(event.request.split("=")[1].split(",")[0], event.seconds >= 0.9) for event in found]


def test_a_reply_that_overtakes_another_is_told_as_its_own(
    slow_server: OpenLDAP, chaos: Proxies
) -> None:
    """The server answers the second search first: the latencies are those of the right ones."""
    proxy = chaos(slow_server.address, "ldap")
    with proxy.fault("delay", sleep=0.001):
        assert both(proxy) == ["success", "success"]

    assert searches(proxy) == [("fast", False), ("slow", True)]


@pytest.mark.parametrize(
    ("hit", "told"),
    [("slow", ["busy", "success"]), ("fast", ["success", "busy"])],
)
def test_an_error_answers_its_own_search(
    slow_server: OpenLDAP, chaos: Proxies, hit: str, told: list[str]
) -> None:
    """Of two searches at once the matching one fails, the other is answered by the server."""
    proxy = chaos(slow_server.address, "ldap")
    with proxy.fault("errors", kind="busy", match={"key": f"cn={hit},*"}):
        assert both(proxy) == told


def test_a_delay_holds_the_reply_that_it_hits(slow_server: OpenLDAP, chaos: Proxies) -> None:
    """Only the fast search's reply is late, by the delay of its own."""
    proxy = chaos(slow_server.address, "ldap")
    with proxy.fault("delay", sleep=0.2, at="reply", match={"key": "cn=fast,*"}):
        assert both(proxy) == ["success", "success"]

    assert proxy.hits() == 1
    assert searches(proxy)[0] == ("fast", False)


def test_a_client_that_fails_to_bind_anew_is_nobody(proxy: Chaos, connect: Connect) -> None:
    """As RFC 4511 says of a bind that fails: the server does not take it for who it was."""
    client = connect()
    assert client.extend.standard.who_am_i() == f"dn:{OpenLDAP.admin}"
    with proxy.fault("errors", kind="busy"), pytest.raises(LDAPBusyResult):
        client.rebind(OpenLDAP.admin, OpenLDAP.password)

    assert not client.extend.standard.who_am_i()
    client.rebind(OpenLDAP.admin, OpenLDAP.password)
    assert client.extend.standard.who_am_i() == f"dn:{OpenLDAP.admin}"
    assert proxy.stats()[proxy.name].desyncs == 0
