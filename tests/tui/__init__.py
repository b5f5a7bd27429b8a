"""The console: pure models as tables, screens by pilot and snapshot, and real terminals."""
