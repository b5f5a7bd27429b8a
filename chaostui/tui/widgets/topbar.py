"""The top bar: it always says in words whether faults are on, how much, and what ends when."""

from __future__ import annotations

from pathlib import PurePath

from rich.cells import cell_len
from rich.segment import Segment

from chaostui.safe_text import safe_text
from chaostui.tui.model import figures
from chaostui.tui.model.status import status
from chaostui.tui.session import Session
from chaostui.tui.widgets.lineview import Line, LineView

NAME = 10
"""Room that is left to the console's own name, whatever there is to say."""


class TopBar(LineView):
    """Profile, listen → backend, the state of faults, and the link to the engine."""

    DEFAULT_CSS = "TopBar { height: 1; background: $panel; }"

    def __init__(self, session: Session) -> None:
        super().__init__(id="topbar")
        self._session = session

    def draw(self, width: int, height: int) -> list[Line]:
        left, right = self._left(width), self._right(width)
        room = width - sum(cell_len(s.text) for s in right) - 1
        line: Line = []
        for segment in left:
            used = sum(cell_len(s.text) for s in line)
            if used + cell_len(segment.text) > room:
                if room - used > 4:
                    cut = segment.text[: room - used - 1] + "…"
                    line.append(Segment(cut, segment.style))
                break
            line.append(segment)
        used = sum(cell_len(s.text) for s in line)
        gap = Segment(" " * max(1, width - used - (width - room - 1)), self.ink("text"))
        return [[*line, gap, *right]]

    def _left(self, width: int) -> Line:
        session, text, dim = self._session, self.ink("text"), self.ink("dim")
        name = safe_text(PurePath(session.profile).stem or "no profile", limit=24)
        line = [Segment(" chaostui ", self.ink("accent"))]
        line.append(Segment(f" {name}{'*' if session.unsaved else ''}  ", self.ink("title")))
        proxies = session.store.in_view
        if len(proxies) == 1:
            proxy = proxies[0]
            listen, backend = safe_text(proxy.listen), safe_text(proxy.backend)
            if width < 100:
                listen, backend = (f":{a.rpartition(':')[2]}" for a in (listen, backend))
            line.append(Segment(f"{safe_text(proxy.name, limit=16)} ", dim))
            line.append(Segment(f"{listen} → {backend}", text))
        elif proxies:
            line.append(Segment(f"{len(proxies)} proxies", text))
        return line

    def _right(self, width: int) -> Line:
        session = self._session
        view = [proxy.name for proxy in session.store.in_view]
        state = status(session.store.engine, session.everything, view)
        link = self._link(width)
        room = width - NAME - sum(cell_len(s.text) for s in link)
        ending = f"  {state.ending}" if state.ending else ""
        if len(state.wordings[-1]) + len(ending) > room:
            ending = ""
        role = "dim" if session.lost else state.role  # it was so; nobody knows what is
        line = [Segment(state.fit(room - len(ending)), self.ink(role))]
        if ending:
            line.append(Segment(ending, self.ink("warn")))
        return [*line, *link]

    def _link(self, width: int) -> Line:
        """How the engine is, and the display."""
        session, line = self._session, Line()
        if session.lost:
            line.append(Segment("  ○ lost ", self.ink("bad")))
        elif session.frozen_at is not None:
            line.append(Segment("  ‖ FROZEN ", self.ink("warn")))
        elif session.store.engine is None:
            line.append(Segment("  ○ … ", self.ink("dim")))
        else:
            lag = figures.seconds(session.store.engine.loop_lag)
            word = f"  ● live {lag} " if width >= 100 else "  ● live "
            line.append(Segment(word, self.ink("good")))
        return line
