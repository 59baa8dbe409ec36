"""Tests of the queries and the other parts that talk to PostgreSQL."""
