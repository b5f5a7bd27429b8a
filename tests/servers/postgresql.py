"""PostgreSQL, which refuses to run as root and so runs as its own user there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.servers.server import Server, as_user, program, template


class PostgreSQL(Server):
    """A ``postgres`` with superuser ``postgres``, no password; options as ``-c name=value``."""

    user = "postgres"
    stop_signal = signal.SIGINT

    def prepare(self) -> None:
        # cp keeps the owner, as shutil does not.
        subprocess.run(["cp", "-a", f"{template(make_cluster)}/.", self.directory], check=True)

    def with_key(self, file: str, name: str) -> None:
        """Copy a file into the data directory, where only the server may read it."""
        copy = self.directory / "data" / name
        shutil.copyfile(file, copy)
        copy.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(copy, self.user, self.user)

    def command(self) -> list[str]:
        place = ["-h", self.host, "-p", str(self.port), "-k", str(self.directory)]
        settings = [
            "fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=8MB",
            # Shared memory lies in the data directory, so that a killed server leaves none behind.
            "dynamic_shared_memory_type=mmap",
            *self.options,
        ]  # fmt: skip
        values = [word for setting in settings for word in ("-c", setting)]
        return [program("postgres"), "-D", str(self.directory / "data"), *place, *values]

    def ping(self) -> None:
        import psycopg

        psycopg.connect(self.dsn, connect_timeout=2).close()

    @property
    def dsn(self) -> str:
        """How to connect to it directly."""
        return f"host={self.host} port={self.port} user=postgres dbname=postgres"


def make_cluster(directory: Path) -> None:
    """Make an empty cluster in ``directory / "data"``, all of it the server's user's."""
    if os.geteuid() == 0:
        shutil.chown(directory, PostgreSQL.user, PostgreSQL.user)
    initdb = [
        program("initdb"), "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync",
        "--no-instructions", "-E", "UTF8", "--locale=C",
    ]  # fmt: skip
    command = as_user(PostgreSQL.user, initdb)
    subprocess.run(command, check=True, capture_output=True, cwd=directory)
