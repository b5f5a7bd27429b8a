"""One protocol a file: where its messages end, and the errors its servers really send."""
