"""A soak of a whole engine by command: ``python -m tests.soak --minutes 10``."""
