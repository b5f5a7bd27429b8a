"""The article's example, as printed, on the ports it is printed with."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

EXAMPLE = (Path(__file__).parent / "article.txt").read_text()

SOMETHING = """\
            with self.assertRaises(OSError):
                urllib.request.urlopen('http://localhost:8000', timeout=5)
"""

NORMAL = """
        with urllib.request.urlopen('http://localhost:8000', timeout=5) as page:
            self.assertEqual(page.read(), b'hello')
        with client.with_handler('delay', sleep=0.2):
            before = time.monotonic()
            urllib.request.urlopen('http://localhost:8000', timeout=5).close()
            self.assertGreaterEqual(time.monotonic() - before, 0.2)
"""

RUN = """\
import fcntl, http.server, socket, struct, sys, threading

if sys.argv[1] == "alone":
    # A network namespace begins with its loopback down (SIOCSIFFLAGS, IFF_UP).
    with socket.socket() as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))

class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("localhost", 8888), Hello)
threading.Thread(target=server.serve_forever, daemon=True).start()
__import__("unittest").main("example", argv=["example"])
"""


def unshared() -> list[str] | None:
    """Find the command that gives a program a network of its own, where there is one."""
    unshare = shutil.which("unshare")
    for options in (["--net"], ["--map-root-user", "--net"]):
        if unshare:
            command = [unshare, *options]
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    return None


@pytest.mark.parametrize("completed", [False, True], ids=["as printed", "with something done"])
def test_the_article_s_example_passes(tmp_path: Path, completed: bool) -> None:
    """Its ports 8080, 8000 and 8888 are those of a network of its own, or taken in turn."""
    example = EXAMPLE
    if completed:
        example = "import time\nimport urllib.request\n" + example
        example = example.replace("            pass\n", SOMETHING) + NORMAL
    (tmp_path / "example.py").write_text(example)
    (tmp_path / "run.py").write_text(RUN)
    alone = unshared()
    command = [*(alone or []), sys.executable, str(tmp_path / "run.py"), "alone" if alone else ""]
    root = str(Path(__file__).parents[2])

    with (Path(tempfile.gettempdir()) / "chaostui-ports-8080-8000-8888").open("w") as lock:
        if not alone:
            fcntl.flock(lock, fcntl.LOCK_EX)
        run = subprocess.run(
            command,
            env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    assert run.returncode == 0, run.stderr
    assert "OK" in run.stderr
