"""Commands that make a first connection through a proxy: the protocol's own client."""

from __future__ import annotations

from chaostui.safe_text import safe_text

_COMMANDS = {
    "redis": "redis-cli -h {host} -p {port}",
    "http": "curl http://{listen}/",
    "mysql": "mysql -h {host} -P {port}",
    "postgres": "psql -h {host} -p {port}",
    "memcached": "memcstat --servers={listen}",
    "smtp": "swaks --server {listen}",
    "ldap": "ldapsearch -H ldap://{listen}",
}


def example(protocol: str, listen: str) -> str:
    """The command of a client that speaks ``protocol``; ``nc`` where none is known."""
    host, _, port = safe_text(listen).rpartition(":")
    bare = (host or "127.0.0.1").strip("[]")
    command = _COMMANDS.get(protocol, "nc {host} {port}")
    return command.format(host=bare, port=port, listen=f"{host or '127.0.0.1'}:{port}")
