"""The registry: built-ins, a profile's own handlers, plugins, and nothing imported too early."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaostui import registry
from chaostui.actions import Call, Send
from chaostui.errors import SettingsError
from chaostui.handler import Handler
from chaostui.handlers.delay import Delay
from chaostui.options import read
from chaostui.protocol import Frame, Protocol
from chaostui.settings import Address, Mix, Profile, ProxySettings
from tests.handlers.table import made

CODE = """
from chaostui.actions import Close
from chaostui.handler import Handler

def storm(source, dest, to_backend, name, settings, server): ...
async def slow(source, dest, to_backend, name, settings, proxy): ...
def narrow(source, dest): ...
number = 3

class Cut(Handler):
    name = "cut"
    def on_data(self, frame):
        yield Close()

class Box:
    @staticmethod
    def inner(source, dest, to_backend, name, settings, server): ...
"""


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with a module of handlers whose name no other test has."""
    (tmp_path / f"{module(request.node.name)}.py").write_text(CODE)
    (tmp_path / f"{module(request.node.name)}_broken.py").write_text("1 / 0")
    (tmp_path / f"{module(request.node.name)}_exits.py").write_text("raise SystemExit(3)")
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith(module(request.node.name))]:
        del sys.modules[name]


def module(test: str) -> str:
    """The name of a test's own module."""
    return "own_" + "".join(c if c.isalnum() else "_" for c in test)


def profile(**tables: dict[str, Any]) -> Profile:
    """A profile with these handler tables."""
    return Profile(handler=tables)


def problems(given: Profile, source: Path | str = "", **more: Any) -> list[str]:
    """What is wrong when the profile's handlers are loaded."""
    with pytest.raises(SettingsError) as caught:
        registry.load(given, source=str(source), **more)
    return [str(problem) for problem in caught.value.problems]


def test_the_built_ins_go_by_name_and_alias() -> None:
    """Vaurien's names of both generations find the same classes."""
    handlers = registry.builtin().handlers

    assert handlers["delay"] is Delay
    assert handlers["dummy"] is handlers["normal"]
    assert handlers["error"] is handlers["errors"]
    assert {"normal", "delay", "errors", "hang", "blackout", "abort", "transient"} <= set(handlers)


def test_every_built_in_handler_is_listed() -> None:
    """Each file in ``handlers/`` has its class in the registry."""
    files = {path.stem for path in (Path(registry.__file__).parent / "handlers").glob("[!_]*.py")}

    assert {kind.__module__.rpartition(".")[2] for kind in registry.HANDLERS} == files


def test_every_protocol_goes_by_its_own_name() -> None:
    """A class is found by its name, and by others; ``tcp`` is there."""
    protocols = registry.builtin().protocols

    assert "tcp" in protocols
    assert "ftp" not in protocols
    assert len(protocols) == len(list(protocols))
    for kind in protocols.values():
        assert issubclass(kind, Protocol)
        assert protocols[kind.name] is kind
    assert protocols["memcache"] is protocols["memcached"]
    with pytest.raises(KeyError):
        protocols["ftp"]


def test_a_name_that_is_there_twice_is_an_error_of_ours() -> None:
    """Two built-ins of one name cannot be released."""

    class Other(Handler):
        name = "delay"

    with pytest.raises(RuntimeError, match="'delay' names both"):
        registry._by_name([Delay, Other])


@pytest.mark.parametrize("form", ["{}:storm", "{}.storm", "{}:slow", "{}:Box.inner"])
def test_a_function_becomes_a_handler(
    folder: Path, form: str, request: pytest.FixtureRequest
) -> None:
    """Vaurien's dotted name and ``module:function`` are found beside the profile."""
    target = form.format(module(request.node.name))
    given = profile(mine={"callable": target, "speed": 3, "every": 2})

    kind = registry.load(given, source=str(folder / "chaos.toml")).handlers["mine"]

    assert kind.name == "mine"
    options = read(kind.Options, given.handler["mine"])
    assert options.every == 2
    for direction in ("upstream", "downstream"):
        handler = made(kind, direction)
        handler.options = options
        [call] = handler.on_data(Frame(b"x"))
        assert isinstance(call, Call)
        assert (call.name, call.settings, call.data) == ("mine", {"speed": 3, "every": 2}, b"x")
        assert call.function.__name__ in ("storm", "slow", "inner")


def test_a_handler_class_is_used_as_it_is(folder: Path, request: pytest.FixtureRequest) -> None:
    """A class with the Handler contract keeps its name, or gets that of its table."""
    target = f"{module(request.node.name)}:Cut"
    given = profile(cut={"callable": target}, cut_too={"callable": target})

    handlers = registry.load(given, source=str(folder / "chaos.toml")).handlers

    assert handlers["cut"].__module__ == module(request.node.name)
    assert handlers["cut"].name == "cut"
    assert (handlers["cut_too"].name, handlers["cut_too"].__base__) == ("cut_too", handlers["cut"])


