"""The folder of the log server inside the data folder: its lock, address, configuration, log and data.

Everything here belongs to one user (0700, files 0600): the address may carry the password.
"""

import fcntl
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from shared.embedded.binary import EmbeddedServerError
from shared.embedded.guardian import STARTING

LOG_BYTES_MAX = 5_000_000  # the server writes a few lines an hour; above this the file is put aside at a start
LOG_TAIL_LINES = 15  # enough for the server's own reason, which is in its last lines

CONFIGURATION = """\
# Written at each start; changes here are lost.
daemonize no
supervised no
{listen}
dir ./
# Written and synced before it is confirmed: what Strainwatch has accepted survives a power failure.
appendonly yes
appendfsync {appendfsync}
# A kill in the middle of a write leaves half an entry that was never confirmed.
aof-load-truncated yes
save ""
# A full server must refuse, never drop entries by itself.
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class Home:
    """The server's folder. All its paths follow from `folder` (absolute)."""

    folder: Path

    @classmethod
    def prepare(cls, data_dir: Path) -> "Home":
        """Make the folder, for its owner only. Raises EmbeddedServerError when it cannot be written."""
        home = cls(data_dir.resolve() / "valkey")
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            home.folder.mkdir(mode=0o700, exist_ok=True)
            if home.folder.stat().st_mode & 0o077:
                home.folder.chmod(0o700)
            os.close(home.open_lock())
        except OSError as fault:
            raise home.unwritable(fault) from fault
        return home

    def unwritable(self, fault: OSError) -> EmbeddedServerError:
        return EmbeddedServerError(
            f"The data folder {self.folder.parent} cannot be written ({fault}). Give this user the right to "
            "write there, choose another folder with STRAINWATCH_DATA_DIR, or set STRAINWATCH_REDIS_URL."
        )

    @property
    def log(self) -> Path:
        return self.folder / "valkey.log"

    @property
    def configuration(self) -> Path:
        return self.folder / "valkey.conf"

    def open_lock(self) -> int:
        """A descriptor of the lock file. Who starts the server locks it and hands it on to guardian and
        server: the kernel frees it when the last of them is gone, so there is nothing stale to clean up."""
        return os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def in_use(self) -> bool:
        """Whether a server (or its guardian) of this folder exists: starting, serving or ending."""
        try:
            lock_fd = self.open_lock()
        except OSError:
            return False  # the folder was taken away
        try:
            # Shared: two who look at once do not see each other. A starter that meets us tries again.
            fcntl.flock(lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock_fd)
        return False

    def url(self) -> str | None:
        """The address that the last start wrote, or None before the first."""
        try:
            return (self.folder / "url").read_text().strip() or None
        except FileNotFoundError:
            return None

    def configure(self, appendfsync: str) -> str:
        """Choose the address, write it and the configuration, return it. Only for the holder of the lock."""
        socket_path = self.folder / "valkey.sock"
        if _takes_a_socket(socket_path):
            # The path is relative (the server runs in this folder), so nothing in it needs quoting there.
            listen = f"port 0\nunixsocket {socket_path.name}\nunixsocketperm 700"
            url = f"unix://{quote(str(socket_path))}?db=0"
        else:
            port, password = self._port_and_password()
            listen = f"bind 127.0.0.1\nprotected-mode yes\nport {port}\nrequirepass {password}"
            url = f"redis://:{password}@127.0.0.1:{port}/0"
        self._write(self.configuration, CONFIGURATION.format(listen=listen, appendfsync=appendfsync))
        self._write(self.folder / "url", url + "\n")
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        return url

    def log_tail(self) -> str:
        """The last lines that the newest start wrote to the log, empty when there are none."""
        try:
            newest = self.log.read_text(errors="replace").rpartition(STARTING)[2]
        except OSError:
            return ""
        return "\n".join(newest.splitlines()[-LOG_TAIL_LINES:])

    def _port_and_password(self) -> tuple[int, str]:
        """Those of the last start while the port is free, so that clients that know the address come back."""
        before = urlsplit(self.url() or "")
        if before.scheme == "redis" and before.port and before.password and _free_port(before.port):
            return before.port, before.password
        return _free_port(0) or 0, secrets.token_urlsafe(32)

    def _write(self, path: Path, text: str) -> None:
        # Whole or not at all, since others read the address while we start.
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)


def _takes_a_socket(path: Path) -> bool:
    """Whether a unix socket can be here: not when the path is too long (104 to 108 bytes), nor on some shared
    folders of virtual machines. Also removes the socket of a killed server."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def _free_port(wanted: int) -> int | None:
    """`wanted` (0: any) on 127.0.0.1 if nobody listens there, else None."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return None
        port: int = probe.getsockname()[1]
        return port
