"""Real `strainwatch` processes on free ports, and the promise that none is left."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).resolve().parents[2]
STRAINWATCH = str(Path(sys.executable).with_name("strainwatch"))
T = TypeVar("T")
WAIT_S = 60.0  # a bound for a busy machine; starting takes two seconds
BYTECODE = tempfile.TemporaryDirectory(prefix="strainwatch-bytecode-")
"""What one process compiled the next ones find, as for a person, also where the environment forbids to write beside
the sources; a start takes a third of the time."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """That of this process without our own variables, and with the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRAINWATCH_", "DEMO_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPYCACHEPREFIX": BYTECODE.name, "STRAINWATCH_DATA_DIR": str(data_dir), **variables}


def strainwatch(
    data_dir: Path, *arguments: str, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [STRAINWATCH, *arguments],
        env=environment(data_dir, **variables),
        cwd=data_dir,
        capture_output=True,
        text=True,
        timeout=2 * WAIT_S,  # others may run beside it
    )


def at_once(data_dir: Path, *commands: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """Run commands side by side, each to its end."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda arguments: strainwatch(data_dir, *arguments), commands))


def _heed_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and so would what a test starts from there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(command: list[str], data_dir: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A running process; killed at the end if it is still there, with all that it started."""
    process = subprocess.Popen(
        command,
        env=environment(data_dir, **variables),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_ctrl_c,
    )
    try:
        yield process
    finally:
        for left in family(process.pid):
            left.kill()
        process.communicate()


def family(pid: int) -> list[psutil.Process]:
    """The process and all that descend from it, now."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(ask: Callable[[], T | None], what: str) -> T:
    """The first answer that is not None or False. Fails after a bounded wait."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited {WAIT_S:g} s in vain for {what}")


def get(port: int, path: str, token: str = "") -> tuple[int, bytes] | None:
    """Status and body, or None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return None
    finally:
        connection.close()


def ready(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        answer = get(port, "/readyz")
        return answer is not None and answer[0] == 200

    return ask


def json_of(answer: tuple[int, bytes] | None) -> Any:
    assert answer is not None
    assert answer[0] == 200, answer
    return json.loads(answer[1])
