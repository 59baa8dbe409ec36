"""Plain SQL, forward only, one file per step; see rasl/db/schema.py."""
