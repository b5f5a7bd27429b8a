"""The engine in a thread of the test process, as a test's author uses it."""

from __future__ import annotations

import inspect
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chaostui import Client
from chaostui.actions import Reply
from chaostui.errors import CannotListen, EngineUnreachable, Halted, NotFound, SettingsError
from chaostui.events import Injected
from chaostui.handler import Handler
from chaostui.protocol import Frame
from chaostui.testing import Backend, Chaos, NeverHit, engine, proxy
from tests.api.engine import Echo
from tests.wait import until

PATIENCE = 5.0


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    """Run a backend that answers what it is sent."""
    with Echo() as server:
        yield server.address


@pytest.fixture
def chaos(backend: str) -> Iterator[Chaos]:
    """Run an engine with one proxy before the backend."""
    with engine(proxy(backend, name="echo"), seed=1) as started:
        yield started


@contextmanager
def client_of(chaos: Chaos) -> Iterator[socket.socket]:
    """Connect to a proxy."""
    with socket.create_connection((chaos.host, chaos.port), timeout=PATIENCE) as sock:
        yield sock


def ask(sock: socket.socket, data: bytes = b"hello") -> bytes:
    """Send something and return what comes back; empty when the connection was closed."""
    sock.sendall(data)
    return sock.recv(65536)


def answered(chaos: Chaos) -> bool:
    """Whether a new client is answered."""
    with client_of(chaos) as sock:
        try:
            return ask(sock) == b"hello"
        except ConnectionError:
            return False


def running() -> bool:
    """Whether the thread of an engine is there."""
    return "chaostui" in [thread.name for thread in threading.enumerate()]


# -- life -------------------------------------------------------------------------------------


def test_up_in_ten_milliseconds_gone_in_fifty(backend: str) -> None:
    """An engine is there in less than 10 ms and gone in less than 50 (medians of 20)."""
    up, down = [], []
    for _ in range(20):
        block = engine(proxy(backend))
        began = time.perf_counter()
        started = block.__enter__()
        up.append(time.perf_counter() - began)
        with client_of(started) as sock:
            assert ask(sock) == b"hello"
            began = time.perf_counter()
            block.__exit__(None, None, None)
            down.append(time.perf_counter() - began)

    assert statistics.median(up) < 0.010
    assert statistics.median(down) < 0.050


def test_nothing_is_left(backend: str) -> None:
    """After the block there is no thread, no listener, and live connections are cut."""
    with engine(proxy(backend)) as chaos:
        address = (chaos.host, chaos.port)
        sock = socket.create_connection(address, timeout=PATIENCE)
        assert ask(sock) == b"hello"
        assert running()

    with sock, pytest.raises(ConnectionResetError):
        sock.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    assert not running()


def test_an_engine_that_has_ended_says_so(backend: str) -> None:
    """A call after the block is EngineUnreachable at once."""
    with engine(proxy(backend)) as chaos:
        pass

    with pytest.raises(EngineUnreachable, match="has ended"):
        chaos.set_handler("delay")


