"""Names of proxies and chain entries: one rule, whichever way they come in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from chaostui import profiles
from chaostui.errors import SettingsError
from chaostui.settings import composed, name_of
from tests.api.engine import proxy
from tests.api.toxiproxy import Toxiproxy

NFD = unicodedata.normalize("NFD", "café")
SOUND = ["web", "a/b", "/a", "a b", " a ", "...", "a%2Fb", "a?b#c", "--", "é", NFD, "漢字", '"\\']
SENSELESS = [
    "",
    "-",
    ".",
    "..",
    "/",
    " ",
    " / ",
    "//",
    "a\nb",
    "\x1b[2J",
    "a\u202eb",
    "\x85",
    "\ud800",
]
LONG = "x" * 256

NAMES = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs", "Cc", "Cf"]), max_size=12)
"""Characters of all kinds, with marks that compose and controls that hide."""


def is_name(text: str) -> bool:
    """Whether the rule takes it."""
    try:
        return bool(name_of(text))
    except ValueError:
        return False


@pytest.mark.parametrize("text", [*SOUND, LONG[1:]])
def test_what_is_a_name_stays_one_in_its_composed_form(text: str) -> None:
    """Slashes, blanks, percent signs and letters of any script are fine."""
    assert name_of(text) == unicodedata.normalize("NFC", text)
    assert name_of(name_of(text)) == name_of(text)


@pytest.mark.parametrize("text", [*SENSELESS, LONG])
def test_what_cannot_be_shown_or_addressed_is_no_name(text: str) -> None:
    """Controls, what hides itself, and what a path has another meaning for."""
    with pytest.raises(ValueError, match="is not a name: "):
        name_of(text)


@pytest.fixture(scope="module")
def engine() -> Iterator[Toxiproxy]:
    """An engine with both APIs, for many names one after the other."""
    with Toxiproxy() as running:
        yield running


def native(engine: Toxiproxy, name: str) -> int:
    """Make a proxy by the engine's own API."""
    body = proxy(name, enabled=False)
    return engine.ask("POST", "/api/v1/proxies", body).status


def toxiproxy(engine: Toxiproxy, name: str) -> int:
    """Make a proxy as Toxiproxy's clients do."""
    body = {"name": name, "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0", "enabled": False}
    return engine.http("POST", "/proxies", body).status


def populated(engine: Toxiproxy, name: str) -> int:
    """Make a proxy as Toxiproxy's clients make many."""
    body = [{"name": name, "upstream": "127.0.0.1:9", "enabled": False}]
    return engine.http("POST", "/populate", body).status


def profile(engine: Toxiproxy, name: str) -> int:
    """Make a proxy by giving the engine a profile."""
    body = {"proxy": [proxy(name, enabled=False)]}
    status = engine.ask("PUT", "/api/v1/profile", body).status
    return 201 if status == 200 else status


WAYS = (native, toxiproxy, populated, profile)


def is_addressed(engine: Toxiproxy, name: str) -> None:
    """A name means its proxy everywhere, in either of Unicode's forms."""
    for spelled in {name, composed(name), unicodedata.normalize("NFD", name)}:
        part = quote(spelled, safe="")
        assert engine.ask("GET", f"/api/v1/proxies/{part}").json["name"] == composed(name)
        assert engine.http("GET", f"/proxies/{part}").json["name"] == composed(name)
        assert engine.ask("GET", f"/behavior?proxy={part}").status == 200
        with engine.client() as client:
            assert client.proxy(spelled).name == composed(name)


def is_saved_and_loaded(engine: Toxiproxy, name: str, folder: Path) -> None:
    """The profile that the engine tells is one that it would start with."""
    file = folder / "told.toml"
    file.write_bytes(engine.ask("GET", "/api/v1/profile?format=toml").body)
    assert [one.name for one in profiles.load(file).proxy] == [composed(name)]
    profiles.save(file, profiles.load(file))
    assert [one.name for one in profiles.load(file).proxy] == [composed(name)]


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=NAMES)
@example(name="-")
@example(name=" / ")
@example(name="..")
@example(name=NFD)
@example(name="a%2Fb/c d?#")
def test_what_can_be_made_can_be_saved_loaded_and_addressed(
    engine: Toxiproxy, tmp_path: Path, name: str
) -> None:
    """All ways take the same names, and a proxy that was made is found and kept by its name."""
    for way in WAYS:
        status = way(engine, name)

        if not is_name(name):
            assert (status, engine.supervisor.has(name)) == (400, False), way
            continue
        assert status == 201, way
        is_addressed(engine, name)
        is_saved_and_loaded(engine, name, tmp_path)
        part = quote(name, safe="")
        assert engine.ask("DELETE", f"/api/v1/proxies/{part}").status == 204
        assert engine.ask("GET", f"/api/v1/proxies/{part}").status == 404


@settings(deadline=None, max_examples=20)
@given(name=NAMES)
@example(name="..")
@example(name=NFD)
@example(name="a/b")
def test_entries_of_a_chain_are_named_by_the_same_rule(engine: Toxiproxy, name: str) -> None:
    """Chain entries and toxics: whichever way they came in, they are found by their names."""
    if not name:
        return
    native(engine, "web")
    part, other = (quote(unicodedata.normalize(form, name), safe="") for form in ("NFC", "NFD"))
    for path, body in (("chain", {"handler": "delay"}), ("toxics", {"type": "latency"})):
        ask = engine.ask if path == "chain" else engine.http
        where = f"/api/v1/proxies/web/{path}" if path == "chain" else f"/proxies/web/{path}"
        made = ask("POST", where, {**body, "name": name})
        if not is_name(name):
            assert made.status == 400
            continue
        assert made.json["name"] == composed(name)
        assert ask("PATCH", f"{where}/{other}", {}).status == 200
        assert ask("DELETE", f"{where}/{part}").status == 204
    engine.ask("DELETE", "/api/v1/proxies/web")


@pytest.mark.parametrize("text", [*SENSELESS, LONG])
def test_a_profile_with_no_name_is_refused_as_well(text: str) -> None:
    """``check`` says what the APIs say."""
    with pytest.raises(SettingsError, match="name"):
        profiles.from_builtins({"proxy": [proxy(text)]})


def test_the_same_name_in_two_forms_is_one(engine: Toxiproxy) -> None:
    """A second proxy of that name is a conflict, and a profile says so."""
    assert native(engine, NFD) == 201
    assert native(engine, composed(NFD)) == 409
    assert toxiproxy(engine, NFD) == 409
    with pytest.raises(SettingsError, match="another proxy is named 'café'"):
        profiles.from_builtins({"proxy": [proxy(NFD), proxy(composed(NFD))]})
    engine.ask("DELETE", "/api/v1/proxies/" + quote(NFD))


def test_a_file_with_names_in_another_form_keeps_its_comments(tmp_path: Path) -> None:
    """Saving finds a proxy that an editor wrote in decomposed letters."""
    file = tmp_path / "p.toml"
    text = f'# mine\n[[proxy]]\nname = "{NFD}" # kept\nlisten = "127.0.0.1:0"\nbackend = ":1"\n'
    file.write_text(text)

    profiles.save(file, profiles.load(file))

    assert "# kept" in file.read_text()
