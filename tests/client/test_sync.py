"""The blocking client: Vaurien's methods, native ones, and faults that end with their block."""

from __future__ import annotations

import inspect
import multiprocessing
import pydoc
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from chaostui.api.connection import MAX_CONNECTIONS, ControlProtocol
from chaostui.client import AsyncClient, Client, Dropped
from chaostui.client.owner import LEASE
from chaostui.errors import EngineRefused, EngineUnreachable, FaultLost
from chaostui.events import Changed
from tests.api.engine import Echo, Engine, proxy
from tests.tcp import free_port
from tests.wait import until


@pytest.fixture
def client(engine: Engine) -> Iterator[Client]:
    """Drive the engine."""
    with engine.client() as found:
        yield found


def test_handlers_of_the_first_generation(client: Client) -> None:
    """Set, get and list as Vaurien 0.x has them."""
    assert client.get_handler() == "normal"
    assert client.set_handler("errors") == "ok"
    assert client.get_handler() == "errors"
    assert "blackout" in client.list_handlers()
    with pytest.raises(ValueError, match="the 'nope' handler does not exist"):
        client.set_handler("nope")


def test_behaviors_of_the_second_generation(client: Client) -> None:
    """Set with options, get and list as Vaurien 2 has them."""
    assert client.get_behavior() == "dummy"
    client.set_behavior("delay", sleep=2)
    assert client.get_behavior() == "delay"
    assert client.handler("delay").options["sleep"] == 2
    assert "dummy" in client.list_behaviors()
    with pytest.raises(ValueError, match="the 'nope' behavior does not exist"):
        client.set_behavior("nope")
    with pytest.raises(ValueError, match="slep"):
        client.set_behavior("delay", slep=2)


def test_the_backend_is_read_and_changed(client: Client) -> None:
    """As Vaurien's API had it, undocumented."""
    client.set_backend("127.0.0.1:10")

    assert client.get_backend() == "127.0.0.1:10"
    with pytest.raises(ValueError, match="not host:port"):
        client.set_backend("nowhere")


@pytest.mark.parametrize(
    ("name", "inside"),
    [("errors", "errors"), ("error", "errors"), ("normal", "normal"), ("dummy", "normal"),
     ("20:delay,5:errors", "20:delay,5:errors")],
)  # fmt: skip
def test_a_handler_acts_within_its_block(client: Client, name: str, inside: str) -> None:
    """The name reads back inside the block, and normal is back after it."""
    with client.with_handler(name):
        assert client.get_handler() == inside

    assert client.get_handler() == "normal"
    assert client.sessions() == []


def test_a_behavior_acts_within_its_block_with_options(client: Client) -> None:
    """Options hold for the block; Vaurien 2's ``before`` says which way is delayed."""
    with client.with_behavior("delay", sleep=2, before=False) as fault:
        options = client.handler("delay").options
        assert (options["sleep"], options["direction"]) == (2, "downstream")
        assert fault.behavior == "100:delay"

    assert client.get_behavior() == "dummy"
    assert client.handler("delay").options["sleep"] == 1


def test_normal_within_a_block_quiets_the_proxy_s_own_mix(client: Client) -> None:
    """A block of ``normal`` lies over everything, and gives it back."""
    client.set_handler("hang")

    with client.with_handler("normal"):
        assert client.get_handler() == "normal"

    assert client.get_handler() == "hang"


def test_an_exception_leaves_nothing_behind(client: Client) -> None:
    """The fault ends and the error is the test's own."""
    with pytest.raises(RuntimeError, match="mine"), client.with_handler("errors"):
        raise RuntimeError("mine")

    assert client.get_handler() == "normal"


def test_sys_exit_and_closed_generators_end_the_block(client: Client) -> None:
    """However a block is left, its fault ends."""
    with pytest.raises(SystemExit), client.with_handler("errors"):
        sys.exit(1)
    assert client.get_handler() == "normal"

    def generator() -> Iterator[int]:
        with client.with_handler("errors"):
            yield 1

    steps = generator()
    next(steps)
    assert client.get_handler() == "errors"
    steps.close()  # type: ignore[attr-defined]
    assert client.get_handler() == "normal"


