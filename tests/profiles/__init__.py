"""Profiles: reading, refusing with places, writing."""