def test_code_is_also_found_in_the_working_directory(
    folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a profile's file, ``--set mine.callable=…`` looks where one stands."""
    monkeypatch.chdir(folder)
    target = f"{module(request.node.name)}:storm"

    assert "mine" in registry.load(profile(mine={"callable": target})).handlers


def test_a_file_beside_the_profile_does_not_replace_a_module(folder: Path) -> None:
    """What is installed comes first: a ``json.py`` in the folder stays unused."""
    (folder / "json.py").write_text("def loads(a, b, c, d, e, f): raise SystemExit")
    given = profile(mine={"callable": "json:dumps"})

    assert problems(given, folder / "chaos.toml") == [
        "handler.mine.callable: dumps must take six arguments: "
        "source, dest, to_backend, name, settings, server"
    ]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("{}_nowhere:x", "cannot import '{}_nowhere:x': ModuleNotFoundError: No module named"),
        ("{}:nothing", "AttributeError: module"),
        ("{}_broken:x", "ZeroDivisionError: division by zero"),
        ("{}_exits:x", "SystemExit: 3"),
        ("{}:number", "3 is neither a function nor a Handler class"),
        ("{}:narrow", "narrow must take six arguments: source, dest, to_backend, name, settings"),
        ("just_a_word", "'just_a_word' does not name code, as package.module:function does"),
        ("a b:c", "'a b:c' does not name code"),
        (":f", "':f' does not name code"),
        (7, "7 does not name code"),
    ],
)
def test_code_that_cannot_be_used_is_one_line(
    folder: Path, target: Any, says: str, request: pytest.FixtureRequest
) -> None:
    """Import errors, wrong shapes and wrong signatures name the handler and the reason."""
    own = module(request.node.name)
    named = target.format(own) if isinstance(target, str) else target

    [line] = problems(profile(mine={"callable": named}), folder / "chaos.toml")

    assert line.startswith("handler.mine.callable: ")
    assert says.format(own) in line


def test_a_built_in_cannot_be_replaced() -> None:
    """A duplicate name is an error, not a surprise."""
    assert problems(profile(delay={"callable": "a.b:c"})) == [
        "handler.delay.callable: 'delay' is a built-in handler; give yours another name"
    ]


def test_every_bad_callable_is_told_at_once() -> None:
    """Two mistakes are two problems."""
    assert len(problems(profile(a={"callable": "x"}, b={"callable": "y"}))) == 2


def test_nothing_is_imported_where_code_is_not_allowed(folder: Path) -> None:
    """Over HTTP a profile that names code is refused before anything is looked for."""
    before = set(sys.modules)

    [line] = problems(profile(a={"callable": "os:system"}), allow_code=False)

    assert line.startswith("handler.a.callable: only a profile file or the command line")
    assert set(sys.modules) - before == set()


# -- plugins --------------------------------------------------------------------------------


def using(name: str) -> Profile:
    """A profile that draws a handler of this name."""
    one = ProxySettings(
        name="p",
        listen=Address.parse(":0"),
        backend=Address.parse(":1"),
        behavior=Mix(((name, 5.0),)),
    )
    return Profile(proxy=(one,))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs a distribution whose only entry point is the given one."""

    def install(name: str, value: str) -> None:
        info = tmp_path / f"plugin_{len(list(tmp_path.iterdir()))}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {info.stem}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{registry.ENTRY_POINTS}]\n{name} = {value}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_a_plugin_is_loaded_when_a_profile_names_it(
    installed: Callable[[str, str], None],
) -> None:
    """An entry point of the group chaostui.handlers is a handler of its name."""
    installed("cut", "tests.test_registry:Plugin")
    installed("broken", "no_such_module:x")

    handlers = registry.load(using("cut")).handlers

    assert handlers["cut"].__qualname__ == "Plugin"
    assert "broken" not in handlers


def test_a_plugin_that_fails_to_load_is_one_line(installed: Callable[[str, str], None]) -> None:
    """The import error names the plugin."""
    installed("cut", "no_such_module:x")

    assert problems(using("cut")) == [
        "handler.cut: cannot import 'no_such_module:x': "
        "ModuleNotFoundError: No module named 'no_such_module'"
    ]


def test_two_plugins_of_one_name_are_an_error(installed: Callable[[str, str], None]) -> None:
    """Nobody guesses which of two is meant."""
    installed("cut", "a:x")
    installed("cut", "b:y")

    assert problems(using("cut")) == ["handler.cut: two plugins have this name: a:x and b:y"]


def test_a_name_that_no_plugin_has_stays_unknown() -> None:
    """The engine's catalog has only what exists."""
    assert "cut" not in registry.load(using("cut")).handlers


class Plugin(Handler):
    """A plugin's handler."""

    name = "cut"


def test_made_classes_do_what_their_base_does() -> None:
    """A renamed class is still its base."""
    kind = registry.make("other", Plugin)

    assert list(made(kind).on_data(Frame(b"x"))) == [Send(b"x")]
