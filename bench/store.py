"""A fresh, empty store for each measurement, on a real disk: its syncs are part of what is measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import LOAD_CPU, ROOT, on_cpu
from shared.embedded import ensure_server

AOF_SETTINGS = ("always", "everysec")


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; below `data`, because a temporary folder may lie in memory."""
    (ROOT / "data").mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "data") as folder:
        yield Path(folder)


@contextmanager
def fresh_store(aof: str) -> Iterator[str]:
    """The address of a server that has nothing yet; it runs on the CPU of the load."""
    with work_folder() as folder:
        with on_cpu(LOAD_CPU):
            server = ensure_server(folder, appendfsync=aof)
        try:
            yield server.url
        finally:
            server.stop()
