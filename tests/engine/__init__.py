"""Tests of the engine: over real sockets, on uvloop, through the supervisor alone."""
