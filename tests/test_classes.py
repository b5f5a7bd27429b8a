"""The product's classes: small, flat, and called by names that nobody confuses."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Iterator

import pytest

import chaostui

METHODS = 20
DEPTH = 2

MORE_METHODS = {
    "ConnectionsTable": (23, "a widget, whose keys and mouse are methods"),
    "ControlProtocol": (21, "overrides what uvicorn's protocol calls"),
    "Connection": (30, "what sides, links, exchanges and the API ask of one connection"),
    "Driver": (24, "the pipeline's clock, timer, sockets and user calls"),
    "Faults": (23, "a floor of the supervisor's face"),
    "Framed": (31, "the exchanges of read bytes, with both directions' questions"),
    "Lifecycle": (30, "a floor of the supervisor's face"),
    "Link": (33, "one direction, with the questions of both its ends"),
    "Looks": (26, "a public face that only translates: what tests look at"),
    "Pipeline": (30, "the state machine, one method an event"),
    "Proxy": (39, "listener, plan and connections of one proxy"),
    "Session": (32, "the console's one door to its engine"),
    "Side": (32, "one socket, with what asyncio calls"),
    "Supervisor": (30, "a public face that only translates: what may be done to an engine"),
    "TlsLayer": (41, "both a transport and a protocol of asyncio's"),
}
"""Classes that are larger: how many methods each may have, and why. The list only shrinks."""

DEEPER = {
    "Supervisor": "its floors: life cycle, faults",
    "Transient": "answers errors, for a while",
    "Word": "a kind of pattern",
    "Regex": "a kind of pattern",
}
"""Classes with more ancestors of the product's own, and why. The list only shrinks."""

DEEPEST_PROTOCOL = 5
"""In protocols/: a cutter, by lengths, of LDAP packets, that reads replies, until STARTTLS."""

TWICE = {
    "Address": "of an engine, as clients give it; of a proxy, in its settings",
    "Answer": "of a pipeline; of a Toxiproxy call; of the demo's shop",
    "Call": "of a user's function; of an HTTP route; of Toxiproxy's; of the console's",
    "Chunk": "of payload in the engine and as the console shows it",
    "Command": "a protocol's own; the protocols never meet",
    "Commands": "a protocol's own, and what completes the command line",
    "Delay": "the handler, and what the pipeline holds by it",
    "Endpoint": "what TLS, and a user's call, need of a side: a protocol of each room's own",
    "Engine": "the process, and what the relay needs of it",
    "Error": "a protocol's own; the protocols never meet",
    "Field": "of an option, and of a form",
    "Filter": "of events, and of the table",
    "Frame": "of a protocol, and of the live stream",
    "Framed": "a protocol that is framed, and the exchanges of one",
    "Header": "a protocol's own; the protocols never meet",
    "Kind": "of errors, and of toxics",
    "Known": "a name that was looked up; a change whose answer is known",
    "Line": "of the log, and of a screen",
    "Link": "of a connection; the console's to its engine",
    "Match": "of a route, and of requests",
    "Owner": "what a room needs of who owns its parts, a protocol of each room's own",
    "Replies": "a protocol's cutter, and the relay's reading of them",
    "Requests": "a protocol's cutter, and the relay's reading of them",
    "Reset": "the action, and the handler that asks for it",
    "Run": "of a record; of a walk; of a key's action",
    "SecuredReplies": "a protocol's own; the protocols never meet",
    "SecuredRequests": "a protocol's own; the protocols never meet",
    "Session": "of faults; of a console; of a protocol",
    "State": "of a pipeline; of TLS; of Toxiproxy's",
    "Step": "of the demo; of a change",
    "Stream": "of answers; of standard output",
    "Wire": "of the client; of the demo",
}
"""Names of several classes, each with what tells them apart. The list only shrinks."""


def classes() -> Iterator[type]:
    """Every class that a module of the product defines by itself."""
    for module in pkgutil.walk_packages(chaostui.__path__, "chaostui."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for kind in vars(loaded).values():
            if inspect.isclass(kind) and kind.__module__ == module.name:
                yield kind


ALL = list(dict.fromkeys(classes()))


def methods(kind: type) -> int:
    """How many methods and properties a class defines itself."""
    made = (inspect.isfunction, inspect.isdatadescriptor)
    written = [
        value
        for name, value in vars(kind).items()
        if any(test(value) for test in made) or isinstance(value, (classmethod, staticmethod))
        if not inspect.ismemberdescriptor(value) and not inspect.isgetsetdescriptor(value)
    ]
    return sum(_written(value) for value in written)


def _written(value: object) -> bool:
    """Whether it stands in the source, and was not made by dataclass or msgspec."""
    function = getattr(value, "fget", None) or getattr(value, "__func__", value)
    code = getattr(function, "__code__", None)
    return code is not None and "/chaostui/" in code.co_filename


def depth(kind: type) -> int:
    """How many classes of the product stand on top of each other up to this one."""
    own = [base for base in kind.__bases__ if base.__module__.startswith("chaostui")]
    return 1 + max(map(depth, own), default=0)


def widget(kind: type) -> bool:
    """Whether Textual draws it, where inheriting is how things are composed."""
    return any(base.__module__.startswith("textual") for base in kind.__mro__)


def test_a_class_has_twenty_methods_at_most() -> None:
    """What is larger stands in a list, with its size at most and the reason."""
    large = {kind.__name__: methods(kind) for kind in ALL if methods(kind) > METHODS}

    assert {n: c for n, c in large.items() if c > MORE_METHODS.get(n, (METHODS, ""))[0]} == {}
    assert set(MORE_METHODS) - set(large) == set()


def test_a_class_has_one_ancestor_at_most() -> None:
    """Jobs are parts that a class has; it inherits for what it is, one floor down."""
    kinds = [kind for kind in ALL if not widget(kind)]
    protocols = [kind for kind in kinds if kind.__module__.startswith("chaostui.protocols.")]
    deep = {k.__name__ for k in kinds if depth(k) > DEPTH and k not in protocols}

    assert max(map(depth, protocols)) <= DEEPEST_PROTOCOL
    assert deep - set(DEEPER) == set()
    assert set(DEEPER) - deep == set()


def test_no_name_stands_for_two_classes() -> None:
    """A reader who meets a name knows which class it is, but for those that are listed."""
    homes: dict[str, set[str]] = defaultdict(set)
    for kind in ALL:
        homes[kind.__name__].add(kind.__module__)
    twice = {name for name, where in homes.items() if len(where) > 1}

    assert twice - set(TWICE) == set()
    assert set(TWICE) - twice == set()


@pytest.mark.parametrize(
    "reasons", [DEEPER, TWICE, {n: why for n, (_, why) in MORE_METHODS.items()}]
)
def test_each_exception_has_a_reason(reasons: dict[str, str]) -> None:
    """A name in a list says why it stands there."""
    assert [name for name, why in reasons.items() if not why.strip()] == []
