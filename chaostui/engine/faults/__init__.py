"""What may happen to an exchange: plans, dice, the instances of handlers that act."""
