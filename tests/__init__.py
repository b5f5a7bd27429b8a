"""The tests: a tree that mirrors the package, and real servers to try it on."""
