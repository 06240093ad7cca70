"""Start, share, supervise and stop the embedded log server.

One server for each data folder; whoever asks first starts it. A process that dies, even by kill -9, takes
along the server that it started (see ``guardian.py``). The data is in the AOF and comes back with the next start.
"""

import enum
import fcntl
import os
import threading
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded.binary import EmbeddedServerError, find_binary
from shared.embedded.faults import explained
from shared.embedded.home import Home
from shared.embedded.launch import GuardianProcess

# A start takes 0.1 s. Longer than the guardian waits for a shutdown (10 s), so that a start right after a
# stop succeeds.
ANSWER_WAIT_S = 20.0
ASK_S = 2.0  # one PING; a server that loads its data answers between two chunks
LOOK_S = 0.02

FSYNC_CHOICES = ("always", "everysec", "no")


class _Answer(enum.Enum):
    READY = enum.auto()
    LOADING = enum.auto()
    NONE = enum.auto()


class EmbeddedServer:
    """The running log server of a data folder.

    `url` is for any Redis client; it may hold the password, so it is not for logs. `owned` says whether this
    process started the server. An owned server lives until `stop()` or until this process ends, whichever is
    first; the thread that started it may end. When another process owns it and ends,
    `restart_if_dead()` takes over.
    """

    url: str
    owned: bool

    def __init__(self, home: Home, url: str, appendfsync: str, guardian: GuardianProcess | None) -> None:
        self.url = url
        self.owned = guardian is not None
        self._home = home
        self._appendfsync = appendfsync
        self._guardian = guardian
        self._stopped = False
        self._changing = threading.Lock()  # stop() and restart_if_dead() may come from two threads

    def __repr__(self) -> str:
        return f"EmbeddedServer({self._home.folder}, owned={self.owned})"

    def alive(self) -> bool:
        """Whether a server of this data folder exists (it may still be loading). Does not wait for an answer:
        a server that is busy is not dead."""
        if self._guardian is not None:
            self._guardian.ended()  # takes away its zombie
        return self._home.in_use()

    def restart_if_dead(self) -> bool:
        """Start the server again (or join the one that another process started) if it is gone.

        Returns True when it had been gone and answers again. `url` stays the same except when a TCP port was
        taken by somebody else meanwhile. Blocks until the data is loaded: from an event loop, call
        it in a thread.
        Raises EmbeddedServerError when the server cannot be started.
        """
        with self._changing:
            if self._stopped or self.alive():
                return False
            if self._guardian is not None:
                self._guardian.end()
                self._guardian, self.owned = None, False
            fresh = ensure_server(self._home.folder.parent, appendfsync=self._appendfsync)
            self.url, self.owned, self._guardian = fresh.url, fresh.owned, fresh._guardian
            return True

    def stop(self) -> None:
        """End the server if this process started it, after it has written everything; else do nothing.

        Returns when its processes are gone. `restart_if_dead()` does nothing after it.
        """
        with self._changing:
            self._stopped = True
            if self._guardian is not None:
                self._guardian.end()
                self._guardian = None


def ensure_server(data_dir: Path, *, appendfsync: str = "always") -> EmbeddedServer:
    """The log server of `data_dir`, ready for commands: the one already running, else one started now.

    `appendfsync` is `always` (default: nothing confirmed is lost, even at a power failure), `everysec` (the
    last second may be lost) or `no`; when the server is already running, the setting of its starter holds.
    Waits as long as the server says that it is loading. Raises EmbeddedServerError; its text says what to do.
    """
    if appendfsync not in FSYNC_CHOICES:
        raise EmbeddedServerError(f"appendfsync is {appendfsync!r}; choose one of {', '.join(FSYNC_CHOICES)}.")
    home = Home.prepare(data_dir)
    lock_fd = home.open_lock()
    try:
        quiet_until_s = time.monotonic() + ANSWER_WAIT_S
        while not _locked(lock_fd):
            url = home.url()
            answer = _ask(url) if url is not None else _Answer.NONE
            if url is not None and answer is _Answer.READY:
                return EmbeddedServer(home, url, appendfsync, None)
            if answer is _Answer.LOADING:
                quiet_until_s = time.monotonic() + ANSWER_WAIT_S
            if time.monotonic() > quiet_until_s:
                raise explained(home, f"is running but has not answered for {ANSWER_WAIT_S:.0f} s")
            time.sleep(LOOK_S)
        return _start(home, lock_fd, appendfsync)
    finally:
        os.close(lock_fd)  # after a start, guardian and server hold the lock by their own copies


def _start(home: Home, lock_fd: int, appendfsync: str) -> EmbeddedServer:
    binary = find_binary()
    try:
        url = home.configure(appendfsync)
        guardian = GuardianProcess(binary, home, lock_fd)
    except OSError as fault:
        raise home.unwritable(fault) from fault
    try:
        quiet_until_s = time.monotonic() + ANSWER_WAIT_S
        while (answer := _ask(url)) is not _Answer.READY:
            if guardian.ended():
                raise explained(home, "ended before it answered", binary)
            if answer is _Answer.LOADING:
                quiet_until_s = time.monotonic() + ANSWER_WAIT_S
            if time.monotonic() > quiet_until_s:
                raise explained(home, f"was started but has not answered for {ANSWER_WAIT_S:.0f} s", binary)
            time.sleep(LOOK_S)
    except BaseException:  # Ctrl-C while it loads included: nobody would have the handle to end it
        guardian.end()
        raise
    return EmbeddedServer(home, url, appendfsync, guardian)


def _locked(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ask(url: str) -> _Answer:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=ASK_S, socket_connect_timeout=ASK_S, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
    except redis.exceptions.BusyLoadingError:
        return _Answer.LOADING
    except redis.exceptions.RedisError:
        return _Answer.NONE
    return _Answer.READY
