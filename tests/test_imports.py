"""What a start loads: an import that is not needed is time that every user waits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator

from tests.tcp import free_port

HEAVY = {
    "asyncio", "click", "httptools", "importlib.metadata", "msgspec", "prometheus_client",
    "pydantic", "rich", "starlette", "textual", "tomlkit", "uvicorn", "uvloop",
}  # fmt: skip
NEVER_HEADLESS = {"importlib.metadata", "prometheus_client", "rich.console", "textual", "tomlkit"}


def loaded_by(code: str) -> set[str]:
    """Run ``code`` in a fresh interpreter and say which modules are loaded at its end."""
    program = f"import sys\n{code}\nprint(*sys.modules, sep=chr(10), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stderr.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    """``import chaostui`` is free until a name is used."""
    assert loaded_by("import chaostui") & HEAVY == set()


def test_public_names_load_on_use_and_are_all_there() -> None:
    """Each name of ``__all__`` is found, and an unknown one is an AttributeError."""
    loaded = loaded_by(
        "import chaostui\n"
        "for name in chaostui.__all__: getattr(chaostui, name)\n"
        "assert not hasattr(chaostui, 'nothing')\n"
        "assert dir(chaostui) == sorted(chaostui.__all__)\n"
    )

    assert {"chaostui.client", "chaostui.handler", "chaostui.actions"} <= loaded
    assert loaded & {"textual", "starlette", "uvicorn", "click"} == set()


def test_a_headless_start_loads_no_console() -> None:
    """A running engine with its API has loaded neither Textual nor what only some calls need."""
    port = free_port()
    start = ["--headless", "--listen", f"127.0.0.1:{port}", "--backend", "127.0.0.1:1"]
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "chaostui", *start, "--api", "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
    ) as engine:
        assert engine.stderr
        try:
            lines = list(iter_until(engine.stderr, " ready: "))
        finally:
            engine.terminate()
            engine.communicate(timeout=15)
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time")}

    assert {"chaostui.run", "uvloop"} <= loaded
    assert loaded & NEVER_HEADLESS == set()
    assert engine.returncode == 0


def iter_until(lines: Iterable[str], mark: str) -> Iterator[str]:
    """Give the lines up to the first that holds ``mark``; fail when there is none."""
    for line in lines:
        yield line
        if mark in line:
            return
    raise AssertionError(f"the program ended before {mark!r}")
