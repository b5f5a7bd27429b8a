"""The console's pure models."""
