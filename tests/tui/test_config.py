"""The console's own configuration."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from chaostui.cli import main
from chaostui.errors import SettingsError
from chaostui.tui import config
from chaostui.tui.actions import ACTIONS
from tests import readme


def environ(folder: Path, text: str = "") -> dict[str, str]:
    """An environment whose configuration says ``text``."""
    if text:
        (folder / "chaostui").mkdir()
        (folder / "chaostui" / "config.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "HOME": "/"}


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    """No file is no error."""
    assert config.load(environ(tmp_path)) == config.ConsoleConfig()


def test_keys_can_be_moved(tmp_path: Path) -> None:
    """A keymap names actions by id."""
    text = 'theme = "chaos-light"\n[keymap]\n"fault.normal" = "0,f9"\n"fault.toggle.1" = "f3"\n'
    found = config.load(environ(tmp_path, text))

    assert found.theme == "chaos-light"
    assert found.keymap["fault.normal"] == "0,f9"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[keymap]\n"fault.nope" = "x"', "keymap.fault.nope: no action 'fault.nope'"),
        ('[keymap]\n"fault.norml" = "x"', "no action 'fault.norml'; did you mean 'fault.normal'"),
        (
            '[keymap]\n"fault.solo" = "0"',
            r"keymap.fault.solo: 0 is the key of fault.normal, which ends all faults",
        ),
        ('[keymap]\n"fault.solo" = "b"', "b is the key of fault.bypass"),
        ('[keymap]\n"connections.pin" = "q"', "q is the key of help.quit"),
        ('[keymap]\n"fault.solo" = "/"', "/ is the key of connections.filter"),
        ('[keymap]\n"fault.normal" = ""', "keymap.fault.normal: a key is missing"),
        ('[keymap]\n"fault.solo" = "hyper+x"', r"no key 'hyper\+x'"),
        ('[keymap]\n"fault.solo" = "pagedwn"', "no key 'pagedwn'; did you mean 'pagedown'"),
        ("colour = 1", "no option 'colour'"),
        ("sot = 'rate'", "no option 'sot'; did you mean 'sort'"),
        ("theme = 'chaos-lite'", "theme: no theme 'chaos-lite'; did you mean 'chaos-light'"),
        ("sort = 'rat'", "sort: no column 'rat'; did you mean 'rate'"),
        ("columns = ['id', 'cleint']", "columns: no column 'cleint'; did you mean 'client'"),
        ("columns = []", "columns: at least one column"),
        ("glyphs = 'asci'", "glyphs: 'asci' is none of auto, unicode, ascii"),
        ("reverse = 'yes'", "reverse: 'yes' is not"),
        ("theme = ", "config.toml"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """An unknown key or action is refused with its place."""
    with pytest.raises(SettingsError, match=problem):
        config.load(environ(tmp_path, text))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Three mistakes are three lines, each with its place."""
    text = "theme = 'x'\nsort = 'y'\n[keymap]\n'fault.nope' = 'z'\n"
    with pytest.raises(SettingsError) as caught:
        config.load(environ(tmp_path, text))

    assert [p.place.rpartition(": ")[2] for p in caught.value.problems] == [
        "theme", "sort", "keymap.fault.nope",
    ]  # fmt: skip


def test_keys_may_change_places(tmp_path: Path) -> None:
    """Two actions that swap their keys are no conflict; ``/`` may be written as such."""
    text = '[keymap]\n"fault.solo" = "b"\n"fault.bypass" = "s"\n"view.freeze" = "space, ;"\n'
    found = config.load(environ(tmp_path, text))

    assert found.keymap["fault.solo"] == "b"
    assert found.keymap["view.freeze"] == "space,semicolon"


def test_the_sample_is_a_configuration_with_everything_in_it() -> None:
    """It loads as it is, and with every line switched on it says what holds without it."""
    text = config.sample()
    assert config.parse(text, "sample") == config.ConsoleConfig()
    everything = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
    found = config.parse(everything, "sample")

    assert msgspec.structs.replace(found, keymap={}) == config.ConsoleConfig()
    bound = {i: keys for action in ACTIONS for keys, i, _ in action.bindings() if keys}
    assert found.keymap == bound


@pytest.mark.parametrize(
    ("command", "words"),
    [("sample", "[keymap]"), ("path", "chaostui/config.toml"), ("check", "no problem")],
)
def test_the_configuration_has_commands(
    command: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """``chaostui config sample``, ``path`` and ``check``."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert main(["config", command]) == 0
    assert words in capsys.readouterr().out


def test_a_chosen_theme_is_remembered(tmp_path: Path) -> None:
    """The theme chosen last is used next time, unless the configuration names one."""
    where = environ(tmp_path)
    config.remember("chaos-mono", where)

    assert config.load(where).theme == "chaos-mono"


def test_state_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """A read-only home does not stop anybody from choosing a theme."""
    (tmp_path / "state").write_text("a file where the folder should be")

    config.remember("chaos-mono", environ(tmp_path))
    assert config.load(environ(tmp_path)).theme == "chaos"


def test_the_readmes_example_is_understood(tmp_path: Path) -> None:
    """The configuration that the README shows loads as it is."""
    text = readme.block("toml", "[keymap]")
    found = config.load(environ(tmp_path, text))

    assert (found.theme, found.glyphs) == ("chaos-light", "ascii")
    assert found.keymap == {"fault.normal": "0,f9"}
