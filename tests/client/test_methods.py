"""Both clients have the calls that are described once, each under its name."""

from __future__ import annotations

import inspect

from chaostui.client import AsyncClient, Client, calls


def asked(client: type) -> dict[str, str]:
    """The names of a client's methods that make a call, and what ``help()`` says of them."""
    return {
        name: inspect.getdoc(getattr(client, name)) or ""
        for name, made in vars(calls).items()
        if inspect.isfunction(made) and not name.startswith("_") and hasattr(client, name)
    }


def test_both_clients_have_the_same_calls() -> None:
    """What one can ask, the other can, and both say the same of it."""
    assert asked(Client) == asked(AsyncClient)
    assert len(asked(Client)) > 20


def test_a_call_says_what_it_does() -> None:
    """``help()`` shows the words that stand beside the call."""
    for name, text in asked(Client).items():
        assert text.startswith((inspect.getdoc(getattr(calls, name)) or "").partition("\n")[0])