def test_what_is_wrong_is_raised_where_it_was_written(backend: str) -> None:
    """A wrong setting is SettingsError, a taken port CannotListen; no thread stays."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotListen, match=listen), engine(proxy(backend, listen=listen)):
            pass
    with pytest.raises(SettingsError, match=r"did you mean .*redis"), engine(proxy(9, "reddis")):
        pass
    with pytest.raises(SettingsError, match="sleep"), engine(options={"delay": {"sleep": -1}}):
        pass

    assert not running()


@pytest.mark.parametrize("of", [str, tuple, int])
def test_a_backend_is_written_as_it_is_at_hand(backend: str, of: type) -> None:
    """``host:port``, the address of a socket, or a port of this machine."""
    host, _, port = backend.rpartition(":")
    written: dict[type, Backend] = {str: backend, tuple: (host, int(port)), int: int(port)}

    with engine(proxy(written[of])) as chaos:
        assert chaos.proxy().backend == backend
        assert answered(chaos)


# -- faults and their proof -------------------------------------------------------------------


def test_a_handler_is_in_force_within_its_block(chaos: Chaos) -> None:
    """On the connection that is there: normal, late within the block, normal again."""
    with client_of(chaos) as sock:
        assert ask(sock) == b"hello"
        with chaos.with_handler("delay", sleep=0.1):
            began = time.monotonic()
            assert ask(sock) == b"hello"
            assert time.monotonic() - began >= 0.1
            assert chaos.get_handler() == "delay"
        assert ask(sock) == b"hello"

    assert (chaos.get_handler(), chaos.hits("delay")) == ("normal", 1)


def test_blocks_nest_and_end_in_any_order(chaos: Chaos) -> None:
    """Each block takes away its own fault alone."""
    outer, inner = chaos.with_handler("blackout"), chaos.with_handler("delay", sleep=0.01)
    outer.__enter__()
    inner.__enter__()

    assert chaos.get_handler() == "delay"
    outer.__exit__(None, None, None)
    assert chaos.get_handler() == "delay"
    inner.__exit__(None, None, None)
    assert chaos.get_handler() == "normal"


def test_a_handler_that_is_set_stays(chaos: Chaos) -> None:
    """``set_handler`` is in force until the next one, in either of Vaurien's words."""
    chaos.set_handler("error")
    assert (chaos.get_handler(), answered(chaos)) == ("errors", False)
    chaos.set_handler("delay", sleep=0.01, before=False)
    assert chaos.handler("delay").options["direction"] == "downstream"
    chaos.set_handler("dummy")
    assert (chaos.get_handler(), answered(chaos)) == ("normal", True)


def test_a_fault_that_hit_is_counted(chaos: Chaos) -> None:
    """A block knows the hits since it began; the engine knows all."""
    chaos.set_handler("errors")
    assert not answered(chaos)
    with chaos.fault("errors") as fault:
        assert fault.hits == 0
        assert not answered(chaos)
        assert not answered(chaos)
        assert fault.hits == 2
        assert repr(fault) == "<Fault errors 2 hits>"

    assert (chaos.hits("errors"), chaos.hits("error"), chaos.hits("delay"), chaos.hits()) == (
        3, 3, 0, 3,
    )  # fmt: skip


def test_a_fault_that_never_hit_fails_the_test(chaos: Chaos) -> None:
    """A block that no request came to is an AssertionError that says what came instead."""
    assert answered(chaos)
    with pytest.raises(AssertionError) as failed, chaos.fault("errors"):
        pass

    said = str(failed.value)
    assert said.startswith("errors did not hit in its block\n  echo (127.0.0.1:")
    assert said.endswith("100:errors: connections 1, exchanges 1, hits none")
    assert chaos.get_handler() == "normal"


def test_a_proof_can_ask_for_more_or_none(chaos: Chaos) -> None:
    """``must_hit`` is a number of hits; False asks for nothing."""
    with pytest.raises(NeverHit, match="in its block, 2 asked for"):  # noqa: SIM117
        with chaos.fault("errors", must_hit=2):
            assert not answered(chaos)
    with chaos.fault("errors", must_hit=False):
        pass


def test_a_block_that_fails_by_itself_fails_with_its_own_error(chaos: Chaos) -> None:
    """What is raised inside a block comes out, whether or not the fault hit."""
    with pytest.raises(ZeroDivisionError), chaos.fault("errors"):
        raise ZeroDivisionError

    assert chaos.get_handler() == "normal"


def test_a_test_waits_until_its_fault_has_hit(chaos: Chaos) -> None:
    """``wait_for_hit`` returns when a request of another thread was hit."""
    with client_of(chaos) as sock, chaos.fault("hang") as fault:
        sender = threading.Timer(0.05, sock.sendall, [b"hello"])
        sender.start()

        assert fault.wait_for_hit() == 1
        assert chaos.wait_for_hit("hang") == 1
        sender.join()


def test_waiting_in_vain_fails_the_test(chaos: Chaos) -> None:
    """After its seconds ``wait_for_hit`` is NeverHit, with what the proxy saw."""
    with pytest.raises(NeverHit, match=r"delay did not hit within 0\.05 s\n  echo"):
        chaos.wait_for_hit("delay", timeout=0.05)
    with pytest.raises(NeverHit, match="any fault did not hit"):
        chaos.wait_for_hit(timeout=0)


