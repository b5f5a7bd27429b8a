"""The fixture ``chaos`` and the option ``--chaos-seed``: an engine in the test's process::

    def test_survives_a_slow_cache(chaos):
        cache = chaos("127.0.0.1:6379", protocol="redis")
        app = make_app(cache.host, cache.port)

        with cache.fault("delay", sleep=0.2):
            assert app.get("/").status == 200

The seed of all decisions is in the report's header and with each failure. Nothing of the
engine is loaded before a test uses the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from chaostui.testing import Backend, Chaos

OPTION = "--chaos-seed"


class Proxies:
    """Makes proxies for one test, all in one engine that ends with it."""

    def __init__(self, seed: int, stack: ExitStack) -> None:
        self.seed = seed
        self.engine: Chaos | None = None
        """Drives all of them; None until the first is made."""
        self._stack = stack
        self._seen: list[str] | None = None
        """What its proxies did, once the engine has ended."""

    def __call__(self, backend: Backend, protocol: str = "tcp", **settings: Any) -> Chaos:
        """Put a proxy before ``backend`` and return what drives it.

        The backend is ``host:port``, ``unix:/path``, a port on 127.0.0.1, or an address as
        sockets have it. ``settings`` are keys of a profile's ``[[proxy]]``: ``behavior``,
        ``draw``, ``chain``, … The application connects to ``host`` and ``port``, or
        ``address``, of what is returned.
        """
        if self.engine is None:
            from chaostui.testing import engine

            self.engine = self._stack.enter_context(engine(seed=self.seed))
        return self.engine.add(backend, protocol, **settings)

    def account(self) -> str:
        """What a failed test is told: how to repeat it, and what its proxies did."""
        lines = self._seen if self._seen is not None else self._look()
        return "\n".join([f"seed {self.seed}, again with {OPTION}={self.seed}", *lines])

    def _look(self) -> list[str]:
        if self.engine is None:
            return []
        from chaostui.testing.proof import seen

        return [seen(proxy) for proxy in self.engine.proxies()]

    def end(self) -> None:
        """Keep what is told of them: the engine ends now, and a later teardown may fail."""
        self._seen = self._look()


_USED = pytest.StashKey[Proxies]()


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> Generator[Proxies]:
    """Make chaos proxies: ``chaos("127.0.0.1:6379", protocol="redis")``."""
    with ExitStack() as stack:
        made = Proxies(request.config.getoption(OPTION), stack)
        request.node.stash[_USED] = made
        yield made
        made.end()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("chaostui")
    group.addoption(
        OPTION,
        type=int,
        default=None,
        metavar="NUMBER",
        help="seed of chaostui's decisions: the same seed makes the same ones (default: random)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Draw a seed where none was given; a worker of xdist takes its controller's."""
    if config.getoption(OPTION) is None:
        told = getattr(config, "workerinput", {}).get(OPTION)
        config.option.chaos_seed = int.from_bytes(os.urandom(4)) if told is None else told


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist the seed."""
    node.workerinput[OPTION] = node.config.getoption(OPTION)


def pytest_report_header(config: pytest.Config) -> str:
    """Say the seed."""
    return f"chaostui: {OPTION}={config.getoption(OPTION)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a failed test's reader the seed and what its proxies did."""
    report = yield
    used = item.stash.get(_USED, None)
    if report.failed and used is not None:
        report.sections.append(("chaostui", used.account()))
    return report
