"""Message templates: synchronised with Meta, written, deleted, filled in."""
