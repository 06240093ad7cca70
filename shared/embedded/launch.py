"""The guardian process as its starter sees it: start it, ask whether it ended, have it end."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from shared.embedded import guardian
from shared.embedded.home import Home

END_WAIT_S = guardian.TERM_WAIT_S + 5.0  # what it may need for SIGTERM and SIGKILL, on a busy machine


class GuardianProcess:
    """A running guardian and, as its child, the server.

    The pipe is a bare descriptor on purpose: it closes with this process, not when an object is collected.
    """

    def __init__(self, binary: Path, home: Home, lock_fd: int) -> None:
        python = [sys.executable, "-I", "-S"]  # bare: it starts at once and stays small
        pipe_read_fd, self._pipe_fd = os.pipe()
        try:
            # Guardian and server write to one log, the reasons of a failed start included.
            with open(os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 our own script and the server found
                    [*python, guardian.__file__, str(os.getpid()), str(binary), str(home.configuration)],
                    stdin=pipe_read_fd,
                    stdout=log,
                    stderr=log,
                    cwd=home.folder,
                    umask=0o077,
                    pass_fds=(lock_fd,),
                    start_new_session=True,  # Ctrl-C is for us alone: the server ends after we have drained
                )
        except BaseException:
            os.close(self._pipe_fd)
            raise
        finally:
            os.close(pipe_read_fd)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        """Have the server ended and wait until both are gone. Only once."""
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            os.write(self._pipe_fd, b".")  # closing is not enough when a forked child has a copy
        os.close(self._pipe_fd)
        self._process.wait(END_WAIT_S)
