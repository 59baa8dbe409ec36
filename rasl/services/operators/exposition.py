"""The metrics of a server or worker as a whole: its counters, its processes, its build and its disks."""

import functools
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from rasl import __version__, log
from rasl.sealing import Sealer
from rasl.services.operators import disks
from rasl.services.operators.figures import DatabaseFigures
from rasl.settings import Settings

BUILD = ("rasl_build_info", "1, with the version of RASL and Python and what this process is.")
DISK_FREE = ("rasl_disk_free_bytes", "Room left where files lie, as ordinary users have it.")
DISK_SIZE = ("rasl_disk_size_bytes", "Size of the disk where files lie.")
_logger = log.get_logger()
_FILE_OF_PROCESS = re.compile(r"\w+_(\d+)\.db")


def registry_of(settings: Settings, dsn: str, role: str, folder: Path | None) -> CollectorRegistry:
    """Return all metrics of a server or worker; `folder` is where its child processes write theirs."""
    registry = CollectorRegistry()
    figures = DatabaseFigures(dsn, Sealer(settings.secret_key))
    for collector in (_Counters(folder), _Processes(folder), _Surroundings(settings, role), figures):
        registry.register(_Guarded(collector))
    return registry


def pids(folder: Path | None) -> list[int]:
    """Return the processes that count, this one first; the gauges of those that ended are dropped."""
    if folder is None:
        return [os.getpid()]
    named = {int(match[1]) for path in folder.iterdir() if (match := _FILE_OF_PROCESS.fullmatch(path.name))}
    alive = sorted(pid for pid in named if _is_alive(pid))
    for pid in named - set(alive):
        mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    return [os.getpid(), *alive]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Guarded(Collector):
    """A collector that loses nothing but its own when it fails, and collects nothing to be registered."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner

    def describe(self) -> list[Metric]:
        """Name nothing beforehand."""
        return []

    def collect(self) -> list[Metric]:
        """Return what the inner one collects, or nothing."""
        try:
            return list(self._inner.collect())
        except Exception:
            _logger.exception("metrics_not_collected", collector=type(self._inner).__name__)
            return []


class _Counters(Collector):
    """What rasl.metrics counts, in this process or in all child processes together."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._children: Any = folder and MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        pids(self._folder)
        source = self._children or REGISTRY
        yield from (family for family in source.collect() if family.name.startswith("rasl_"))


class _Processes(Collector):
    """Memory, time, open files and start of each process: 0 is the one that was started, its children follow."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for place, pid in enumerate(pids(self._folder)):
            for family in ProcessCollector(pid=functools.partial(int, pid), registry=None).collect():
                known = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    known.add_sample(sample.name, {"process": str(place)}, sample.value)
        yield from families.values()


class _Surroundings(Collector):
    """The build, and the disks."""

    def __init__(self, settings: Settings, role: str) -> None:
        self._folders = disks.folders_of(settings)
        self._build = (__version__, platform.python_version(), role)

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(*BUILD, labels=("version", "python", "role"))
        build.add_metric(self._build, 1)
        free = GaugeMetricFamily(*DISK_FREE, labels=("folder",))
        size = GaugeMetricFamily(*DISK_SIZE, labels=("folder",))
        for disk in disks.look(self._folders):
            free.add_metric((disk.folder,), disk.free)
            size.add_metric((disk.folder,), disk.size)
        yield from (build, free, size)
