"""What a process tells of itself: its build, memory, processor time and open files."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.telemetry import Tallies

_STATM = Path("/proc/self/statm")
_FILES = Path("/dev/fd")
_STARTED_S = time.time()


def program_version() -> str:
    """Of the installed package."""
    try:
        return version("strainwatch")
    except PackageNotFoundError:
        return "unpacked"


def compiled() -> bool:
    """Whether the inner loops run compiled here; else they give the same results, slower."""
    from shared.contract import packing

    return not str(packing.__file__).endswith(".py")


def register_process(registry: CollectorRegistry, services: Sequence[str]) -> None:
    """Add the numbers of this process, which runs these services."""
    build = {"version": program_version(), "python": platform.python_version(), "compiled": str(compiled()).lower()}

    def read() -> Iterable[tuple[str, str, Mapping[str, str], float]]:
        for name in services:
            yield "strainwatch_build_info", "1; the labels say what runs", {"service": name, **build}, 1
        yield "strainwatch_process_memory_bytes", "Resident memory of this process", {}, _memory_bytes()
        yield "strainwatch_process_cpu_seconds_total", "Processor time of this process", {}, time.process_time()
        yield "strainwatch_process_start_seconds", "When it started, in seconds since 1970 UTC", {}, _STARTED_S
        yield "strainwatch_process_files", "Open files and sockets of this process", {}, _open_files()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield "strainwatch_process_files_limit", "How many it may have open; a connection is one", {}, limit

    registry.register(Tallies(read))


def _memory_bytes() -> int:
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):  # not Linux: the largest it ever was
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _open_files() -> int:
    try:
        return len(os.listdir(_FILES))
    except OSError:
        return 0
