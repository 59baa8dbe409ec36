"""`rasl number`: another word for `rasl whatsapp`, as the other nouns of a tenant have one."""

from rasl.cli.whatsapp import app

__all__ = ["app"]
