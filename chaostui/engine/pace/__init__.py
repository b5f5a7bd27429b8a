"""How work and memory are shared out among all connections of an engine."""
