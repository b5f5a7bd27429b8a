"""What the console knows and computes, without Textual: each module is a table of tests."""
