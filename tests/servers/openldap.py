"""OpenLDAP with one empty database."""

from __future__ import annotations

from tests.servers.server import Server, program

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/pid
database mdb
suffix "dc=test"
rootdn "cn=admin,dc=test"
rootpw secret
directory {directory}/db
"""


class OpenLDAP(Server):
    """A ``slapd`` for ``dc=test``; options are lines added to its configuration."""

    admin = "cn=admin,dc=test"
    password = "secret"

    def prepare(self) -> None:
        (self.directory / "db").mkdir()
        lines = [CONFIGURATION.format(directory=self.directory), *self.options]
        (self.directory / "slapd.conf").write_text("\n".join(lines))

    def command(self) -> list[str]:
        configuration = str(self.directory / "slapd.conf")
        return [program("slapd"), "-f", configuration, "-h", f"ldap://{self.address}/", "-d", "0"]

    def ping(self) -> None:
        import ldap3

        server = ldap3.Server(self.host, self.port, connect_timeout=2, get_info=ldap3.NONE)
        with ldap3.Connection(server, self.admin, self.password, receive_timeout=2) as connection:
            assert connection.bound
