"""The server's configuration: written anew at each start, sized for the machine."""

from pathlib import Path

from pgbox.place import Place

_MIB = 1024 * 1024
_FALLBACK_MEMORY = 2048 * _MIB

# Whoever can open the socket is let in: its folder is 0700, so that is root and the server's account. `peer`
# would say no more and fails for user numbers without a name, which containers like to use.
_HBA = "local all all trust\n"

_DURABLE = """\
fsync = on
synchronous_commit = on
full_page_writes = on
"""

_THROWAWAY = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""

_SETTINGS = """\
# Written by RASL at every start. Your own settings go into local.conf beside this file.
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
max_connections = 100
superuser_reserved_connections = 3

# Memory
shared_buffers = {shared_buffers}MB
effective_cache_size = {cache_size}MB
work_mem = 8MB
maintenance_work_mem = {maintenance}MB
# Containers often come with 64 MB of /dev/shm, which parallel plans and index builds overflow.
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0

# Durability
{durability}
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
min_wal_size = 128MB
max_wal_size = 1GB

# Planner: solid state disks, short statements
random_page_cost = 1.1
jit = off

# Small tables whose every row changes many times a minute (jobs, leases)
autovacuum_naptime = 10s
autovacuum_vacuum_scale_factor = 0.05
autovacuum_vacuum_threshold = 200
autovacuum_analyze_scale_factor = 0.05
autovacuum_vacuum_cost_limit = 1000

# A forgotten transaction keeps every dead row of the jobs table alive.
idle_in_transaction_session_timeout = 10min

# Log: one file a weekday, overwritten a week later. Parameters are people's data and stay out.
logging_collector = on
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = 1s
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_startup_progress_interval = 2s
log_timezone = 'UTC'
timezone = 'UTC'
lc_messages = 'C'
cluster_name = 'rasl'
"""


def write_configuration(place: Place, *, durable: bool) -> None:
    """Write rasl.conf and hba.conf into the home."""
    memory = memory_size()
    text = render_configuration(memory, durable=durable)
    if (place.home / "local.conf").exists():
        text += "\ninclude = 'local.conf'\n"
    place.write("rasl.conf", text)
    place.write("hba.conf", _HBA)


def render_configuration(memory: int, *, durable: bool) -> str:
    """Return the text of rasl.conf for a machine with so many bytes of memory."""
    shared_buffers = min(max(memory // 8 // _MIB, 32), 512)
    return _SETTINGS.format(
        shared_buffers=shared_buffers,
        cache_size=max(memory // 2 // _MIB, shared_buffers),
        maintenance=min(max(memory // 32 // _MIB, 16), 256),
        durability=(_DURABLE if durable else _THROWAWAY).rstrip(),
    )


def memory_size(root: Path = Path("/")) -> int:
    """Return the bytes of memory this machine or container may use."""
    sizes = [_machine_memory(root / "proc/meminfo")]
    for name in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = (root / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            sizes.append(int(text))
    return min(sizes)


def _machine_memory(meminfo: Path) -> int:
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _FALLBACK_MEMORY
