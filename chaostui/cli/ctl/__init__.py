"""``chaostui ctl``: drives a running engine from scripts, by the calls of its HTTP API.

* ``group``     how a command is made and finds its engine;  ``show``  what is printed
* ``proxies``   proxies and the engine;  ``faults``  mixes, options and chains
* ``traffic``   connections and events;  ``vaurien``  vaurienctl's commands
"""

from __future__ import annotations

from chaostui.cli.ctl import faults, proxies, traffic, vaurien
from chaostui.cli.ctl.group import Ctl

ctl = Ctl("ctl", [*proxies.COMMANDS, *faults.COMMANDS, *traffic.COMMANDS, *vaurien.COMMANDS])

__all__ = ["ctl"]
