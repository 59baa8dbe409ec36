"""What the sandbox brings along, so that every list shows something and documented examples work as they are."""

from rasl.sandbox.samples.telling import Doors, SamplesError, tell

__all__ = ["Doors", "SamplesError", "tell"]
