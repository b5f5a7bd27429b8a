"""Making, changing, closing and removing proxies from the console."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chaostui.client import calls
from chaostui.errors import ChaosError
from chaostui.safe_text import safe_text
from chaostui.tui.keys import Commands
from chaostui.tui.model.changes import Call, Change, Step, put_proxy
from chaostui.tui.model.clients import example
from chaostui.tui.model.origins import fine_settings
from chaostui.tui.screens.dialogs import Prompt
from chaostui.tui.screens.proxies import ProxiesScreen
from chaostui.tui.screens.proxyform import NEW, ProxyForm
from chaostui.tui.session import Session
from chaostui.tui.work import start
from chaostui.wire.views import ProxyView

if TYPE_CHECKING:
    from chaostui.tui.app import ConsoleApp

INTRODUCTION = (
    "chaostui stands between an application and its backend, passes traffic untouched, and breaks"
    " it on demand."
)
FILE = "chaos.toml"


class ProxyWork:
    """What is done to proxies as such; each change but a removal can be undone."""

    def __init__(self, app: ConsoleApp, session: Session) -> None:
        self._app = app
        self._session = session

    def commands(self) -> Commands:
        """The actions it performs."""
        return {
            "proxy.add": lambda _: self._add("A new proxy"),
            "proxies.add": lambda _: self._add("A new proxy"),
            "proxy.edit": self._edit,
            "proxy.remove": self._remove,
            "proxy.open": self._open,
        }

    def first_run(self) -> None:
        """Ask for a first proxy."""
        self._add("Your first proxy", INTRODUCTION)

    def _names(self) -> list[str]:
        return [proxy.name for proxy in self._session.store.proxies]

    def _find(self, name: str) -> ProxyView | None:
        """The proxy of that name; without one the one under the cursor."""
        screen = self._app.screen
        if not name:
            return screen.chosen if isinstance(screen, ProxiesScreen) else None
        return next((p for p in self._session.store.proxies if p.name == name), None)

    def _add(self, title: str, prose: str = "") -> None:
        taken = self._names()

        def answered(values: dict[str, str] | None) -> None:
            self._session.guard()
            if values:
                made = Call(calls.add_proxy(**values))
                gone = Call(calls.remove_proxy(values["name"]))
                command = example(self._session.protocols, values["protocol"], values["listen"])
                label = f"{values['name']} listens on {values['listen']} · try {command}"
                self._session.apply(Change(label, (Step(made, (gone,)),)))
                if not taken and not Path(FILE).exists():
                    self._offer_file()

        form = ProxyForm(self._session.protocols, title=title, prose=prose, taken=taken)
        self._app.push_screen(form, answered)

    def _offer_file(self) -> None:
        """A first proxy is worth a file: ``chaostui`` alone finds it next time."""

        def answered(name: str | None) -> None:
            self._session.guard()
            if name:
                start(self._app, partial(self._write, Path(name)), "save")

        hint = "enter writes the proxy to this file, which chaostui starts with here; esc does not"
        self._app.push_screen(Prompt("save as", FILE, hint=hint), answered)

    async def _write(self, path: Path) -> None:
        try:
            text = await self._session.link.do(calls.profile_toml())
            with path.open("x") as file:
                file.write(text)
        except (ChaosError, OSError) as error:
            self._session.flash(f"not written: {error}", "bad")
        else:
            self._session.flash(f"saved to {path}", "good")

    def _edit(self, name: str) -> None:
        proxy = self._find(name)
        if proxy is not None:
            start(self._app, partial(self._change, proxy), "proxy")

    async def _change(self, proxy: ProxyView) -> None:
        name = proxy.name
        try:
            profile = await self._session.link.do(calls.profile())
        except (ChaosError, OSError) as error:
            self._session.flash(str(error), "bad")
            return
        before = {key: getattr(proxy, key) for key in NEW}

        def answered(values: dict[str, str] | None) -> None:
            self._session.guard()
            changed = {k: v for k, v in (values or {}).items() if k != "name" and v != before[k]}
            if changed:
                back = {key: before[key] for key in changed}
                what = ", ".join(f"{key} {value}" for key, value in changed.items())
                step = Step(put_proxy(name, changed), (put_proxy(name, back),))
                self._session.apply(Change(f"{name}: {what}", (step,)))

        form = ProxyForm(
            self._session.protocols, title=f"Proxy {safe_text(name, limit=40)}", values=before,
            fixed=("name",), rest=fine_settings(profile, name),
        )  # fmt: skip
        self._app.push_screen(form, answered)

    def _open(self, name: str) -> None:
        """Close a proxy, or open it again."""
        proxy = self._find(name)
        if proxy is not None:
            name, on = proxy.name, not proxy.enabled
            step = Step(put_proxy(name, {"enabled": on}), (put_proxy(name, {"enabled": not on}),))
            label = f"{name} is open again" if on else f"{name} is closed: clients are refused"
            self._session.apply(Change(label, (step,)))

    def _remove(self, name: str) -> None:
        proxy = self._find(name)
        if proxy is None:
            return
        name = proxy.name
        if self._session.twice.confirmed(f"remove {name}", self._session.clock()):
            call = Call(calls.remove_proxy(name))
            self._session.apply(Change(f"{name} is gone, with its connections", (Step(call),)))
        else:
            text = f"press again to remove {name} and cut its connections, any other key cancels"
            self._session.flash(text, "warn")
