"""Listening, dialling, names and files: what the operating system has a say in."""
