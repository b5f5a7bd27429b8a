"""Tests of how bytes pass from one side of a connection to the other."""
