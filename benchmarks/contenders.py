"""The proxies that are compared: how each is run, with the settings it comes with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.servers.server import Server, program

ROOT = Path(__file__).parent.parent


class Contender(Server):
    """A proxy process on a free port before the backend at ``backend_port``."""

    def __init__(self, backend_port: int, protocol: str = "tcp") -> None:
        super().__init__()
        self.backend_port = backend_port
        self.protocol = protocol
        """What the load speaks, for a proxy that reads it."""

    @property
    def memory(self) -> int:
        """Bytes of memory of its own (PSS), all its processes together."""
        assert self.process, "not started"
        group = [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdigit() and _group(int(path.name)) == self.process.pid
        ]
        return sum(map(_pss, group))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


class Python(Contender):
    """A proxy that runs in this interpreter."""

    def python(self, *words: str) -> list[str]:
        """Run a module of this repository, from wherever the server's directory is."""
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", *words]


class Chaostui(Python):
    """chaostui without a fault: statistics and events are on, as always."""

    def command(self) -> list[str]:
        place = ["--listen", self.address, "--backend", f"127.0.0.1:{self.backend_port}"]
        return self.python("chaostui", "--headless", "--api", "127.0.0.1:0", *place)


class Framed(Chaostui):
    """chaostui that finds each request and reply of the load's protocol, and no fault."""

    def command(self) -> list[str]:
        return [*super().command(), "--protocol", self.protocol]


class Pump(Python):
    """The bare uvloop pass-through: the ceiling of a proxy on one Python thread."""

    def command(self) -> list[str]:
        return self.python("benchmarks.bare_pump", str(self.port), str(self.backend_port))


class Gevent(Python):
    """A gevent pass-through in Vaurien's design."""

    def command(self) -> list[str]:
        return self.python("benchmarks.gevent_pump", str(self.port), str(self.backend_port))


class HAProxy(Contender):
    """HAProxy in tcp mode, with a thread per core, as it comes."""

    def prepare(self) -> None:
        (self.directory / "haproxy.cfg").write_text(f"""\
global
    maxconn 9000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen proxy
    bind {self.address} backlog 4096
    server backend 127.0.0.1:{self.backend_port}
""")

    def command(self) -> list[str]:
        return [program("haproxy"), "-db", "-f", str(self.directory / "haproxy.cfg")]


class NginxStream(Contender):
    """nginx's stream module, with a worker per core, as Debian sets it up."""

    def prepare(self) -> None:
        (self.directory / "nginx.conf").write_text(f"""\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes auto;
pid {self.directory}/pid;
error_log stderr;
events {{ worker_connections 8192; }}
stream {{
    server {{
        listen {self.address} backlog=4096;
        proxy_pass 127.0.0.1:{self.backend_port};
    }}
}}
""")

    def command(self) -> list[str]:
        configuration = str(self.directory / "nginx.conf")
        return [program("nginx"), "-p", str(self.directory), "-c", configuration, "-e", "stderr"]


class Socat(Contender):
    """socat, which forks a process for each connection."""

    def command(self) -> list[str]:
        listen = f"TCP-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay"
        return [program("socat"), listen, f"TCP:127.0.0.1:{self.backend_port},nodelay"]


CONTENDERS: dict[str, type[Contender] | None] = {
    "direct": None,
    "chaostui": Chaostui,
    "chaostui protocol": Framed,
    "pump": Pump,
    "haproxy": HAProxy,
    "nginx stream": NginxStream,
    "socat": Socat,
    "gevent pump": Gevent,
}
"""By the name in the tables; ``None`` is no proxy at all."""
