"""What was made to go wrong in a simulated day, as lines of JSON: written by `simulate`, read by `replay --truth`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tools.replay_input import ReplayError

if TYPE_CHECKING:
    from tools.centre.truth import Cause


class Injected(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cause, in the time of the events. It names its subject; one that names none concerns everybody."""

    kind: str
    start_ms: int
    end_ms: int
    size: float | None = None
    queue: str | None = None
    issue: str | None = None
    team: str | None = None
    agent: str | None = None


def write_truth(path: Path, causes: Iterable[Cause], *, start_ms: int, speed: float) -> None:
    """Causes of a day that began at `start_ms` and was posted at `speed`, which also moved the times of its events.

    Raises OSError.
    """

    def posted_ms(ts_ms: int) -> int:
        return start_ms + round((ts_ms - start_ms) / speed)

    lines = [
        msgspec.json.encode(
            Injected(c.kind, posted_ms(c.start_ms), posted_ms(c.end_ms), c.size, c.queue, c.issue, c.team, c.agent)
        )
        for c in causes
    ]
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def read_truth(path: Path) -> list[Injected]:
    """The causes, by start. Raises ReplayError with the line that is none; OSError."""
    causes = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            cause = msgspec.json.decode(line, type=Injected)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as fault:
            raise ReplayError(
                f'{path} line {number}: {fault}; a cause is {{"kind":"surge","start_ms":...,"end_ms":...}} '
                "with queue, issue, team or agent where it has one"
            ) from None
        if cause.end_ms < cause.start_ms:
            raise ReplayError(f"{path} line {number}: ends before it starts")
        causes.append(cause)
    return sorted(causes, key=lambda cause: (cause.start_ms, cause.end_ms, cause.kind))
