"""Contacts from files: a file is taken in, cut into waves, and applied."""
