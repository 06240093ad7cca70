"""A small process between Strainwatch and the log server, so that the server never outlives its starter.

Run as a script, without site packages: ``guardian.py STARTER_PID BINARY CONFIGURATION``, standard input being
a pipe that only the starter writes to. It starts the server as its child and ends it (SIGTERM, then SIGKILL)
when

- the pipe closes or carries a byte: the starter stopped us or died, even by kill -9;
- its parent is another than the starter: a forked child of a dead starter may hold the pipe open;
- it gets SIGTERM itself.

It ends when the server ends. Should the guardian be killed, Linux sends the server SIGTERM (PDEATHSIG). The
starter does not use PDEATHSIG directly: that fires when the *thread* that forked ends, and it cannot go on to
SIGKILL. On macOS, where there is no PDEATHSIG, a kill -9 of this very process leaves the server behind.

The lock file of the data folder is among the inherited descriptors, here and in the server: it is held until
both are gone, which is how other processes know.
"""

import contextlib
import os
import select
import signal
import sys

LOOK_S = 0.25  # how late a dead server or a changed parent is noticed
# A shutdown writes and syncs what is left of the AOF: milliseconds, seconds on a slow disk. A server that is
# busy in a script does not react to SIGTERM. With appendfsync always SIGKILL loses nothing that was confirmed.
TERM_WAIT_S = 10.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h
STARTING = "# guardian: starting the server\n"  # where the newest part of the log begins


def main(starter_pid: int, binary: str, configuration: str) -> int:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the starter's thread may have blocked some
    signal.signal(signal.SIGTERM, _leave)
    os.write(2, STARTING.encode())
    server_pid = _start(binary, configuration)
    why = "the server ended"
    try:
        while not _ended(server_pid):
            readable, _, _ = select.select([0], [], [], LOOK_S)
            if readable or os.getppid() != starter_pid:
                why = "the process that started the server stopped it or is gone"
                break
    finally:
        _end(server_pid)
        os.write(2, f"# guardian: leaving, {why}\n".encode())
    return 0


def _leave(_signal: int, _frame: object) -> None:
    sys.exit(0)


def _start(binary: str, configuration: str) -> int:
    guardian_pid = os.getpid()
    prctl = None
    if sys.platform == "linux":
        import ctypes  # before the fork: a child should do little before exec

        prctl = ctypes.CDLL(None).prctl
    server_pid = os.fork()
    if server_pid:
        return server_pid
    try:
        os.setpgid(0, 0)  # its own group: its rewrite children are ended with it
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
            if os.getppid() != guardian_pid:  # died before the line above: no signal will come
                os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(binary, [binary, configuration])  # noqa: S606 no shell is the point
    except OSError as fault:
        os.write(2, f"# guardian: cannot run {binary}: {fault}\n".encode())
    os._exit(127)


def _ended(server_pid: int) -> bool:
    """Whether the server is gone, leaving its zombie in place so that its group id stays ours."""
    return os.waitid(os.P_PID, server_pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(server_pid: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end has begun; once is enough
    os.kill(server_pid, signal.SIGTERM)  # a zombie takes it without harm
    waited_s = 0.0
    while not _ended(server_pid) and waited_s < TERM_WAIT_S:
        select.select([], [], [], 0.01)
        waited_s += 0.01
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of zombies
        os.killpg(server_pid, signal.SIGKILL)  # the server if it did not react, and a rewrite child it left
    os.waitpid(server_pid, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
