"""The harness itself: whatever ends it, none of its processes is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.chaos.processes import ROOT

WAIT_S = 60.0


def children(pid: int) -> set[int]:
    """All processes below one, however far."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found |= {int(path.parent.name)} | children(int(path.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody asked for counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="a harness that is killed takes its processes along on Linux only")
def test_a_harness_that_is_killed_leaves_no_process_behind() -> None:
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:  # short: the path of a socket is 107 bytes at most
        _killed(folder)


def _killed(folder: str) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos", "--warm", "--only", "kill -9 of notify", "--runs", "1000"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": folder},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_s = time.monotonic() + WAIT_S
        while len(below := children(harness.pid)) < 6:  # the nursery, the log server, four services
            assert harness.poll() is None, "it ended by itself"
            assert time.monotonic() < until_s, f"only {len(below)} processes came"
            time.sleep(0.05)
        harness.send_signal(signal.SIGKILL)
        harness.wait()
        while left := [pid for pid in below if alive(pid)]:
            assert time.monotonic() < until_s, f"{len(left)} are still there"
            time.sleep(0.05)
    finally:
        harness.kill()
        harness.wait()
