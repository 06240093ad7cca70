"""What `strainwatch replay` reads: exported log lines, or events as an ACD sends them, one JSON object a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from services.ingest.core.refusals import explain
from shared.contract.block import encode_block
from shared.contract.entries import START, Entry, EntryId, Settings, block_fields, settings_fields, tick_fields
from shared.contract.events import event_decoder, ts_to_ms
from shared.contract.hashes import TenantHashes
from shared.contract.rows import row_of
from shared.log_callers import CallerIndex, lookups_of
from tools.log_lines import AlertLine, EventsLine, Skipped, read_line

_SPACE = b" \t\r\n"


class ReplayError(ValueError):
    """The input as a whole cannot be replayed; the message says what to change."""


@dataclass(slots=True)
class Refusals:
    """Events that ingest would refuse, by reason, with the place of the first."""

    by_reason: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, place: str) -> None:
        """One more."""
        self.by_reason[reason] += 1
        self.first.setdefault(reason, place)

    def lines(self) -> list[str]:
        """For a person; empty when nothing was refused."""
        if not self.by_reason:
            return []
        return [f"{self.by_reason.total()} events refused:"] + [
            f"  {number:6d}  {reason} (first: {self.first[reason]})" for reason, number in self.by_reason.most_common()
        ]


def is_export(paths: Sequence[Path]) -> bool:
    """Whether the files are an exported log. Raises ReplayError for a mixture or nothing at all; OSError."""
    kinds = {kind for path in paths if (kind := _kind(path)) is not None}
    if len(kinds) != 1:
        what = "nothing to replay: the files are empty" if not kinds else "an exported log and bare events together"
        raise ReplayError(f"{what}; give files of one kind")
    return kinds.pop()


def _kind(path: Path) -> bool | None:
    with path.open("rb") as lines:
        for line in lines:
            if line.strip(_SPACE):
                try:
                    first = msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    return False
                return isinstance(first, dict) and "partition" in first
    return None


def exported_entries(paths: Iterable[Path], settings: Settings | None = None) -> Iterator[tuple[int, Entry]]:
    """(partition, entry as the engine gets it) of exported files, in reading order.

    With `settings` those of the log become ticks, and these are in force from 1 ms before a partition's first entry.
    Raises ReplayError, OSError.
    """
    skip: set[tuple[int, EntryId]] = set()
    last: dict[int, EntryId] = {}
    for place, data in _lines(paths):
        try:
            line = read_line(data)
        except ValueError as fault:
            raise ReplayError(f"{place}: {fault}") from None
        if isinstance(line, AlertLine):
            raise ReplayError(f"{place}: is an exported alert; export the events stream to replay it")
        if isinstance(line, Skipped):
            if line.id <= last.get(line.partition, START):
                raise ReplayError(f"{place}: says too late that {line.id} is skipped; put this file first")
            skip.add((line.partition, line.id))
            continue
        assert isinstance(line, EventsLine)
        partition, entry = line
        if partition not in last and settings is not None:
            yield partition, Entry(EntryId(entry.id.ms - 1, 0), settings_fields(settings))
        if entry.id <= last.get(partition, START):
            raise ReplayError(
                f"{place}: entry {entry.id} of partition {partition} comes after {last[partition]}; "
                "give each file once, in the order of time"
            )
        last[partition] = entry.id
        if (partition, entry.id) in skip or (settings is not None and b"s" in entry.fields):
            entry = Entry(entry.id, tick_fields(entry.id.ms))
        yield partition, entry


class BareEvents:
    """Events of one tenant, merged by `ts`, ties in reading order; one an entry, at its own time."""

    def __init__(self, paths: Iterable[Path], tenant: str) -> None:
        """Read and check all of them; what the contract refuses is counted in `refused`. Raises OSError."""
        self.refused = Refusals()
        self._tenant = tenant
        self._events: list[tuple[int, bytes]] = []
        decode = event_decoder().decode
        for place, line in _lines(paths):
            try:
                ts_ms = ts_to_ms(decode(line).ts)
            except (ValueError, OverflowError, RecursionError) as fault:
                pointer, detail = explain(fault)
                self.refused.add(f"{pointer} {detail}".strip(), place)
            else:
                self._events.append((ts_ms, line))
        self._events.sort(key=lambda event: event[0])

    def __len__(self) -> int:
        return len(self._events)

    @property
    def first_ms(self) -> int:
        """Time of the first event; 0 when there is none."""
        return self._events[0][0] if self._events else 0

    def entries(self, settings: Settings | None = None) -> Iterator[Entry]:
        """Entries as the log would hold them, with the answers of the repeat-caller index; settings go first."""
        callers = CallerIndex()
        hashes = TenantHashes(self._tenant, b"")  # nothing of it leaves this process but which callers are the same
        decode = event_decoder().decode
        at = EntryId(0, 0)
        if settings is not None and self._events:
            at = EntryId(self.first_ms, 0)
            yield Entry(at, settings_fields(settings))
        for ts_ms, line in self._events:
            at = EntryId(ts_ms, at.seq + 1) if ts_ms == at.ms else EntryId(ts_ms, 0)
            row = row_of(decode(line), self._tenant, ts_ms, hashes)
            yield Entry(at, block_fields(encode_block([row])) | callers.fields(lookups_of([row]), ts_ms))


class Recording:
    """Files to replay, of either kind, that can be read again and again."""

    def __init__(self, paths: Sequence[Path], tenant: str) -> None:
        """Bare events belong to `tenant` and are read and checked here. Raises ReplayError, OSError."""
        self.exported = is_export(paths)
        self._paths = paths
        self._bare = None if self.exported else BareEvents(paths, tenant)

    @property
    def refused(self) -> list[str]:
        """What ingest would refuse, for a person."""
        return [] if self._bare is None else self._bare.refused.lines()

    @property
    def total(self) -> int | None:
        """How many entries there are, where that is known without reading them."""
        return None if self._bare is None else len(self._bare)

    @property
    def first_ms(self) -> int:
        """Time of the first entry; 0 when there is none. Raises ReplayError, OSError."""
        if self._bare is not None:
            return self._bare.first_ms
        return next((entry.id.ms for _, entry in exported_entries(self._paths)), 0)

    def entries(self, settings: Settings | None = None) -> Iterator[tuple[int, Entry]]:
        """(partition, entry) in order; `settings` go first and replace all those of an exported log."""
        if self._bare is None:
            return exported_entries(self._paths, settings)
        return ((0, entry) for entry in self._bare.entries(settings))


def _lines(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """(place, line) of every line that is not blank."""
    for path in paths:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                stripped = line.strip(_SPACE)
                if stripped:
                    yield f"{path} line {number}", stripped