def test_a_name_that_does_not_exist_is_a_value_error(chaos: Chaos) -> None:
    """A typo can not make a test pass: it raises, with the nearest name."""
    for call in (chaos.set_handler, chaos.hits, chaos.wait_for_hit):
        with pytest.raises(ValueError, match="did you mean 'delay'"):
            call("dely")
    for block in (chaos.with_handler, chaos.fault):
        with pytest.raises(ValueError, match="did you mean"), block("dely"):
            pass
    with pytest.raises(ValueError, match="slep"), chaos.fault("delay", slep=1):
        pass
    with pytest.raises(ValueError, match="options need one handler"):
        chaos.set_handler("20:delay,5:errors", sleep=1)


def test_the_same_seed_makes_the_same_decisions(backend: str) -> None:
    """With a seed, the same connections are hit in two engines."""

    def run() -> list[bool]:
        with engine(proxy(backend, behavior="50:errors"), seed=7) as chaos:
            assert chaos.seed == 7
            return [answered(chaos) for _ in range(20)]

    first = run()
    assert first == run()
    assert {True, False} == set(first)


def test_own_handlers_are_given_by_name(backend: str) -> None:
    """A function with Vaurien's signature and a Handler class work as built-in ones do."""

    def storm(source: Any, dest: Any, to_backend: bool, name: str, settings: Any, _: Any) -> None:
        data = source.recv(65536)
        dest.sendall(data.upper() if to_backend and settings["loud"] else data)

    class Mirror(Handler):
        """Answers in the backend's place."""

        name = "mirror"

        def on_data(self, frame: Frame) -> Iterator[Reply]:
            yield Reply(frame.data[::-1])

    own = {"storm": storm, "mirror": Mirror}
    with engine(proxy(backend), handlers=own) as chaos, client_of(chaos) as sock:
        with chaos.with_handler("storm", loud=True):
            assert ask(sock) == b"HELLO"
        with chaos.fault("mirror"):
            assert ask(sock) == b"olleh"
        assert {"storm", "mirror", "delay"} <= set(chaos.list_handlers())


# -- all the rest of an engine ----------------------------------------------------------------


def test_mixes_weights_options_and_bypass(chaos: Chaos) -> None:
    """A mix is set, reweighed, tuned, bypassed, and ends by itself."""
    view = chaos.set_mix("20:delay,5:errors", options={"delay": {"sleep": 3}})
    assert (view.behavior, chaos.handler("delay").options["sleep"]) == ("20:delay,5:errors", 3)
    chaos.set_weights({"delay": 30, "errors": 0})
    assert chaos.handler("delay").weight == 30
    assert chaos.set_options("delay", sleep=4).options["sleep"] == 4
    assert chaos.set_bypass(True).bypass
    assert answered(chaos)
    chaos.set_bypass(False)
    chaos.set_mix("blackout", duration=0.05)
    until(lambda: chaos.get_handler() == "30:delay,0:errors", what="the mix before returns")


def test_chains(chaos: Chaos) -> None:
    """An entry of the chain acts always, is changed and taken away."""
    entry = chaos.add_chain("delay", name="slow", direction="upstream", sleep=0.05)
    assert (entry.name, entry.direction, entry.options["sleep"]) == ("slow", "upstream", 0.05)
    with client_of(chaos) as sock:
        began = time.monotonic()
        assert ask(sock) == b"hello"
        assert time.monotonic() - began >= 0.05
    assert chaos.update_chain("slow", probability=0.5, sleep=1).probability == 0.5
    with pytest.raises(ValueError, match="sideways"):
        chaos.add_chain("delay", direction="sideways")
    chaos.remove_chain("slow")
    assert chaos.proxy().chain == ()


def test_proxies_come_change_and_go(chaos: Chaos, backend: str) -> None:
    """A proxy is added, driven alone, changed and removed; names are counted."""
    first, second = chaos.add(backend), chaos.add(backend)
    assert (first.name, second.name, repr(second)) == ("tcp", "tcp-2", "<Chaos tcp-2>")
    second.set_handler("blackout")
    assert (answered(first), answered(second), answered(chaos)) == (True, False, True)
    assert (first.hits(), second.hits(), chaos.hits(), chaos["tcp-2"].hits()) == (0, 1, 1, 1)
    assert set(first.stats()) == {"tcp"}
    assert set(chaos.stats()) == {"echo", "tcp", "tcp-2"}

    assert chaos.update_proxy("tcp", behavior="5:delay", connect_timeout=2).behavior == "5:delay"
    with pytest.raises(SettingsError, match="connect_timeout"):
        chaos.update_proxy("tcp", connect_timeout=-1)
    chaos.update_proxy("tcp", enabled=False)
    with pytest.raises(ConnectionRefusedError):
        answered(first)
    chaos.remove_proxy("tcp")
    with pytest.raises(NotFound):
        chaos["tcp"]


