"""What an engine knows of itself: events, counters, memory, a loop that is blocked."""
