"""Tests of the clients, against a real engine."""
