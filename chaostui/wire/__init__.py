"""The frozen shapes that an engine, its fronts and their clients share."""
