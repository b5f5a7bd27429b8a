"""The journal: who changed what, in the order it happened."""

from __future__ import annotations

from chaostui.engine.observe.bus import Bus
from chaostui.engine.observe.journal import KEPT, Journal
from chaostui.settings import Mix
from tests.engine.rig import ACTOR, proxied


def test_each_change_raises_the_revision_and_a_note_does_not() -> None:
    """A tester's marker stands among the changes and is none."""
    journal = Journal(Bus())
    journal.write("me", "mix", "a", "", "20:delay")
    note = journal.note("me", "here it goes")
    journal.write("you", "mix", "a", "20:delay", "")

    assert journal.revision == 2
    assert (note.what, note.after) == ("note", "here it goes")
    assert [(c.actor, c.before, c.after) for c in journal.since(0)] == [
        ("me", "", "20:delay"),
        ("me", "", "here it goes"),
        ("you", "20:delay", ""),
    ]
    assert [c.actor for c in journal.since(note.seq)] == ["you"]


def test_the_journal_is_bounded() -> None:
    """Only the newest changes are kept."""
    journal = Journal(Bus(size=10))
    for number in range(KEPT + 5):
        journal.write("me", str(number))

    assert len(journal.since(0)) == KEPT
    assert journal.since(0)[0].what == "5"


async def test_changes_outlive_a_flood_of_other_events() -> None:
    """Thousands of hits push a change off the ring, not out of the journal."""
    async with proxied() as rig:
        await rig.mix("5:delay")
        for _ in range(20_000):
            rig.supervisor.bus.publish(
                type(rig.supervisor.journal()[0]), proxy="", actor="", what=""
            )

        assert rig.supervisor.bus.dropped > 0
        assert rig.supervisor.journal()[0].after == "5:delay"


async def test_what_a_supervisor_is_told_to_do_is_written_down() -> None:
    """C07: each call that changes something leaves one entry with its actor; refused ones none."""
    async with proxied() as rig:
        supervisor = rig.supervisor
        before = supervisor.revision
        await supervisor.set_mix(None, Mix.parse("20:delay"), "anna")
        await supervisor.set_weights(None, {"delay": 30}, "bert")
        await supervisor.set_options(None, "delay", {"sleep": 2}, "cleo")
        await supervisor.set_bypass(None, True, "dora")
        name = await rig.chain("hang")
        await supervisor.update_chain(None, name, "emil", probability=0.5)
        await supervisor.remove_chain(None, name, "fritz")
        await supervisor.update_proxy(None, {"linger": 2.0}, "gert")
        await supervisor.halt("", "hans")
        await supervisor.release("ida")
        await supervisor.reset("jan")
        told = [(c.actor, c.what) for c in supervisor.journal()]

        assert told == [
            ("anna", "mix"),
            ("bert", "mix"),
            ("cleo", "options of delay"),
            ("dora", "bypass on"),
            (ACTOR, "chain"),
            ("emil", "chain changed"),
            ("fritz", "chain removed"),
            ("gert", "changed"),
            ("hans", "halt"),
            ("ida", "halt released"),
            ("jan", "reset"),
        ]
        assert supervisor.revision == before + len(told)
