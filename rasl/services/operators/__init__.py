"""What those who run an installation do and see."""
