"""What every room of services stands on: resources of the process, limits, callers, numbers, events."""
