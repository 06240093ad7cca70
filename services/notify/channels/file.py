"""The channels file (TOML) of a process: it holds secrets, so it never enters the log and is read by notify alone."""

from __future__ import annotations

import tomllib
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.notify.channels.signature import secret_fault
from services.notify.core.channel_settings import Channel, read_channels
from shared.settings import SECRET_BYTES_MAX, BadSetup

FILE_BYTES_MAX = 1 << 20
"""A hundred channels with a route for each of some thousand teams."""


def read_channels_file(path: Path) -> list[Channel]:
    """Raises BadSetup with every fault of the file; no fault repeats a secret."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise BadSetup([f"channels file {path}: cannot be read ({fault.strerror})"]) from None
    if len(data) > FILE_BYTES_MAX:
        raise BadSetup([f"channels file {path}: has more than {FILE_BYTES_MAX:,} bytes"])
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadSetup([f"channels file {path}: is not TOML: {fault}"]) from None
    folder = path.parent
    channels, faults = read_channels(
        document,
        read_file=lambda name: _secret(folder / name),
        find_zone=_zone,
        check_secret=secret_fault,
    )
    if faults:
        raise BadSetup([f"channels file {path}: {fault}" for fault in faults])
    return channels


def _secret(path: Path) -> str:
    """A file's text; a path that is not absolute is looked for beside the channels file."""
    try:
        with path.open("rb") as file:
            data = file.read(SECRET_BYTES_MAX + 1)
        text = data.decode()
    except OSError as fault:
        raise ValueError(f"{path} cannot be read ({fault.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text") from None
    if not text.strip() or len(data) > SECRET_BYTES_MAX:
        raise ValueError(f"{path} {'is too long to be a secret' if text.strip() else 'is empty'}")
    return text


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; give an IANA name such as Europe/Madrid") from None
