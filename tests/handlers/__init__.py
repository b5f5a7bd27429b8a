"""Handlers as tables: what comes in, and what they ask for. No sockets, no clock."""
