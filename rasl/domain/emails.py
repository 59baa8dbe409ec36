"""What an email address looks like, wherever one is taken in."""

MAX_EMAIL = 191
PATTERN = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+(?![\s\S])"
