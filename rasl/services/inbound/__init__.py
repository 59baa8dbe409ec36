"""What Meta tells us, applied to our tables."""
