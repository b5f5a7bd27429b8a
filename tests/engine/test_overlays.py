"""Faults that lie over a proxy's own mix, and options that go over options."""

from __future__ import annotations

from chaostui.engine.faults.overlays import Layer, Layers, merged_options
from chaostui.settings import Mix


def test_the_topmost_is_in_force_and_each_goes_by_itself() -> None:
    """Taken away from the middle, the order of the others stays."""
    layers = Layers(Mix.parse("1:delay"))
    made = [Layer(Mix.parse(f"{weight}:delay")) for weight in (2, 3, 4)]
    for layer in made:
        layers.push(layer)

    assert layers.top is made[2]
    assert layers.remove(made[1])
    assert not layers.remove(made[1])
    assert layers.over == (made[0], made[2])
    assert layers.remove(made[2])
    assert layers.remove(made[0])
    assert layers.top is layers.base
    assert str(layers.top.mix) == "1:delay"


def test_equal_layers_are_two_layers() -> None:
    """Two owners with the same fault have a fault each."""
    layers = Layers(Mix())
    one, two = Layer(Mix.parse("hang")), Layer(Mix.parse("hang"))
    layers.push(one)
    layers.push(two)
    layers.remove(one)

    assert layers.over == (two,)


def test_clearing_leaves_normal() -> None:
    """All layers go, and the proxy's own mix with them."""
    layers = Layers(Mix.parse("1:delay"))
    layers.push(Layer(Mix.parse("hang")))
    layers.clear()

    assert layers.over == ()
    assert not layers.top.mix


def test_later_options_go_over_earlier_ones_by_handler() -> None:
    """An alias and its handler are one."""
    merged = merged_options(
        lambda name: {"error": "errors"}.get(name, name),
        {"errors": {"kind": "500", "warmup": 1}, "delay": {"sleep": 1}},
        {"error": {"kind": "503"}},
        {},
    )

    assert merged == {"errors": {"kind": "503", "warmup": 1}, "delay": {"sleep": 1}}
