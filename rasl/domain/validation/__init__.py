"""Reading request bodies: fast when right, naming every wrong field at once when not.

`bodies` is what a request may say, `reading` decodes it, `problems` finds out what is wrong with one that is refused,
`values` knows the rules of single values, and `rules` those between several.
"""

from rasl.domain.validation.bodies import Body
from rasl.domain.validation.reading import MAX_ID, read, read_id, read_object, read_values

__all__ = ["MAX_ID", "Body", "read", "read_id", "read_object", "read_values"]
