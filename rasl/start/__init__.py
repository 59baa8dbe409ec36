"""What commands begin with: a database that answers, the secret key, a port, and how they are told to end."""

from rasl.start.database import Prepared, Progress, make_data_folder, migrate, prepared, reachable, silent
from rasl.start.errors import StartError

__all__ = [
    "Prepared",
    "Progress",
    "StartError",
    "make_data_folder",
    "migrate",
    "prepared",
    "reachable",
    "silent",
]
