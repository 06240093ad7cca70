"""Where and of what a run was made, and which CPU does what."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from shared.embedded.binary import find_binary

ROOT = Path(__file__).resolve().parent.parent
_PINS = hasattr(os, "sched_setaffinity")
_CPUS = sorted(os.sched_getaffinity(0)) if _PINS else []

SERVER_CPU: int | None = _CPUS[0] if len(_CPUS) > 1 else None
"""The CPU that the side under test has for itself; None where that cannot be had."""
LOAD_CPU: int | None = _CPUS[1] if len(_CPUS) > 1 else None
"""The CPU of the store and the load."""


@contextmanager
def on_cpu(cpu: int | None) -> Iterator[None]:
    """This process, and what it starts meanwhile, on one CPU."""
    if cpu is None or not _PINS:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe_machine() -> str:
    """What a reader needs to judge absolute figures by."""
    pinned = "server on one CPU, store and load on another" if SERVER_CPU is not None else "nothing pinned"
    store = _output([str(find_binary()), "--version"])
    version = next((word[2:] for word in store.split() if word.startswith("v=")), "?")
    return ", ".join(
        [
            f"{os.cpu_count()} x {_cpu_name()}",
            f"{platform.system()} {platform.machine()}",
            f"Python {platform.python_version()}",
            f"NumPy {np.__version__}",
            f"Valkey {version}",
            pinned,
        ]
    )


def describe_commit() -> str:
    """Hash of the commit, with `+changes` when the tree differs from it."""
    commit = _output(["git", "-C", str(ROOT), "rev-parse", "--short=12", "--verify", "-q", "HEAD"])
    changes = _output(["git", "-C", str(ROOT), "status", "--porcelain", "--", ":!bench/latest.json"])
    return (commit or "uncommitted") + ("+changes" if commit and changes else "")


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except OSError:
        return ""
