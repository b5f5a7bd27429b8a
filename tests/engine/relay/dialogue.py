"""Plays a dialogue with a pipeline in virtual time, and writes down what it says.

    chain delay sleep=1
    >> 0.0 data one
    >> 0.4 data two
    << 1.0 write one
    << 1.4 write two

The first lines name the handlers: ``mix`` for the drawn one, ``chain`` for the others, in order.
``>>`` is what happens, ``<<`` what comes of it, each with the time in seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from chaostui.actions import Action, Call, Close, Reply, Reset, Send, Stall, Wait, Wake
from chaostui.engine.faults.exchange import Exchange, Stage
from chaostui.engine.faults.items import NO_FRAME, What
from chaostui.engine.faults.plan import Armed
from chaostui.engine.relay.effects import (
    Answer,
    Came,
    Effect,
    Failed,
    Finish,
    Hit,
    StartCall,
    StopCall,
    Write,
)
from chaostui.engine.relay.pipeline import Pipeline
from chaostui.engine.relay.state import State
from chaostui.handler import Context, Direction, Handler, Limits
from chaostui.options import read
from chaostui.protocol import Frame, Protocol
from chaostui.registry import builtin

FED = {what.value: what for what in What}
"""What can be fed to a pipeline, by name."""
FOREVER = 1_000_000.0
"""Seconds: later than anything that a dialogue waits for."""


class Script(Handler):
    """Does with each message what it says: ``send:2 wait:1 stall``.

    ``send`` passes the message on; ``say:X`` sends ``X`` in its place, ``half`` its first half,
    ``rest`` what is left of it; ``send:2`` holds it for two seconds.
    """

    name = "script"

    class Options(Limits, frozen=True, kw_only=True):
        """What it does at bytes, at the end, when it is woken, when the client connects."""

        data: str = "send"
        eof: str = ""
        wake: str = ""
        open: str = ""

    def on_data(self, frame: Frame) -> Iterable[Action]:
        yield from self.read(self.options.data, frame.data)

    def on_eof(self) -> Iterable[Action]:
        yield from self.read(self.options.eof, b"")

    def on_wake(self) -> Iterable[Action]:
        yield from self.read(self.options.wake, b"")

    def on_open(self) -> Iterable[Action]:
        yield from self.read(self.options.open, b"")

    def hold_again(self) -> float:
        return 0.0

    def read(self, script: str, data: bytes) -> Iterable[Action]:
        """The actions that the words of ``script`` mean."""
        for word in filter(None, script.split("+")):
            verb, _, value = word.partition(":")
            if verb == "raise":
                raise ValueError(value)
            yield VERBS[verb](value, data)


VERBS: dict[str, Callable[[str, bytes], Action]] = {
    "send": lambda value, data: Send(data, after=float(value or 0)),
    "half": lambda value, data: Send(data[: len(data) // 2]),
    "rest": lambda value, data: Send(data[len(data) // 2 :]),
    "say": lambda value, data: Send(value.encode()),
    "wait": lambda value, data: Wait(float(value)),
    "wake": lambda value, data: Wake(float(value)),
    "reply": lambda value, data: Reply(value.encode()),
    "stall": lambda value, data: Stall(),
    "close": lambda value, data: Close(),
    "cut": lambda value, data: Reset(),
    "call": lambda value, data: Call(print, "own", {}, data),
}
"""What the words of a script mean, given the message."""


class Dialogue:
    """A pipeline, its handlers, and what was said so far."""

    def __init__(self, direction: Direction = "upstream") -> None:
        self.pipe = Pipeline(direction)
        self.now = 0.0
        self.told: list[str] = []
        self.exchange = Exchange(1, 0.0)
        self.stages: dict[str, Stage] = {}
        self.paused = False
        self.written = b""

    # -- handlers ---------------------------------------------------------------------------

    def mix(self, name: str, **options: str) -> None:
        """Draw a handler for the exchange."""
        stage = self.stage(name, options)
        self.exchange.armed = stage.armed
        self.exchange._upstream = self.exchange._downstream = stage

    def chain(self, name: str, **options: str) -> None:
        """Add a handler to the chain."""
        stage = self.stage(name, options)
        stage.active = True
        self.pipe.chain = (*self.pipe.chain, stage)

    def stage(self, name: str, options: dict[str, str]) -> Stage:
        """Make a handler as the engine does, its dice always the same."""
        kind = Script if name == "script" else builtin().handlers[name]
        armed = Armed(kind, read(kind.Options, options, lax=True), 100.0)
        context = Context(self.pipe.direction, Protocol(), random.Random(7), armed.shared)
        self.stages[name] = Stage(armed, kind(armed.options, context))
        return self.stages[name]

    # -- what happens -----------------------------------------------------------------------

    def play(self, line: str) -> None:
        """One line that begins with ``>>``."""
        _, at, verb, *rest = line.split(maxsplit=3)
        text = rest[0] if rest else ""
        self.until(float(at))
        self.told.append(line)
        if verb in FED:
            self.perform(self.feed(FED[verb], Frame(text.encode()) if text else NO_FRAME))
        elif verb == "set":
            name, _, options = text.partition(" ")
            self.set(name, dict(pair.split("=") for pair in options.split()))
        elif verb == "off":
            self.off(text)
        else:
            self.happen(verb, text)

    def happen(self, verb: str, text: str) -> None:
        """Something other than bytes."""
        match verb:
            case "unconnected":
                self.pipe.out.open = False
            case "connected":
                self.pipe.out.open = True
                self.perform(self.pipe.wake(self.now))
            case "cut":
                self.perform(self.pipe.cut(FED[text]))
            case "drop":
                self.perform(self.pipe.drop())
            case "called":
                self.perform(self.pipe.called([], self.now))
            case _:
                raise ValueError(verb)

    def feed(self, what: What, frame: Frame) -> list[Effect]:
        """Something comes."""
        return self.pipe.feed(what, frame, self.exchange, self.now)

    def off(self, name: str) -> None:
        """Switch a handler off."""
        stage = self.stages[name]
        if self.exchange.armed is stage.armed:
            self.exchange.armed = self.exchange._upstream = self.exchange._downstream = None
        self.pipe.chain = tuple(each for each in self.pipe.chain if each is not stage)
        self.perform(self.pipe.release({stage}, set(), self.now))

    def set(self, name: str, options: dict[str, str]) -> None:
        """Give a handler new options."""
        stage = self.stages[name]
        stage.armed.options = stage.handler.options = read(
            stage.armed.kind.Options, options, lax=True
        )
        self.perform(self.pipe.release(set(), {stage}, self.now))

    def until(self, time: float) -> None:
        """Let the time pass, with all that is due until then."""
        while (due := self.pipe.deadline) is not None and due <= time:
            self.now = max(self.now, due)
            self.perform(self.pipe.wake(self.now))
        self.now = max(self.now, time)

    # -- what comes of it -------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        """Write down what the pipeline wants done."""
        for effect in effects:
            self.show(effect)
        if (self.pipe.state is State.WAITING) is not self.paused:
            self.paused = not self.paused
            self.say("pause" if self.paused else "resume")

    def show(self, effect: Effect) -> None:
        """Write one effect down."""
        if isinstance(effect, Write):
            self.written += b"".join(effect.pieces)
        if text := in_words(effect):
            self.say(text)

    def say(self, text: str) -> None:
        """Write down what the pipeline says."""
        self.told.append(f"<< {self.now:.1f} {text}")


def in_words(effect: Effect) -> str:
    """An effect, as dialogues spell it; empty for what they leave out."""
    match effect:
        case Write(pieces):
            return "write " + " | ".join(piece.decode() for piece in pieces)
        case Came(what):
            return what.value
        case Hit(stage):
            return f"hit {stage.armed.name}"
        case Answer(_, data):
            return f"answer {data.decode()}"
        case Finish(final):
            return f"finish {type(final).__name__.lower()}"
        case Failed(stage, error):
            return f"failed {stage.armed.name if stage else '?'} {error!r}"
        case _:
            return of_call(effect)


def of_call(effect: Effect) -> str:
    """An effect that is about a user's function."""
    match effect:
        case StartCall(action):
            return f"call {action.data.decode()}"
        case StopCall(cancel):
            return "cancel call" if cancel else "stop call"
    return ""


def played(text: str) -> str:
    """Play the ``>>`` lines of a dialogue; return it as it really went."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    dialogue = Dialogue("downstream" if "downstream" in lines[0] else "upstream")
    for line in lines:
        if line.startswith(">>"):
            dialogue.play(line)
        elif not line.startswith("<<"):
            place, name, *options = line.split()
            given = dict(pair.split("=") for pair in options if pair != "downstream")
            (dialogue.mix if place == "mix" else dialogue.chain)(name, **given)
            dialogue.told.append(line)
    dialogue.until(FOREVER)
    return "\n".join(dialogue.told)


def tidy(text: str) -> str:
    """A dialogue as it was written, without the space around its lines."""
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())
