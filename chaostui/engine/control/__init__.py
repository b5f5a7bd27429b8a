"""What fronts ask of an engine, and what keeps it going: its proxies, mixes, chains, sessions."""
