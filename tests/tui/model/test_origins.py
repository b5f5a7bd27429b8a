"""Settings with their origins."""

from __future__ import annotations

import pytest

from chaostui.settings import ProxySettings
from chaostui.tui.config import HELP, ConsoleConfig
from chaostui.tui.model.origins import Setting, settings

PROFILE = {
    "seed": 7,
    "proxy": [{"name": "redis", "listen": "a:1", "backend": "b:2", "connect_timeout": 3.0}],
    "handler": {"delay": {"sleep": 2}},
}


def found() -> dict[tuple[str, str], Setting]:
    """The settings by place and name."""
    config = ConsoleConfig(theme="chaos-light")
    return {(s.place, s.name): s for s in settings(PROFILE, None, config, "chaos.toml")}


def test_each_setting_says_where_it_comes_from() -> None:
    """What the profile says comes from there, what it leaves out is a default."""
    known = found()

    assert (known["redis", "connect_timeout"].origin, known["redis", "connect_timeout"].value) == (
        "profile",
        "3",
    )
    assert known["redis", "linger"].origin == "default"
    assert known["engine", "seed"].value == "7"
    assert known["[delay]", "sleep"].value == "2"
    assert known["console", "theme"].origin == "config.toml"
    assert known["console", "sort"].origin == "default"


def test_what_can_be_edited_is_a_setting_of_a_proxy() -> None:
    """All settings of a proxy but those with a screen of their own are, and no others."""
    names = {name for (_, name), setting in found().items() if setting.editable}

    elsewhere = {"name", "behavior", "chain", "handler", "protocol_options"}
    assert names == set(ProxySettings.__struct_fields__) - elsewhere
    assert all(setting.help for (place, _), setting in found().items() if place != "[delay]")
    assert set(HELP) == set(ConsoleConfig.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("connect_timeout", "500ms", 0.5),
        ("max_held", "2M", 2_000_000),
        ("enabled", "no", False),
        ("backend", " c:3 ", "c:3"),
        ("tls_cert", "–", ""),
    ],
)
def test_values_are_read_by_their_type(name: str, text: str, value: object) -> None:
    """A typed value becomes what the API expects."""
    assert found()["redis", name].read(text) == value


def test_a_value_of_the_wrong_type_is_refused() -> None:
    """What is not of the setting's type is refused before anything is sent."""
    with pytest.raises(ValueError, match="yes or no"):
        found()["redis", "enabled"].read("maybe")
