"""What handlers make of what goes one way, as dialogues in virtual time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from chaostui.engine.faults.items import What
from chaostui.engine.relay.state import NEXT, State
from chaostui.protocol import Frame
from tests.engine.relay.dialogue import FOREVER, Dialogue, played, tidy

DIALOGUES = {
    "a delay holds each message from its arrival": """
        mix delay sleep=1
        >> 0.0 data one
        << 0.0 hit delay
        >> 0.4 data two
        << 0.4 hit delay
        << 1.0 write one
        << 1.4 write two
    """,
    "the end waits behind what is held": """
        mix delay sleep=1
        >> 0.0 data one
        << 0.0 hit delay
        >> 0.1 eof
        << 1.0 write one
        << 1.0 eof
    """,
    "a reset by the peer waits behind what is held": """
        mix delay sleep=1
        >> 0.0 data one
        << 0.0 hit delay
        >> 0.1 reset
        << 1.0 write one
        << 1.0 reset
    """,
    "what was made here waits behind what is held": """
        mix delay sleep=1
        >> 0.0 data one
        << 0.0 hit delay
        >> 0.5 local two
        << 1.0 write one | two
    """,
    "a delay that is switched off lets go at once": """
        mix delay sleep=9
        >> 0.0 data one
        << 0.0 hit delay
        >> 1.0 data two
        << 1.0 hit delay
        >> 2.0 off delay
        << 2.0 write one | two
        >> 3.0 data three
        << 3.0 write three
    """,
    "a shorter delay counts from the arrival": """
        mix delay sleep=9
        >> 0.0 data one
        << 0.0 hit delay
        >> 1.0 data two
        << 1.0 hit delay
        >> 2.0 set delay sleep=2
        << 2.0 write one
        << 3.0 write two
    """,
    "a longer delay counts from the arrival": """
        mix delay sleep=2
        >> 0.0 data one
        << 0.0 hit delay
        >> 1.0 set delay sleep=5
        << 5.0 write one
    """,
    "the delays of a chain add up": """
        mix delay sleep=1
        chain loss rate=0
        chain script data=send:2
        >> 0.0 data one
        << 0.0 hit delay
        << 0.0 hit script
        << 3.0 write one
    """,
    "one of two delays that goes leaves the other": """
        mix delay sleep=1
        chain script data=send:2
        >> 0.0 data one
        << 0.0 hit delay
        << 0.0 hit script
        >> 0.5 off script
        << 1.0 write one
    """,
    "bytes wait for a destination that is not there yet": """
        mix delay sleep=1
        >> 0.0 unconnected
        >> 0.0 data one
        << 0.0 hit delay
        >> 5.0 connected
        << 5.0 write one
    """,
    "a handler that waits stops the reading": """
        chain script data=half+wait:1+rest
        >> 0.0 data abcd
        << 0.0 write ab
        << 0.0 hit script
        << 0.0 pause
        >> 0.5 data efgh
        << 1.0 write cd | ef
        << 1.0 hit script
        << 2.0 write gh
        << 2.0 resume
    """,
    "a wait that is switched off gives the rest at once": """
        chain script data=half+wait:9+rest
        >> 0.0 data abcd
        << 0.0 write ab
        << 0.0 hit script
        << 0.0 pause
        >> 0.5 data efgh
        >> 1.0 off script
        << 1.0 write cd | efgh
        << 1.0 resume
    """,
    "a wait whose handler changes begins anew with the rest": """
        chain script data=half+wait:9+rest
        >> 0.0 data abcd
        << 0.0 write ab
        << 0.0 hit script
        << 0.0 pause
        >> 1.0 set script data=send
        << 1.0 write cd
        << 1.0 resume
    """,
    "what waits behind a wait is held from its end": """
        chain script data=wait:1+send:1
        >> 0.0 data one
        << 0.0 hit script
        << 0.0 pause
        << 1.0 resume
        << 2.0 write one
    """,
    "throttle paces, and a new rate is for the rest": """
        chain throttle rate=0.02
        >> 0.0 data abcdefgh
        << 0.0 hit throttle
        << 0.0 pause
        << 0.1 write ab
        << 0.2 write cd
        >> 0.2 set throttle rate=0.01
        << 0.3 write e
        << 0.4 write f
        << 0.5 write g
        << 0.6 write h
        << 0.6 resume
    """,
    "a stall keeps everything in order until it is off": """
        mix hang
        >> 0.0 data one
        << 0.0 hit hang
        >> 1.0 data two
        >> 2.0 eof
        >> 9.0 off hang
        << 9.0 write one | two
        << 9.0 eof
    """,
    "a stall in the middle keeps what had not passed": """
        chain script data=half+stall
        >> 0.0 data abcd
        << 0.0 write ab
        << 0.0 hit script
        >> 1.0 off script
        << 1.0 write cd
    """,
    "a handler that answers swallows the request": """
        chain script data=reply:no
        >> 0.0 data please
        << 0.0 hit script
        << 0.0 answer no
    """,
    "an answer that waits goes on although it is off": """
        chain script data=reply:no+wait:1+reply:never
        >> 0.0 data please
        << 0.0 hit script
        << 0.0 answer no
        << 0.0 pause
        >> 0.5 off script
        << 0.5 answer never
        << 0.5 resume
    """,
    "nothing goes on after a final action": """
        chain script data=send+close+send
        >> 0.0 data one
        << 0.0 write one
        << 0.0 hit script
        << 0.0 finish close
        >> 1.0 data two
        >> 2.0 cut close
        << 2.0 close
    """,
    "a cut lets what was passed on leave first": """
        mix delay sleep=1
        >> 0.0 data one
        << 0.0 hit delay
        >> 0.5 cut reset
        << 1.0 write one
        << 1.0 reset
    """,
    "a cut keeps replies made here and drops what a stall kept": """
        mix hang
        >> 0.0 data one
        << 0.0 hit hang
        >> 0.0 local two
        >> 0.5 cut close
        << 0.5 write two
        << 0.5 close
    """,
    "a drop forgets everything": """
        mix delay sleep=1
        >> 0.0 data one
        << 0.0 hit delay
        >> 0.5 drop
        >> 0.6 data two
    """,
    "a handler is woken when it said": """
        chain script data=send+wake:2 wake=close
        >> 0.0 data one
        << 0.0 write one
        << 2.0 hit script
        << 2.0 finish close
    """,
    "bytes come before the time to wake": """
        chain script data=send+wake:2 wake=close
        >> 0.0 data one
        << 0.0 write one
        >> 1.0 data two
        << 1.0 write two
        << 3.0 hit script
        << 3.0 finish close
    """,
    "a handler that is off is not woken": """
        chain script data=send+wake:2 wake=close
        >> 0.0 data one
        << 0.0 write one
        >> 1.0 off script
    """,
    "the dial waits for a handler that holds the opening": """
        chain script open=wait:3
        >> 0.0 open
        << 0.0 hit script
        << 0.0 pause
        << 3.0 open
        << 3.0 resume
    """,
    "what the second does after the first has waited is told": """
        chain script data=wait:1+send
        chain delay sleep=1
        >> 0.0 data one
        << 0.0 hit script
        << 0.0 pause
        << 1.0 hit delay
        << 1.0 resume
        << 2.0 write one
    """,
    "a slow close holds the end alone": """
        chain script eof=wait:2
        >> 0.0 data one
        << 0.0 write one
        >> 0.0 eof
        << 0.0 hit script
        << 0.0 pause
        << 2.0 eof
        << 2.0 resume
    """,
    "a handler that raises is named": """
        chain script data=send+raise:no
        >> 0.0 data one
        << 0.0 write one
        << 0.0 failed script ValueError('no')
        >> 1.0 data two
        >> 1.0 cut reset
        << 1.0 reset
    """,
    "a call has the bytes until it is over": """
        chain script data=call
        >> 0.0 data one
        << 0.0 hit script
        << 0.0 call one
        >> 1.0 eof
        >> 2.0 called
        << 2.0 eof
    """,
    "a call whose handler is off is told so": """
        chain script data=call
        >> 0.0 data one
        << 0.0 hit script
        << 0.0 call one
        >> 1.0 off script
        << 1.0 stop call
        >> 1.5 data two
        >> 2.0 called
        << 2.0 write two
    """,
    "a call is cancelled with the connection": """
        chain script data=call
        >> 0.0 data one
        << 0.0 hit script
        << 0.0 call one
        >> 1.0 drop
        << 1.0 cancel call
    """,
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_dialogue_goes_as_it_is_written(name: str) -> None:
    """Each of them: what comes, when, and what is done about it."""
    assert played(DIALOGUES[name]) == tidy(DIALOGUES[name])


WORDS = (
    "send", "send:1", "half", "rest", "say:x", "wait:1", "wait:0", "wake:1", "reply:r", "stall",
    "close", "cut", "call", "raise:no",
)  # fmt: skip
FINAL = {"close", "cut", "raise:no"}


@pytest.mark.parametrize("pair", list(itertools.product(WORDS, repeat=2)), ids="+".join)
def test_any_two_actions_leave_a_pipeline_that_can_be_healed(pair: tuple[str, str]) -> None:
    """After any two, in mix or chain: switched off, it passes what comes next, or it has ended."""
    for place in ("mix", "chain"):
        dialogue = Dialogue()
        (dialogue.mix if place == "mix" else dialogue.chain)("script", data="+".join(pair))
        dialogue.play(">> 0.0 data abcd")
        dialogue.play(">> 0.5 data efgh")
        dialogue.play(">> 0.6 off script")
        if dialogue.pipe.state is State.CALLING:
            dialogue.play(">> 0.7 called")
        dialogue.until(FOREVER)
        if not FINAL.intersection(pair[: 1 + (pair[0] not in {"stall", "call"})]):
            dialogue.play(">> 9000000.0 data last")
            assert dialogue.written.endswith(b"last")
            assert dialogue.pipe.idle
            assert not dialogue.pipe.held
        else:
            assert dialogue.pipe.state in {State.FINISHED, State.READY}


HOLDING = (
    "delay sleep=1 direction=both",
    "delay sleep=2 jitter=1 direction=both",
    "throttle rate=0.02",
    "slice size=2 delay=100",
    "slow_close delay=1",
    "loss rate=50",
    "hang",
    "script data=half+wait:1+rest",
    "script data=send+wake:1",
)
EVENTS = st.sampled_from(("data", "data", "data", "off", "set", "local", "wait"))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(HOLDING), min_size=1, max_size=3, unique_by=lambda line: line.split()[0]
    ),
    st.lists(st.tuples(EVENTS, st.integers(0, 30)), max_size=12),
    st.booleans(),
)
def test_what_only_holds_loses_nothing(
    handlers: list[str], events: list[tuple[str, int]], drawn: bool
) -> None:
    """Whatever holds bytes, changes or is switched off: all leave, in order, then the end."""
    dialogue = Dialogue()
    for number, line in enumerate(handlers):
        name, *options = line.split()
        given_ = dict(pair.split("=") for pair in options)
        (dialogue.mix if drawn and not number else dialogue.chain)(name, **given_)
    on = [line.split()[0] for line in handlers]
    sent, time = b"", 0.0
    for verb, tenths in events:
        time += tenths / 10
        text = f"{len(sent):03d}"
        if verb == "data":
            dialogue.play(f">> {time} data {text}")
            sent += text.encode()
        elif verb == "off" and on:
            dialogue.play(f">> {time} off {on.pop()}")
        elif verb == "set" and on:
            line = next(each for each in handlers if each.startswith(on[-1]))
            dialogue.play(f">> {time} set {line}")
    dialogue.play(f">> {time} eof")
    while on:
        dialogue.play(f">> {time} off {on.pop()}")
    dialogue.until(FOREVER)

    assert dialogue.written == sent
    assert [line.split()[2] for line in dialogue.told if line.startswith("<<")][-1:] != ["hit"]
    assert any(line.endswith(" eof") for line in dialogue.told if line.startswith("<<"))
    assert dialogue.pipe.held == 0
    assert dialogue.pipe.idle


def test_much_that_is_released_takes_turns() -> None:
    """No call does more than its share; the rest goes on when others had their turn."""
    dialogue = Dialogue()
    dialogue.mix("hang")
    for number in range(1000):
        dialogue.perform(dialogue.feed(What.DATA, Frame(b"%03d" % number)))
    dialogue.off("hang")

    assert dialogue.pipe.state is State.BUSY
    assert dialogue.pipe.deadline == 0.0
    assert 0 < len(dialogue.written) < 3000
    dialogue.until(FOREVER)
    assert dialogue.written == b"".join(b"%03d" % number for number in range(1000))


def test_a_handler_that_is_off_gives_its_rest_in_one_piece() -> None:
    """What a slicer has not cut yet leaves whole: no thousand writes for nothing."""
    dialogue = Dialogue()
    dialogue.chain("slice", size="1", delay="1000")
    dialogue.play(">> 0.0 data " + "x" * 5000)
    dialogue.play(">> 1.5 off slice")

    assert dialogue.told[-2] == "<< 1.5 write " + "x" * 4998


def test_every_way_to_stop_leads_back_or_to_the_end() -> None:
    """No state of a pipeline is a trap."""
    for state in State:
        assert NEXT[state] <= {State.READY, State.FINISHED} or state is State.READY
        assert State.FINISHED in NEXT[state]
