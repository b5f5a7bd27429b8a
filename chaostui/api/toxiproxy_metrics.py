"""Toxiproxy's metrics, from the counters that the engine keeps; they move while bytes do."""

from __future__ import annotations

from chaostui.api.toxiproxy_call import Answer, Call

TEXT = "text/plain; version=0.0.4; charset=utf-8"

METRICS = (
    ("received", "The total number of bytes received on a given proxy in a given direction"),
    ("sent", "The total number of bytes sent on a given proxy in a given direction"),
)

OWN = """\
# HELP promhttp_metric_handler_errors_total Total number of internal errors encountered by \
the promhttp metric handler.
# TYPE promhttp_metric_handler_errors_total counter
promhttp_metric_handler_errors_total{cause="encoding"} 0
promhttp_metric_handler_errors_total{cause="gathering"} 0
"""


async def metrics(call: Call) -> Answer:
    """Show the bytes of each proxy by direction."""
    lines = [OWN]
    proxies = list((await call.state.proxies()).values())
    stats = call.supervisor.stats()
    proxies = [proxy for proxy in proxies if proxy["name"] in stats]
    for which, help_ in METRICS:
        name = f"toxiproxy_proxy_{which}_bytes_total"
        lines.append(f"# HELP {name} {help_}\n# TYPE {name} counter\n")
        for direction in ("downstream", "upstream"):
            for proxy in proxies:
                labels = {
                    "direction": direction,
                    "listener": proxy["listen"],
                    "proxy": proxy["name"],
                    "upstream": proxy["upstream"],
                }
                value = getattr(stats[proxy["name"]], direction)
                lines.append(f"{name}{{{_labels(labels)}}} {value}\n")
    return Answer(200, "".join(lines).encode(), {"Content-Type": TEXT})


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
