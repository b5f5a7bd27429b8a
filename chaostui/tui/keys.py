"""How keys become actions: bindings from the table, performed by whoever owns the action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.message_pump import MessagePump

from chaostui.tui.actions import Action, of

Commands = Mapping[str, Callable[[str], object]]


def bindings(*contexts: str) -> list[BindingType]:
    """The key bindings of some contexts; each has an id, so that a keymap can move it."""
    return bindings_of(*of(*contexts))


def bindings_of(*actions: Action) -> list[BindingType]:
    """The key bindings of some actions."""
    return [
        Binding(keys, f"run('{action.id}', '{argument}')", action.help, show=False, id=identity)
        for action in actions
        for keys, identity, argument in action.bindings()
        if keys
    ]


class Run(Message):
    """Somebody asks for an action that he does not perform himself."""

    def __init__(self, identity: str, argument: str = "", *, by_key: bool = False) -> None:
        super().__init__()
        self.identity = identity
        self.argument = argument
        self.by_key = by_key
        """Asked for by a single key, which may have been meant for something else."""


class Keys(MessagePump):
    """A widget or screen that performs actions of its own and passes on all others."""

    CONTEXT: ClassVar[str] = ""

    def commands(self) -> Commands:
        """The actions it performs, by id; each is given its argument."""
        return {}

    def perform(self, identity: str, argument: str = "") -> bool:
        """Perform an action of its own; False when it is somebody else's."""
        command = self.commands().get(identity)
        if command is None:
            return False
        command(argument)
        return True

    def action_run(self, identity: str, argument: str = "") -> None:
        """What every key binding calls. Screens see each key first, so that all of them count."""
        self.ask(identity, argument, by_key=True)

    def ask(self, identity: str, argument: str = "", *, by_key: bool = False) -> None:
        """Ask whoever can for an action."""
        message = Run(identity, argument, by_key=by_key)
        # Textual ends a message's way at its sender, which would be the screen that dispatches.
        message.set_sender(self)
        self.post_message(message)
