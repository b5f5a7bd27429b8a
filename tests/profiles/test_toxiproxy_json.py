"""Toxiproxy's configuration file becomes a profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaostui import profiles
from chaostui.errors import SettingsError
from chaostui.profiles.toxiproxy_json import listen_address, load


def written(folder: Path, content: Any) -> Path:
    """Write a configuration file."""
    file = folder / "toxiproxy.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_proxies_and_their_toxics_are_taken(tmp_path: Path) -> None:
    """Toxics in the file, which Toxiproxy leaves out, become the chain; it loads again as TOML."""
    toxic = {"type": "latency", "attributes": {"latency": 100}, "toxicity": 0.5}
    profile = load(
        written(
            tmp_path,
            [
                {"name": "a", "listen": "[::]:1", "upstream": "web.domain:80", "enabled": True},
                {"Name": "b", "listen": ":2", "upstream": "[::1]:3", "toxics": [toxic]},
                {"name": "c", "upstream": "d:4", "enabled": False, "toxics": None},
            ],
        )
    )

    assert [str(proxy.listen) for proxy in profile.proxy] == ["[::]:1", "0.0.0.0:2", "0.0.0.0:0"]
    assert [str(proxy.backend) for proxy in profile.proxy] == ["web.domain:80", "[::1]:3", "d:4"]
    assert [proxy.enabled for proxy in profile.proxy] == [True, True, False]
    assert {proxy.draw for proxy in profile.proxy} == {"connection"}
    (entry,) = profile.proxy[1].chain
    assert (entry.handler, entry.probability, entry.options["sleep"]) == ("delay", 0.5, 0.1)
    assert profiles.loads(profiles.dump(profile)).proxy[1].chain[0].handler == "delay"


def test_every_mistake_is_told(tmp_path: Path) -> None:
    """Each with the number of its proxy."""
    file = written(
        tmp_path,
        [
            {"name": "a"},
            {"upstream": "x"},
            {"name": "b", "upstream": "garbage"},
            {"name": "c", "upstream": "x:1", "toxics": [{"type": "q"}]},
            {"name": "d", "upstream": "x:1", "listen": "y"},
            {"name": "e", "upstream": "x:1"},
            {"name": "e", "upstream": "x:1"},
            {"name": "f", "upstream": "x:1", "toxics": [{"type": "noop"}, {"type": "noop"}]},
            5,
        ],
    )
    with pytest.raises(SettingsError) as caught:
        load(file)

    places = [problem.place.rpartition(" ")[2] for problem in caught.value.problems]
    assert places == ["1", "2", "3", "4", "5", "7", "8", "9"]


@pytest.mark.parametrize(
    ("content", "what"), [("", "not JSON: EOF"), ("{}", "is not an array"), ("[", "not JSON")]
)
def test_what_is_no_array_is_refused(tmp_path: Path, content: str, what: str) -> None:
    """With the file's name."""
    with pytest.raises(SettingsError, match=what):
        load(written(tmp_path, content))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:0", "localhost:0"),
        ("", "0.0.0.0:0"),
        (":80", "0.0.0.0:80"),
        ("[::1]:80", "[::1]:80"),
        ("127.0.0.1:", "127.0.0.1:0"),
    ],
)
def test_no_host_means_every_address(text: str, address: str) -> None:
    """As in Go, and unlike chaostui's own profiles, where it means this machine."""
    assert str(listen_address(text)) == address


@pytest.mark.parametrize("text", ["nope", "::1:80", "a:99999", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """A ValueError in one line."""
    with pytest.raises(ValueError, match=r"\S"):
        listen_address(text)
