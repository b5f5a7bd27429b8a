"""Tests of the control API, over real sockets."""
