"""The built-in handlers: one fault a file, named as its file. ``registry`` lists them."""