def test_connections_are_seen_pinned_and_reset(chaos: Chaos) -> None:
    """A live connection is found, given a handler of its own, and reset."""
    with client_of(chaos) as sock:
        assert ask(sock) == b"hello"
        (seen,) = chaos.connections()
        assert (seen.upstream, chaos.connection(seen.id).downstream) == (5, 5)
        assert chaos.pin(seen.id, "errors").pinned == "errors"
        assert chaos.pin(seen.id, None).pinned == ""
        chaos.reset_connection(seen.id)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with pytest.raises(NotFound):
        chaos.connection(seen.id)


def test_a_halt_refuses_faults_until_it_is_released(chaos: Chaos) -> None:
    """Within a halt everything is normal, even what a block had broken."""
    with chaos.with_handler("blackout"):
        chaos.halt("enough")
        assert answered(chaos)
        with pytest.raises(Halted, match="enough"):
            chaos.set_handler("delay")
    chaos.release()
    chaos.set_handler("delay")
    chaos.reset()
    assert chaos.get_handler() == "normal"


def test_what_happened_can_be_read(chaos: Chaos) -> None:
    """Events, the journal, the profile and the engine itself are there to look at."""
    with chaos.with_handler("errors"):
        assert not answered(chaos)

    injected = [event for event in chaos.recent_events() if isinstance(event, Injected)]
    assert [(event.proxy, event.handler) for event in injected] == [("echo", "errors")]
    assert {change.actor for change in chaos.journal()} == {"test"}
    assert chaos.profile().proxy[0].name == "echo"
    assert (chaos.engine().seed, [p.name for p in chaos.proxies()]) == (1, ["echo"])


def test_a_handler_cannot_call_its_own_engine(backend: str) -> None:
    """A call from the engine's thread would wait for itself: it is refused."""
    caught: list[str] = []

    class Curious(Handler):
        """Asks the engine it runs in."""

        name = "curious"

        def on_data(self, frame: Frame) -> Iterator[Reply]:
            try:
                found[0].hits()
            except RuntimeError as error:
                caught.append(str(error))
            yield Reply(b"asked")

    with engine(proxy(backend), handlers={"curious": Curious}) as chaos:
        found = [chaos]
        with chaos.with_handler("curious"), client_of(chaos) as sock:
            assert ask(sock) == b"asked"

    assert caught == ["a handler cannot call the engine it runs in"]


SAME = sorted(
    name
    for name in dir(Chaos)
    if not name.startswith("_")
    and callable(getattr(Client, name, 0))
    and callable(getattr(Chaos, name))
)


@pytest.mark.parametrize("name", SAME)
def test_a_call_is_that_of_the_client(name: str) -> None:
    """A method that Client has too takes its parameters by the same names."""

    def parameters(kind: type) -> list[str]:
        return [p for p in inspect.signature(getattr(kind, name)).parameters if p != "self"]

    narrower = {
        "add_chain": ["handler", "proxy", "name", "entry"],
        "recent_events": ["since"],
    }
    assert parameters(Chaos) == narrower.get(name, parameters(Client))


def test_the_calls_of_the_client_are_there() -> None:
    """Most of what a test does with Client works without HTTP."""
    assert len(SAME) >= 25


def test_a_proxy_is_frozen_and_thawed(chaos: Chaos) -> None:
    """What is sent meanwhile is answered after the thaw; a halt thaws too."""
    with client_of(chaos) as client:
        chaos.freeze()
        client.sendall(b"x")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(5)
        assert chaos.proxy().frozen
        assert not chaos.thaw().frozen
        assert client.recv(1) == b"x"
    chaos.freeze()
    chaos.halt()
    assert not chaos.proxy().frozen
