"""A baseline in a file: one line of JSON, as it stands in the log."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from shared.contract.baseline import BASELINE_BYTES_MAX, Baseline, decode_baseline, encode_baseline
from shared.contract.block import NewerBlock


class BadBaseline(ValueError):
    """The file holds no baseline that this version can take; the message says what to do."""


_BEGINS = b'{"tenant":'
"""So begins a file that we wrote, and no event and no line of an exported log does."""


def is_baseline(path: Path) -> bool:
    """Whether a file was written by `strainwatch baseline`. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(4096)
    return head.startswith(_BEGINS) and b'"digest":' in head


def read_baseline(path: Path) -> Baseline:
    """A baseline as `write_baseline` wrote it. Raises BadBaseline, OSError."""
    with path.open("rb") as file:
        data = file.read(2 * BASELINE_BYTES_MAX).strip()
    try:
        return decode_baseline(data)
    except NewerBlock as fault:
        raise BadBaseline(f"{path}: {fault}") from None
    except (ValueError, msgspec.MsgspecError) as fault:
        raise BadBaseline(f"{path}: not a baseline ({fault}); make it anew with `strainwatch baseline`") from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(encode_baseline(baseline) + b"\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
