"""Users' own functions: what they read and send, and the threads they run in."""
