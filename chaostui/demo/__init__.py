"""A shop to try chaostui on: two backends, their clients and faults, with no set-up.

* ``backend``  what both backends share;  ``shop`` speaks HTTP, ``cache`` speaks Redis
* ``script``   what each client asks, from a seed
* ``wire``     how a client asks;  ``traffic``  all clients at once
* ``setting``  backends and traffic beside an engine, and the profile that goes with them
* ``story``    ``chaostui demo --headless``: faults in phases
* ``tally``    what the clients saw;  ``show``  as a bar and a table
"""
