"""Contacts, their labels, groups, comments, and who a person is."""
