"""nginx: an HTTP server of files, with ``/`` saying hello."""

from __future__ import annotations

import http.client

from tests.servers.server import Server, program

CONFIGURATION = """\
daemon off;
master_process off;
pid {directory}/pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {host}:{port};
        root {directory}/www;
        location = / {{ return 200 "hello\\n"; }}
        {options}
    }}
}}
"""


class Nginx(Server):
    """An ``nginx`` that serves ``www/``; options are directives of its ``server`` block."""

    configuration = CONFIGURATION

    def prepare(self) -> None:
        self.www = self.directory / "www"
        self.www.mkdir()
        text = self.configuration.format(
            directory=self.directory,
            host=self.host,
            port=self.port,
            options="\n        ".join(self.options),
        )
        (self.directory / "nginx.conf").write_text(text)

    def command(self) -> list[str]:
        place = ["-p", str(self.directory), "-c", str(self.directory / "nginx.conf")]
        return [program("nginx"), *place, "-e", "stderr"]

    def ping(self) -> None:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
        finally:
            connection.close()
