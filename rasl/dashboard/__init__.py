"""The pages that people of a tenant see in a browser, one file each, beside the API and above services.

A file holds the routes of one page and what it shows. It asks services for that, as the API does, and has no rules of
its own: what may be done, and by whom, is decided there.
"""

from types import ModuleType

PAGES: tuple[ModuleType, ...] = ()
"""Every page; a new one is a file here and its name in this tuple."""
