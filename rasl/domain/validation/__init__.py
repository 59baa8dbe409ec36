"""Reading request bodies: fast when right, naming every wrong field at once when not.

`bodies` is what a request may say, `reading` decodes it. What is not plainly right is read field by field: `fields` is
what its type asks for, `coercion` finds out what was meant, `problems` what is wrong, `names` what an unknown name
perhaps stood for. `forms` makes objects of forms and queries, `values` knows the rules of single values, `rules` those
between several, `uploads` are files.
"""

from rasl.domain.validation.bodies import Body
from rasl.domain.validation.problems import BodyRefused, Unknown
from rasl.domain.validation.reading import MAX_ID, read, read_id, read_values
from rasl.domain.validation.uploads import Upload, of_bytes, uploads_of

__all__ = [
    "MAX_ID",
    "Body",
    "BodyRefused",
    "Unknown",
    "Upload",
    "of_bytes",
    "read",
    "read_id",
    "read_values",
    "uploads_of",
]
