"""What ``help()`` and editors say of a client's method: its own parameters and real answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def describe(method: Callable[..., Any], make: Callable[..., Any], answer: str = "") -> None:
    """Give ``method`` the parameters of ``make`` after ``self``, and what it answers.

    ``make`` returns an ``Ask`` of the answer, which is what callers get; ``answer`` is told
    instead where it is only a part of that.
    """
    told = inspect.signature(make)
    returned = str(told.return_annotation)
    inner = answer or returned.removeprefix("Ask[").removesuffix("]")
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [own, *told.parameters.values()]
    signature = told.replace(parameters=parameters, return_annotation=inner)
    method.__signature__ = signature  # type: ignore[attr-defined]