def test_nested_blocks_end_in_any_order(client: Client) -> None:
    """Each block takes away its own fault alone, whichever ends first."""
    outer, inner = ExitStack(), ExitStack()
    outer.enter_context(client.with_handler("delay"))
    inner.enter_context(client.with_handler("errors"))
    assert client.get_handler() == "errors"

    outer.close()
    assert client.get_handler() == "errors"
    inner.close()
    assert client.get_handler() == "normal"


def test_the_same_handler_may_be_nested(client: Client) -> None:
    """Two equal faults are two."""
    with client.with_handler("errors"):
        with client.with_handler("errors"):
            assert client.get_handler() == "errors"
        assert client.get_handler() == "errors"
    assert client.get_handler() == "normal"


@pytest.mark.parametrize(
    ("name", "options"),
    [("nope", {}), ("delay", {"slep": 1}), ("delay", {"sleep": "x"}), ("errors", {"proxy": "no"}),
     ("150:delay", {}), ("1:delay,1:hang", {"sleep": 1})],
)  # fmt: skip
def test_what_does_not_exist_is_a_value_error(
    client: Client, name: str, options: dict[str, object]
) -> None:
    """Unknown handlers, options and proxies raise before the block begins."""
    with pytest.raises(ValueError, match=r"\w"), client.with_handler(name, **options):  # type: ignore[arg-type]
        raise AssertionError("the block must not run")

    assert client.sessions() == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_no_word_for_is_a_value_error(client: Client, number: float) -> None:
    """Written as null it would give an option back its default, and say nothing."""
    client.set_options("delay", sleep=3)
    calls: list[Callable[[], object]] = [
        lambda: client.set_options("delay", sleep=number),
        lambda: client.set_behavior("delay", sleep=number),
        lambda: client.set_mix("delay", options={"delay": {"sleep": number}}),
        lambda: client.set_weight("delay", number),
        lambda: client.add_chain("delay", probability=number),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"(sleep|delay|probability): .* not a finite number"):
            call()
    with pytest.raises(ValueError, match="sleep"), client.with_handler("delay", sleep=number):
        raise AssertionError("the block must not run")

    assert client.handler("delay").options["sleep"] == 3
    assert client.sessions() == []


def test_a_halt_is_told_as_such(client: Client) -> None:
    """While everything is halted a block cannot begin."""
    client.halt("enough")

    with pytest.raises(EngineRefused, match="halted by") as caught, client.with_handler("errors"):
        pass
    assert caught.value.status == 423
    client.release()
    with client.with_handler("errors"):
        assert not client.halted().halted


def test_a_block_whose_engine_died_raises(engine: Engine) -> None:
    """Nothing was broken any more, so the test has tested nothing."""
    with (
        pytest.raises(FaultLost, match=r"ended before the block did: no engine answers"),
        engine.client().with_handler("errors"),
    ):
        engine.stop()


def test_a_block_whose_fault_was_lost_tells_its_own_error_too(engine: Engine) -> None:
    """An error that a test expects may have come without the fault; it is the lost one's cause."""
    client = engine.client()

    def block() -> None:
        with client.with_handler("errors"):
            engine.client().close_session(client.sessions()[0].id)
            raise RuntimeError("mine")

    with pytest.raises(FaultLost, match=r"ended before the block did: no such session") as caught:
        block()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_block_that_ends_in_an_exit_is_left_alone(engine: Engine) -> None:
    """Who interrupts a test does not care for its fault."""

    def block() -> None:
        with engine.client().with_handler("errors"):
            engine.stop()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        block()


@pytest.mark.parametrize("how", ["reset", "halt"])
def test_a_block_whose_fault_others_ended_raises(engine: Engine, client: Client, how: str) -> None:
    """Another test's set-up that resets a shared engine must not let this one pass for nothing."""
    with engine.client() as other:
        block = client.with_handler("errors")
        with pytest.raises(FaultLost, match="reset or halted"), block:
            getattr(other, how)()
        other.release()

    with client.with_handler("errors"):
        getattr(client, how)()
    client.release()
    with client.with_handler("errors"):
        client.reset("web")


def test_an_inner_block_that_lost_its_fault_ends_the_outer_one(client: Client) -> None:
    """The one that was lost is told, and nothing stays broken."""

    def blocks() -> None:
        with client.with_handler("errors"), client.with_handler("hang"):
            client.close_session(client.sessions()[1].id)

    with pytest.raises(FaultLost):
        blocks()
    assert client.sessions() == []


