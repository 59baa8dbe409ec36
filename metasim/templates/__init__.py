"""Message templates: how they are written, reviewed, read, changed and deleted."""
