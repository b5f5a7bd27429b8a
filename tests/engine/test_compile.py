"""Plans are made of settings wholly, or not at all with a word on what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from chaostui.engine.faults.compile import Compiled, compile_plan, entry_name, handler_class
from chaostui.engine.faults.plan import Plan
from chaostui.errors import SettingsError
from chaostui.protocols.tcp import Tcp
from chaostui.registry import builtin
from chaostui.settings import ChainEntry, Mix


def compiled(
    mix: str = "", *chain: ChainEntry, before: Plan | None = None, **raw: dict[str, Any]
) -> Compiled:
    """Compile a mix in text form for plain TCP."""
    return compile_plan(builtin(), Tcp, Mix.parse(mix), raw, chain, before or Plan())


def test_a_mix_becomes_armed_handlers_in_its_order() -> None:
    """Weights and options are read, defaults filled in."""
    made = compiled("20:delay,5:errors", delay={"sleep": 2})

    assert [(each.name, each.weight) for each in made.plan.mix] == [("delay", 20), ("errors", 5)]
    assert made.mix["delay"].options.sleep == 2  # type: ignore[attr-defined]
    assert made.mix["delay"].options.jitter == 0  # type: ignore[attr-defined]


def test_what_does_nothing_is_left_out() -> None:
    """``normal``, its alias and weights of zero are no handlers to ask."""
    assert compiled("50:normal,0:delay").plan.quiet
    assert compiled("50:dummy").plan.quiet


@pytest.mark.parametrize(
    ("mix", "raw", "what"),
    [
        ("20:dealy", {}, "delay"),
        ("20:errors,5:error", {}, "'errors' stands there twice"),
        ("20:delay", {"delay": {"slep": 1}}, r"handler\.delay\.slep"),
        ("20:delay", {"delay": {"sleep": -1}}, r"handler\.delay\.sleep"),
        ("20:errors", {"errors": {"kind": "503"}}, r"handler\.errors: tcp has no error"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(mix: str, raw: dict[str, Any], what: str) -> None:
    """The nearest name, the path of the option, the bound."""
    with pytest.raises(SettingsError, match=what):
        compiled(mix, **raw)


def test_an_alias_is_the_handler_it_stands_for() -> None:
    """``error`` is ``errors``, with the options of that name."""
    assert handler_class(builtin(), "error").name == "errors"
    assert [each.name for each in compiled("5:error").plan.mix] == ["errors"]


def test_what_stays_switched_on_keeps_its_hits_and_its_state() -> None:
    """New weights and options go to the same handler; one that comes new starts from zero."""
    before = compiled("20:delay", delay={"sleep": 1})
    before.apply()
    delay = before.mix["delay"]
    delay.hits, delay.shared["calls"] = 3, 5
    after = compiled("30:delay,1:hang", before=before.plan, delay={"sleep": 2})

    assert (delay.weight, delay.options.sleep) == (20, 1)  # type: ignore[attr-defined]
    assert after.apply() == {delay}
    assert after.mix["delay"] is delay
    assert (delay.weight, delay.options.sleep, delay.hits) == (30, 2, 3)  # type: ignore[attr-defined]
    assert compiled("30:delay", before=after.plan, delay={"sleep": 2}).apply() == frozenset()


def test_a_failed_plan_changes_nothing() -> None:
    """The second handler is wrong: the first keeps its weight and options."""
    before = compiled("20:delay")
    with pytest.raises(SettingsError):
        compiled("30:delay,1:nothing", before=before.plan, delay={"sleep": 9})

    assert before.mix["delay"].weight == 20


def test_chain_entries_are_named_and_directed() -> None:
    """An entry without a name is called by its handler and direction."""
    made = compiled(
        "",
        ChainEntry(handler="delay", options={"sleep": 2}),
        ChainEntry(handler="delay", name="mine", direction="both", probability=0.5),
        ChainEntry(handler="hang", direction="upstream"),
    )

    assert [(e.name, e.directions, e.probability) for e in made.plan.chain] == [
        ("delay_downstream", ("downstream",), 1.0),
        ("mine", ("upstream", "downstream"), 0.5),
        ("hang_upstream", ("upstream",), 1.0),
    ]
    assert entry_name(ChainEntry(handler="delay")) == "delay_downstream"


def test_a_chained_delay_delays_the_entrys_direction() -> None:
    """The option ``direction`` follows the entry's, unless it says otherwise."""
    made = compiled("", ChainEntry(handler="delay", direction="downstream"))

    assert made.chain[0].armed.options.direction == "downstream"  # type: ignore[attr-defined]


def test_two_chain_entries_of_one_name_are_refused() -> None:
    """Names are how entries are changed."""
    with pytest.raises(SettingsError, match=r"chain\.delay_downstream"):
        compiled("", ChainEntry(handler="delay"), ChainEntry(handler="delay"))


def test_a_chain_entry_keeps_its_state_by_its_name() -> None:
    """The same name with another handler is another entry."""
    before = compiled("", ChainEntry(handler="delay", name="x"))
    before.apply()
    same = compiled("", ChainEntry(handler="delay", name="x"), before=before.plan)
    other = compiled("", ChainEntry(handler="hang", name="x"), before=before.plan)

    assert same.chain[0].armed is before.chain[0].armed
    assert other.chain[0].armed is not before.chain[0].armed
