"""The console's panes: each draws lines from what it is shown and owns its keys."""
