"""docs/settings.md: every setting there is, in the words of its declaration."""

from __future__ import annotations

import pytest
from click import Command, Context

from chaostui.api.openapi import build
from chaostui.api.server import ROUTES
from chaostui.cli.overrides import OVERRIDES, parameters
from chaostui.options import fields
from chaostui.settings import ProxySettings
from chaostui.tui.config import ConsoleConfig
from chaostui.tui.model.origins import settings
from tests import settings_page

EVERY = [(kind, name) for kind in settings_page.TABLES.values() for name in fields(kind)]
MIXED = {"name", "behavior", "chain", "handler"}
"""Settings that the console shows on screens of their own."""


def test_the_page_is_what_the_code_says() -> None:
    """Its tables are made of the declarations (python -m tests.settings_page)."""
    text = settings_page.PAGE.read_text(encoding="utf-8")

    assert text == settings_page.written(text)
    assert {name for _, name in EVERY} <= {part.strip("`") for part in text.split()}


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda value: getattr(value, "__name__", ""))
def test_no_setting_is_without_help(kind: type, name: str) -> None:
    """Each says what it is for, in one short line; times and sizes have their unit."""
    option = fields(kind)[name].option

    assert option.help
    assert len(option.help) <= 80
    assert option.help[0].islower() or option.help.startswith("TLS ")
    timed = name.endswith(("timeout", "drain", "linger", "interval", "slow_reply"))
    assert option.unit == ("s" if timed else "B" if name == "max_held" else "")


def test_the_command_line_says_the_same() -> None:
    """An option's help begins with its setting's."""
    shown = {p.name: p for p in parameters()}
    for override in OVERRIDES:
        record = shown[override.key].get_help_record(Context(_command()))
        model = settings_page.TABLES.get(str(override.path[0]), settings_page.TABLES["profile"])
        said = fields(model)[str(override.path[-1])].option.help

        assert record is not None
        assert record[1].casefold().startswith(said.casefold())


def _command() -> Command:
    from chaostui.cli.start import start

    return start


def test_the_console_lists_each_setting_of_a_proxy_with_its_help() -> None:
    """All but those that have a screen of their own."""
    profile = {"proxy": [{"name": "redis", "listen": "a:1", "backend": "b:2"}]}

    shown = {s.name: s.help for s in settings(profile, None, ConsoleConfig()) if s.place == "redis"}

    assert shown == {
        name: field.option.help
        for name, field in fields(ProxySettings).items()
        if name not in MIXED
    }


def test_the_api_describes_each_setting() -> None:
    """With help and unit, where a proxy is made, changed, or a whole profile is loaded."""
    document = build(ROUTES)
    schemas = document["components"]["schemas"]
    made = schemas["ProxySettings"]["properties"]

    assert set(made) == set(fields(ProxySettings))
    assert made["linger"]["description"] == fields(ProxySettings)["linger"].option.help
    assert made["linger"]["x-unit"] == "s"
    assert schemas["ProxySettings"]["required"] == ["name", "listen", "backend"]
    changed = schemas["ProxySettingsChanges"]
    assert set(changed["properties"]) == set(made) - {"name"}
    assert not changed.get("required")
    assert set(schemas["Profile"]["properties"]) == set(fields(settings_page.TABLES["profile"]))
