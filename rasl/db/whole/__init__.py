"""What reads or writes tables as a whole, for an operator, on a connection of its own and never in a pool."""
