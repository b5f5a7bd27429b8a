"""Toxics and chain entries say the same in different words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from chaostui.errors import Conflict
from chaostui.profiles.go_json import Number
from chaostui.profiles.toxics import KINDS, attributes, options, probability, read_toxic
from chaostui.registry import builtin
from chaostui.settings import ChainEntry


@pytest.mark.parametrize(
    ("toxic", "entry"),
    [
        (
            {"type": "latency", "attributes": {"latency": "1500", "jitter": "20"}},
            {"handler": "delay", "options": {"sleep": 1.5, "jitter": 0.02}},
        ),
        (
            {"type": "bandwidth", "attributes": {"rate": "9"}, "toxicity": "0.1"},
            {"handler": "throttle", "options": {"rate": 9.0}, "probability": 0.1},
        ),
        (
            {"type": "slicer", "attributes": {"average_size": "64", "delay": "10"}},
            {"handler": "slice", "options": {"size": 64, "variation": 0, "delay": 0.01}},
        ),
        (
            {"type": "reset_peer", "stream": "UPSTREAM"},
            {"handler": "reset", "options": {"after": 0.0}, "direction": "upstream"},
        ),
        ({"type": "noop", "name": "x"}, {"handler": "normal", "options": {}, "name": "x"}),
        (
            {"type": "packet_loss", "attributes": {"loss_rate": "0.5"}},
            {"handler": "loss", "options": {"rate": 50.0, "burst": 0.0}},
        ),
    ],
)
def test_a_toxic_is_a_chain_entry(toxic: dict[str, Any], entry: dict[str, Any]) -> None:
    """Milliseconds become seconds, microseconds milliseconds, shares percent."""
    given = {key: Number(value) if key == "toxicity" else value for key, value in toxic.items()}
    given["attributes"] = {k: Number(v) for k, v in toxic.get("attributes", {}).items()}
    stream = toxic.get("stream", "downstream")
    wanted = {"name": f"{toxic['type']}_{stream}", "direction": "downstream", **entry}

    assert read_toxic(given).entry() == ChainEntry(**wanted)


@pytest.mark.parametrize("type_", KINDS)
def test_every_type_has_a_handler_that_takes_its_options(type_: str) -> None:
    """Zeros, the defaults, are options that the handler accepts, and read back as zeros."""
    toxic = read_toxic({"type": type_})
    kind = builtin().handlers[KINDS[type_].handler]
    kind.Options(**toxic.entry().options)

    assert attributes(type_, toxic.entry().options) == toxic.attributes
    assert not any(toxic.attributes.values())


@pytest.mark.parametrize("type_", sorted(KINDS))
@given(data=st.data())
def test_whole_numbers_survive_the_engines_units(type_: str, data: st.DataObject) -> None:
    """What is within an option's bounds reads back exactly."""
    for name, attribute in KINDS[type_].attributes.items():
        if attribute.kind is int:
            value = data.draw(st.integers(0, 60_000))
            zeros = dict.fromkeys(KINDS[type_].attributes, 0)
            made = options(type_, {**zeros, name: value})
            assert attributes(type_, made)[name] == value


@pytest.mark.parametrize(
    ("type_", "given", "made"),
    [
        ("latency", {"latency": -5}, {"sleep": 0.0}),
        ("latency", {"latency": 2**63 - 1}, {"sleep": 86_400.0}),
        ("bandwidth", {"rate": -1}, {"rate": 0.0}),
        ("slicer", {"average_size": 2**40}, {"size": 1_048_576}),
        ("packet_loss", {"loss_rate": 17.0}, {"rate": 100.0}),
    ],
)
def test_a_value_out_of_bounds_acts_as_the_nearest(
    type_: str, given: dict[str, Any], made: dict[str, Any]
) -> None:
    """Toxiproxy takes any number."""
    assert options(type_, given) == made


@pytest.mark.parametrize(("toxicity", "chance"), [(0.5, 0.5), (2.5, 1.0), (-1.0, 0.0), (0.1, 0.1)])
def test_a_toxicity_is_a_probability(toxicity: float, chance: float) -> None:
    """What is over 1 is always, what is below 0 never."""
    assert probability(toxicity) == chance


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"type": "latency", "stream": "both"}, "stream was invalid"),
        ({"type": "latency", "stream": ""}, "stream was invalid"),
        ({"type": "reset"}, "invalid toxic type"),
        ({}, "invalid toxic type"),
        ({"type": 1}, "bad request body"),
        ({"type": "latency", "attributes": 5}, "bad request body"),
    ],
)
def test_a_wrong_toxic_is_refused(given: dict[str, Any], text: str) -> None:
    """With Toxiproxy's text, the first where several apply."""
    with pytest.raises(ValueError, match=text):
        read_toxic(given)


def test_a_taken_name_comes_before_wrong_attributes() -> None:
    """As Toxiproxy looks at them."""
    given = {"type": "latency", "attributes": {"latency": "x"}}
    with pytest.raises(Conflict):
        read_toxic(given, ["latency_downstream"])
