"""The reasons to pause the reading of a socket: it goes on when none is left."""

WRITE, HELD, WAIT, DIAL, CALL, TAP, TURN, PORTION, FROZEN = 1, 2, 4, 8, 16, 32, 64, 128, 256
