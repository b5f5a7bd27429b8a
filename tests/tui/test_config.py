"""The console's own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaostui.errors import SettingsError
from chaostui.tui import config
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
    text = 'theme = "chaos-light"\n[keymap]\n"fault.normal" = "0,f9"\n"fault.toggle.1" = "f1"\n'
    found = config.load(environ(tmp_path, text))

    assert found.theme == "chaos-light"
    assert found.keymap["fault.normal"] == "0,f9"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[keymap]\n"fault.nope" = "x"', "keymap.fault.nope: no such action"),
        ("colour = 1", "unknown field `colour`"),
        ("theme = ", "config.toml"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """An unknown key or action is refused with its place."""
    with pytest.raises(SettingsError, match=problem):
        config.load(environ(tmp_path, text))


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
