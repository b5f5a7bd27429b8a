"""Tests of the protocols: real dialogues in any chunks, and bytes that make no sense."""
