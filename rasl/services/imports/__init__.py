"""Contacts from files: a file is taken in (uploads), and its chunks are applied, whose rows become arrivals."""
