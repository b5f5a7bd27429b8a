"""The engine in a thread of the test process: up in milliseconds, no port for an API::

    from chaostui.testing import engine, proxy

    with engine(proxy("127.0.0.1:6379", "redis")) as chaos:
        cache = redis.Redis(chaos.host, chaos.port)
        with chaos.fault("errors"):        # fails the test if no request was ever hit
            with pytest.raises(redis.RedisError):
                cache.get("key")

* ``thread``  the engine's loop, and how other threads call into it
* ``looks``   what can be read;  ``chaos``  what can be changed: the calls of ``Client``
* ``proof``   that a fault really hit
"""

from __future__ import annotations

from chaostui.testing.chaos import Chaos, engine
from chaostui.testing.place import Backend, proxy
from chaostui.testing.proof import Fault, NeverHit

__all__ = ["Backend", "Chaos", "Fault", "NeverHit", "engine", "proxy"]
