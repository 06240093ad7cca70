"""Load over HTTP, by wrk: keep-alive connections that send the next request when the answer is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.effort import BenchFault, Skipped
from bench.machine import LOAD_CPU, on_cpu

SCRIPT = Path(__file__).with_name("post.lua")
SEPARATOR = b"\x1e"
ANSWER_WAIT_S = 10


class Load(msgspec.Struct, frozen=True):
    """What wrk saw."""

    requests: int
    took_us: int
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers that were not 2xx."""
    broken: int
    """Connections that failed, and answers that did not come."""

    @property
    def per_s(self) -> float:
        """Answered requests a second."""
        return self.requests / (self.took_us / 1e6)


def need_wrk() -> None:
    """Raises Skipped."""
    if shutil.which("wrk") is None:
        raise Skipped("wrk is not installed (Debian, Ubuntu: apt-get install wrk; macOS: brew install wrk)")


def write_bodies(path: Path, bodies: Sequence[bytes]) -> Path:
    """Bodies for `post`."""
    path.write_bytes(SEPARATOR.join(bodies))
    return path


def post(port: int, path: str, *, bodies: Path, keys: Sequence[str], connections: int, seconds: int) -> Load:
    """Send for some seconds. Raises BenchFault when an answer was not 2xx or did not come."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{ANSWER_WAIT_S}s", "-s", str(SCRIPT)]
    with on_cpu(LOAD_CPU):
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"],
            env={**os.environ, "BODIES": str(bodies), "POST_PATH": path, "API_KEYS": ",".join(keys)},
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
    told = [line[5:] for line in done.stdout.splitlines() if line.startswith("JSON ")]
    if not told:
        raise BenchFault(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    load = msgspec.json.decode(told[-1], type=Load)
    if load.refused or load.broken:
        raise BenchFault(
            f"{path}: of {load.requests} requests {load.refused} were refused and {load.broken} had no answer"
        )
    return load