def test_a_block_that_was_frozen_longer_than_its_lease_raises(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that was stopped and goes on: its fault is over."""
    monkeypatch.setattr("chaostui.client.owner.LEASE", 1.0)
    monkeypatch.setattr("chaostui.client.owner.RENEWAL", 60.0)

    with pytest.raises(FaultLost, match="lease is over"), client.with_handler("errors"):
        until(lambda: not client.sessions())


def test_a_renewal_that_finds_no_room_is_tried_again(
    engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full API is no end of a fault."""
    monkeypatch.setattr("chaostui.client.owner.RENEWAL", 0.05)
    monkeypatch.setattr("chaostui.client.owner.RETRY", 0.05)
    refused = count_refusals(monkeypatch)
    with client.with_handler("errors"), ExitStack() as crowd:
        for _ in range(MAX_CONNECTIONS):
            crowd.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
        until(lambda: len(refused) >= 3)
        crowd.close()
        until(lambda: not engine.look(lambda _: crowded(engine)))
        before = client.sessions()[0].expires_in
        until(lambda: client.sessions()[0].expires_in > before)


def crowded(engine: Engine) -> bool:
    """Whether the API has no room for another connection."""
    return any(len(state.connections) >= MAX_CONNECTIONS for state in engine.server._states)


def count_refusals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note each connection that the API has no room for."""
    refused: list[int] = []
    refuse = ControlProtocol._refuse

    def noted(self: ControlProtocol, status: int, message: str) -> None:
        refused.append(status)
        refuse(self, status, message)

    monkeypatch.setattr(ControlProtocol, "_refuse", noted)
    return refused


BLOCKS = """
import sys
from chaostui.client import Client, owner
owner.RENEWAL = owner.RETRY = 0.2
client = Client("127.0.0.1", int(sys.argv[1]))
with client.with_handler("delay"), client.with_handler("errors"):
    print("in", flush=True)
    sys.stdin.readline()
"""


def test_many_processes_keep_their_faults_at_once(engine: Engine) -> None:
    """Two dozen processes of two nested blocks are more than the API takes of other connections."""
    command = [sys.executable, "-c", BLOCKS, str(engine.port)]
    pipe = subprocess.PIPE
    owners = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(24)]
    try:
        for process in owners:
            assert process.stdout is not None
            assert process.stdout.readline() == b"in\n"
        with engine.client() as client:
            left = {session.id: session.expires_in for session in client.sessions()}
            assert len(left) == 48
            until(lambda: all_renewed(client, left), within=20)
    finally:
        for process in owners:
            process.communicate(b"\n", timeout=60)
    assert [process.returncode for process in owners] == [0] * 24


def all_renewed(client: Client, left: dict[str, float]) -> bool:
    """Whether all these sessions have begun their leases anew since they were looked at."""
    for session in client.sessions():
        if session.expires_in > left.get(session.id, LEASE):
            del left[session.id]
        elif session.id in left:
            left[session.id] = session.expires_in
    return not left


def test_the_lease_is_renewed_within_the_block(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block may last longer than the lease."""
    monkeypatch.setattr("chaostui.client.owner.LEASE", 0.4)
    monkeypatch.setattr("chaostui.client.owner.RENEWAL", 0.05)
    with client.with_handler("errors"):
        first = client.sessions()[0]
        seen = [first.expires_in]
        until(lambda: seen.append(client.sessions()[0].expires_in) or seen[-1] > seen[-2])  # type: ignore[func-returns-value]
        assert client.get_handler() == "errors"


def test_sessions_say_whose_they_are(client: Client) -> None:
    """People who look at the engine see the test that broke it."""
    with client.with_handler("errors"):
        (session,) = client.sessions()

    assert "test_sessions_say_whose_they_are" in session.owner


def test_several_proxies_are_told_apart() -> None:
    """Each method takes ``proxy``, and means the first without it."""
    with Engine(proxy("one"), proxy("two")) as engine, engine.client() as client:
        client.set_handler("hang", proxy="two")
        client.set_mix("20:delay", options={"delay": {"sleep": 3}})
        with client.with_handler("errors", proxy="two"):
            assert client.get_handler("two") == "errors"
            assert client.get_handler() == "20:delay"
        assert client.get_handler(proxy="two") == "hang"
        assert client.handler("delay").options["sleep"] == 3
        with pytest.raises(ValueError, match="the 'three' proxy does not exist"):
            client.set_handler("hang", proxy="three")


def test_proxies_are_made_changed_and_removed(client: Client) -> None:
    """Answers are the engine's views."""
    made = client.add_proxy("two", "127.0.0.1:0", "127.0.0.1:9", behavior="5:hang")
    assert (made.name, made.behavior) == ("two", "5:hang")
    assert client.update_proxy("two", enabled=False).enabled is False
    assert [p.name for p in client.proxies()] == ["web", "two"]
    client.remove_proxy("two")
    with pytest.raises(EngineRefused) as caught:
        client.proxy("two")
    assert (caught.value.status, "no proxy 'two'" in str(caught.value)) == (404, True)


def test_faults_are_driven_in_every_way(client: Client) -> None:
    """Weights, options, bypass and chain."""
    client.set_weight("delay", 25)
    client.set_weights({"errors": 5})
    assert client.mix().behavior == "25:delay,5:errors"
    assert client.set_options("delay", sleep=2).options["sleep"] == 2
    assert client.set_options("delay", sleep=None).options["sleep"] == 1
    assert client.set_bypass(True).bypass is True
    assert client.add_chain("delay", direction="upstream", sleep=0.2).name == "delay_upstream"
    assert client.update_chain("delay_upstream", probability=0.5).probability == 0.5
    assert [entry.handler for entry in client.chain()] == ["delay"]
    client.remove_chain("delay_upstream")
    client.reset()
    assert (client.chain(), client.get_handler()) == ([], "normal")


def test_the_engine_is_read(client: Client) -> None:
    """Everything at a glance, and in parts."""
    assert client.health() == {"status": "ok"}
    assert client.version().unauthenticated is False
    assert client.engine().seed == 1
    assert client.stats()["web"].connections == 0
    assert {handler.name for handler in client.handlers()} >= {"normal", "delay"}
    assert "http" in [protocol.name for protocol in client.protocols()]
    assert client.profile()["proxy"][0]["name"] == "web"
    assert "[[proxy]]" in client.profile_toml()
    assert client.diff_profile(client.profile()) == []
    assert client.apply_profile(client.profile()).proxies[0].name == "web"
    with pytest.raises(EngineRefused, match="without a profile"):
        client.save_profile()
    assert client.request("GET", "/api/v1/halt")["halted"] is False
    assert client.request("DELETE", "/api/v1/halt") is None


def test_connections_are_seen_pinned_and_reset(client: Client, engine: Engine, echo: Echo) -> None:
    """A connection is a number to act on."""
    client.set_backend(echo.address)
    with socket.create_connection(engine.address(), timeout=5) as sock:
        sock.sendall(b"x")
        sock.recv(1)
        (seen,) = client.connections()
        assert client.pin(seen.id, "delay").pinned == "delay"
        assert client.pin(seen.id, None).pinned == ""
        assert client.connection(seen.id).exchanges == 1
        client.reset_connection(seen.id)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_events_are_followed_and_looked_up(client: Client) -> None:
    """The stream goes on until the caller leaves it."""
    first = client.note("one")
    client.note("two")

    events = client.events(since=first.seq, kinds=["change"])
    found = next(events)
    events.close()  # type: ignore[attr-defined]

    assert isinstance(found, Changed)
    assert found.after == "two"
    assert [e.seq for e in client.recent_events(first.seq)] == [found.seq]
    assert [c.after for c in client.journal()] == ["one", "two"]


def test_a_gap_in_the_events_is_told(client: Client, engine: Engine) -> None:
    """What the ring has lost comes as a number."""
    bus = engine.supervisor.bus
    size = bus._ring.maxlen or 0

    async def flood(_: object) -> None:
        for i in range(size + 7):
            bus.publish(Changed, proxy="", actor="a", what=str(i))

    engine.call(flood)
    events = client.events(since=0)

    assert next(events) == Dropped(7)
    assert isinstance(next(events), Changed)
    events.close()  # type: ignore[attr-defined]


def test_the_actor_is_told_to_the_journal(engine: Engine) -> None:
    """Who drives the engine can say so."""
    with engine.client(actor="nightly") as client:
        client.set_handler("hang")

        assert [change.actor for change in client.journal()] == ["nightly"]


def test_one_connection_is_kept(client: Client) -> None:
    """Calls cost no connect, also after an error."""
    client.health()
    kept = client._connection
    with pytest.raises(EngineRefused):
        client.proxy("no")
    client.health()

    assert client._connection is kept


def test_a_stale_connection_is_replaced(engine: Engine) -> None:
    """An engine that closed the idle connection, or was started again, is simply asked anew."""
    client = engine.client()
    client.health()
    engine.call(_close_connections(engine))

    assert client.health() == {"status": "ok"}
    client.close()


def _close_connections(engine: Engine):  # type: ignore[no-untyped-def]
    async def close(_: object) -> None:
        for state in engine.server._states:
            for connection in list(state.connections):
                connection.transport.abort()

    return close


def test_threads_share_a_client(client: Client) -> None:
    """Calls of several threads take turns."""
    found: list[str] = []

    def ask() -> None:
        found.extend(client.get_handler() for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["normal"] * 80


def _in_child(client: Client, queue: multiprocessing.Queue[str]) -> None:
    queue.put(client.get_handler())


def test_a_forked_child_opens_its_own_connection(client: Client) -> None:
    """Parent and child never read each other's answers."""
    client.health()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(client, queue))
    child.start()

    assert queue.get(timeout=10) == "normal"
    child.join()
    assert client.get_handler() == "normal"


@contextmanager
def taken(answer: bytes) -> Iterator[int]:
    """Listen on a port and say something that no engine says."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            sock, _ = server.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_no_engine_is_one_clear_line(tmp_path: Path) -> None:
    """Where nobody answers, the error says where and why."""
    port = free_port()
    with pytest.raises(EngineUnreachable) as caught:
        Client("127.0.0.1", port).health()
    assert str(caught.value) == f"no engine answers at http://127.0.0.1:{port}: Connection refused"
    path = tmp_path / "s.sock"
    with pytest.raises(EngineUnreachable, match=f"no engine answers at unix:{path}"):
        Client(unix=path).health()
    with pytest.raises(EngineUnreachable):
        next(Client("127.0.0.1", port).events())
    with pytest.raises(EngineUnreachable):
        Client("name.invalid").health()
    with pytest.raises(EngineUnreachable, match=r"http://redis\.\.svc:8080: "):
        Client("redis..svc").health()


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n"])
def test_what_is_no_engine_is_said_to_be_none(answer: bytes) -> None:
    """Another server on the port is an unreachable engine, not a puzzle."""
    with taken(answer) as port, pytest.raises(EngineUnreachable, match="no engine answers"):
        Client("127.0.0.1", port).health()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"status":1}'])
def test_an_answer_of_another_kind_of_server_is_refused(body: bytes) -> None:
    """What is no JSON, or not the JSON that was asked for, is told as one line."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with taken(answer) as port, pytest.raises(EngineRefused, match="no engine's answer"):
        Client("127.0.0.1", port).health()


def test_an_error_without_our_shape_is_still_an_error() -> None:
    """A proxy in between may answer in its own words."""
    answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops"
    with taken(answer) as port, pytest.raises(EngineRefused, match="status 502"):
        Client("127.0.0.1", port).health()


def test_the_token_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CHAOSTUI_TOKEN opens engine and client alike, and no repr shows it."""
    monkeypatch.setenv("CHAOSTUI_TOKEN", "a-token-of-enough-characters")
    with Engine(proxy()) as engine, engine.client() as client:
        assert client.health() == {"status": "ok"}
        assert engine.ask("GET", "/handler").status == 401
        assert "enough" not in repr(client) + repr(client.address)


def test_a_scheme_that_is_none_is_refused() -> None:
    """Only http and https can be spoken."""
    with pytest.raises(ValueError, match="ftp"):
        Client(scheme="ftp")
    assert repr(Client("::1", 80)) == "<Client http://[::1]:80>"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_help_shows_real_types(kind: type) -> None:
    """A method's signature names its own parameters and what callers really get."""
    shown = {name: inspect.signature(method) for name, method in inspect.getmembers(
        kind, inspect.isfunction) if not name.startswith("_")}  # fmt: skip

    assert all(next(iter(told.parameters)) == "self" for told in shown.values())
    assert not [name for name, told in shown.items() if "Ask[" in str(told.return_annotation)]
    assert shown["set_mix"].return_annotation == "ProxyView"
    assert "duration: 'float | None' = None" in str(shown["set_mix"])
    assert "(self" in pydoc.render_doc(kind.set_mix)  # type: ignore[attr-defined]
