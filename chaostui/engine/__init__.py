"""The engine: listeners, connections and faults, on one event loop.

``supervisor`` is the one door: every front awaits its methods and reads its frozen views.
Below it ``listener`` accepts, ``connection`` joins a client and its backend by two ``link``
objects, ``plan`` holds what a proxy shall do, and ``bus`` and ``stats`` say what happened;
``recorder`` keeps it.
"""
