"""What `strainwatch replay` reads: exported log lines, or events as an ACD sends them, one JSON object a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import msgspec

from services.ingest.core.refusals import explain
from shared.contract.baseline import Baseline
from shared.contract.block import decode_block, encode_block
from shared.contract.entries import (
    START,
    Entry,
    EntryId,
    Settings,
    baseline_fields,
    block_fields,
    settings_fields,
    tick_fields,
)
from shared.contract.events import event_decoder, ts_to_ms
from shared.contract.hashes import TenantHashes
from shared.contract.rows import row_of
from shared.log_callers import CallerIndex, lookups_of
from tools.log_lines import AlertLine, EventsLine, Skipped, read_line

ENTRY_EVENTS_MAX = 1_000
"""Of events that are put together: what a full block has in a running system."""
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


def exported_entries(
    paths: Iterable[Path], settings: Settings | None = None, baseline: tuple[int, Baseline] | None = None
) -> Iterator[tuple[int, Entry]]:
    """(partition, entry as the engine gets it) of exported files, in reading order.

    With `settings` those of the log become ticks, and these are in force from 1 ms before a partition's first entry;
    a `baseline` is taken there too, in its partition.
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
        if partition not in last and baseline is not None and baseline[0] == partition:
            yield partition, Entry(EntryId(entry.id.ms - 1, 1), baseline_fields(baseline[1]))
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

    def entries(
        self, settings: Settings | None = None, baseline: Baseline | None = None, within_ms: int = 0
    ) -> Iterator[Entry]:
        """Entries as the log would hold them, with the answers of the repeat-caller index; settings go first, then a
        baseline. Each event is one, or all within the same so many ms are, at the time of the last.
        """
        callers = CallerIndex()
        hashes = TenantHashes(self._tenant, b"")  # nothing of it leaves this process but which callers are the same
        decode = event_decoder().decode
        at = EntryId(0, 0)
        first = [] if settings is None else [settings_fields(settings)]
        first += [] if baseline is None else [baseline_fields(baseline)]
        if self._events:
            for number, given in enumerate(first):
                at = EntryId(self.first_ms, number)
                yield Entry(at, given)
        for events in self._together(within_ms):
            ts_ms = events[-1][0]
            at = EntryId(ts_ms, at.seq + 1) if ts_ms == at.ms else EntryId(ts_ms, 0)
            rows = [row_of(decode(line), self._tenant, event_ms, hashes) for event_ms, line in events]
            yield Entry(at, block_fields(encode_block(rows)) | callers.fields(lookups_of(rows), ts_ms))

    def _together(self, within_ms: int) -> Iterator[list[tuple[int, bytes]]]:
        """Events by entry."""
        if not within_ms:
            yield from ([event] for event in self._events)
            return
        for _, together in groupby(self._events, lambda event: event[0] // within_ms):
            events = list(together)
            for first in range(0, len(events), ENTRY_EVENTS_MAX):
                yield events[first : first + ENTRY_EVENTS_MAX]


class Recording:
    """Files to replay, of either kind, that can be read again and again."""

    def __init__(self, paths: Sequence[Path], tenant: str, baseline: Baseline | None = None) -> None:
        """Bare events belong to `tenant` and are read and checked here. Raises ReplayError, OSError.

        A `baseline` is taken before the first entry: by `tenant`, or in an exported log by the tenant that it names.
        """
        self.exported = is_export(paths)
        self._paths = paths
        self._bare = None if self.exported else BareEvents(paths, tenant)
        self._baseline = baseline
        if baseline is not None and self._bare is not None:
            self._baseline = msgspec.structs.replace(baseline, tenant=tenant)

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

    def entries(self, settings: Settings | None = None, within_ms: int = 0) -> Iterator[tuple[int, Entry]]:
        """(partition, entry) in order; `settings` go first and replace all those of an exported log.

        `within_ms` makes bare events that are so near one entry: quicker, where the second of a change is no matter.
        """
        if self._bare is None:
            return exported_entries(self._paths, settings, self._placed())
        return ((0, entry) for entry in self._bare.entries(settings, self._baseline, within_ms))

    def _placed(self) -> tuple[int, Baseline] | None:
        """The baseline with the partition of its tenant. Raises ReplayError when the log does not have the tenant."""
        if self._baseline is None:
            return None
        tenant = self._baseline.tenant
        for partition, entry in exported_entries(self._paths):
            # Looking for the bytes first is much cheaper than reading every block.
            if tenant.encode() in (data := entry.fields.get(b"b", b"")):
                block = decode_block(data)
                if tenant in {block.strings[code] for code in set(block.tenant.tolist())}:
                    return partition, self._baseline
        raise ReplayError(f"the baseline is of tenant {tenant!r}, of whom this log has no event")


def _lines(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """(place, line) of every line that is not blank."""
    for path in paths:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                stripped = line.strip(_SPACE)
                if stripped:
                    yield f"{path} line {number}", stripped
