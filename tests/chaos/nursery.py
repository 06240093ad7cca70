"""Processes that start at once: forked from one that has already imported the program.

Importing takes two seconds of a core, which is most of what a kill costs; hundreds of kills would take hours. What runs
in the child is `strainwatch serve ...` as always, in a process of its own, orphaned to the harness so that this one can
wait for it. How long a start takes with the imports is measured by the runs without `--warm`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def end_with(parent: int) -> None:
    """From here on this process is killed when its parent is, however that ends. Before its parent is `parent`, it
    waits: who was forked by somebody in between is not the harness's own yet."""
    while os.getppid() != parent:
        if os.getppid() == 1 or not Path(f"/proc/{parent}").exists():
            os._exit(1)  # it has ended already
        time.sleep(0.001)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Forked:
    """What `subprocess.Popen` offers, for a child that the nursery forked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code (a signal as its negative), or None while it runs."""
        if self.returncode is None:
            try:
                found, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # its middle parent is not gone yet
                return None if Path(f"/proc/{self.pid}").exists() else 0
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        until_s = time.monotonic() + (60 if timeout is None else timeout)
        while self.poll() is None:
            if time.monotonic() > until_s:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 60)
            time.sleep(0.002)
        assert self.returncode is not None
        return self.returncode


class Nursery:
    """The process that forks."""

    def __init__(self, root: Path) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        environment = {**os.environ, "PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()  # when it has imported all: later, whoever waited for it would hold up others

    def start(self, arguments: list[str], environment: Mapping[str, str], log: Path, out: Path | None = None) -> Forked:
        """A `strainwatch` command in a process of its own; what it says goes to `log`, or its output to `out`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = {"arguments": arguments, "environment": dict(environment), "log": str(log), "out": str(out or log)}
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()))

    def close(self) -> None:
        """End it; its children go on."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Fork for each line of standard input; print the pid."""
    import tools.cli
    import tools.serve

    harness = os.getppid()
    print("ready", flush=True)
    for line in sys.stdin:
        said = json.loads(line)
        reading, writing = os.pipe()
        middle = os.fork()
        if middle == 0:
            child = os.fork()
            if child == 0:
                os.close(reading)
                os.close(writing)
                _become(said, tools.cli.main, harness)
            os.write(writing, str(child).encode())
            os._exit(0)
        os.close(writing)
        pid = os.read(reading, 32)
        os.close(reading)
        os.waitpid(middle, 0)  # only then is the child the harness's own
        print(pid.decode(), flush=True)


def _become(said: dict[str, Any], run: Any, harness: int) -> None:
    code = 1
    try:
        os.setsid()
        end_with(harness)
        log, out = (os.open(said[to], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for to in ("log", "out"))
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, at in ((null, 0), (out, 1), (log, 2)):
            os.dup2(fd, at)
        os.environ.clear()
        os.environ.update(said["environment"])
        sys.argv = ["strainwatch", *said["arguments"]]
        run()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
