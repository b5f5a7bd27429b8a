"""What may be typed in the palette."""

from __future__ import annotations

import pytest

from chaostui.tui.model.form import fields
from chaostui.tui.model.phrases import understand
from tests.tui.catalogue import CATALOGUE

FIELDS = {str(entry["name"]): fields(entry["options"]) for entry in CATALOGUE}


@pytest.mark.parametrize(
    ("query", "understood"),
    [
        ("delay 40", [("fault.weight", "delay 40")]),
        ("de 12.5%", [("fault.weight", "delay 12.5")]),
        ("delay 1.5s", [("handler.set", "delay sleep 1.5s")]),
        ("delay 20ms", [("handler.set", "delay sleep 20ms")]),
        ("throttle 64k", [("handler.set", "throttle rate 64k")]),
        ("delay jitter 0.2", [("handler.set", "delay jitter 0.2")]),
        ("delay dist norm", [("handler.set", "delay distribution norm")]),
        ("delay jitter soon", []),
        ("delay", []),
        ("delay 101", []),
        ("nope 4", []),
    ],
)
def test_a_sentence_becomes_an_action(query: str, understood: list[tuple[str, str]]) -> None:
    """A handler's name with a number is a weight, with a unit its main option."""
    found = understand(query, list(FIELDS), FIELDS)

    assert [(phrase.identity, phrase.argument) for phrase in found] == understood


def test_a_sentence_says_how_it_was_understood() -> None:
    """The palette shows the whole of what will be done."""
    assert understand("delay 20ms", ["delay"], FIELDS)[0].title == "handler: set delay sleep 0.02 s"
