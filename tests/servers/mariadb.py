"""MariaDB, which stands in for MySQL: same protocol, older authentication."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.server import Server, program, template


class MariaDB(Server):
    """A ``mariadbd`` with user ``root``, no password; options are those of its command line."""

    def prepare(self) -> None:
        shutil.copytree(template(make_database), self.directory, dirs_exist_ok=True)

    def command(self) -> list[str]:
        place = [f"--bind-address={self.host}", f"--port={self.port}"]
        files = {"datadir": "data", "socket": "s.sock", "pid-file": "pid"}
        paths = [f"--{key}={self.directory / name}" for key, name in files.items()]
        cheap = [
            "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--performance-schema=OFF",
        ]  # fmt: skip
        return [
            program("mariadbd"), "--no-defaults", *_user(), *place, *paths,
            "--skip-name-resolve", *cheap, *self.options,
        ]  # fmt: skip

    def ping(self) -> None:
        import pymysql

        with pymysql.connect(
            host=self.host, port=self.port, user="root", connect_timeout=2, read_timeout=2
        ) as client:
            client.ping()


def _user() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def make_database(directory: Path) -> None:
    """Make an empty database in ``directory / "data"``."""
    command = [
        program("mariadb-install-db"), "--no-defaults", f"--datadir={directory / 'data'}", *_user(),
        "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
