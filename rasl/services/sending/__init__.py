"""Messages on their way out: accepted, attempted, recorded, listed."""
