"""Servers under test: started, waited for, and ended by their own process id."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.effort import BenchFault
from bench.machine import ROOT, on_cpu

START_WAIT_S = 60.0  # ours answers within two seconds; a machine that compiles for the first time needs longer
END_WAIT_S = 30.0  # what a process may take to drain
STRAINWATCH = Path(sys.executable).with_name("strainwatch")


@contextmanager
def running(
    command: Sequence[str],
    *,
    cpu: int | None,
    variables: Mapping[str, str],
    answers: Callable[[], bool],
    log: Path,
) -> Iterator[subprocess.Popen[bytes]]:
    """The process while the block runs, from when `answers` says so. Raises BenchFault when it does not come up."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STRAINWATCH_")}
    with log.open("ab") as out, on_cpu(cpu):
        process = subprocess.Popen(command, env={**clean, **variables}, cwd=ROOT, stdout=out, stderr=out)
    try:
        until_s = time.monotonic() + START_WAIT_S
        while not answers():
            if process.poll() is not None or time.monotonic() > until_s:
                raise BenchFault(f"{Path(command[0]).name} did not come up:\n{_tail(log)}")
            time.sleep(0.05)
        yield process
        if process.poll() is not None:
            raise BenchFault(f"{Path(command[0]).name} ended while it was measured:\n{_tail(log)}")
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def is_ready(port: int) -> bool:
    """Whether a service of ours there says that it can work."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
