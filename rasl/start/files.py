"""How many files and connections this process may have open."""

import resource

# Pools, Meta's connections, files of forms.
_BESIDES = 1536


def raise_file_limit(connections: int) -> None:
    """Allow ourselves as many open files as the connections need, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _BESIDES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
