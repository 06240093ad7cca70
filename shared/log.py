"""The log: the port through which services meet, and what it guarantees.

One log has P partitions. A partition holds an *events* stream (the truth and the clock), an *alerts* stream (what the
engine concluded), a *signals* stream (strain now), and the owner's checkpoint. Adapters: `log_redis`, `log_memory`.

Guarantees
- `append` returns after the entry is as durable as the store is set to be, and the id it returns is greater than every
  id before. An append that raises may or may not have happened; appending again is harmless, because the engine drops
  an event id it has seen.
- Entries are read in order, whole, and never change.
- At most one owner has the current generation of a partition. Whatever an older generation tries to write fails with
  `Fenced`.
- `publish` is all or nothing. What is already there is compared byte for byte; a difference is counted, the old bytes
  stay. The published position never goes down, so two scorers that do the same work publish once.
- A checkpoint is whole or absent. Its pointer moves in one step and only for the current generation.
- `epoch` names this life of the partition. It changes when acknowledged entries were lost; positions of another epoch
  mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from shared.contract.entries import Entry, EntryId


class LogUnavailable(ConnectionError):
    """The store does not answer or refuses writes (full, read-only, loading). Try again; nothing was acknowledged."""


class Fenced(RuntimeError):
    """Another scorer owns this partition now. Stop writing; start again as a standby."""


class WrongPartitions(RuntimeError):
    """The log was created with another number of partitions. Set STRAINWATCH_PARTITIONS to that number."""


class Lookup(NamedTuple):
    """One question to the repeat-caller index, in the order of `entries.lookup_rows` of the block.

    `key` is `hashes.caller_issue_key`, 8 bytes; the answer is the time since another contact under the same key, if it
    came within 7 days before `ts_ms`. A contact is never its own repeat; asking twice gives the same answer.

    `outbound` is, for a contact of `entries.outbound_rows`, the caller's hash as 8 bytes, else empty: then the contacts
    that went out to the same person are counted too, within 7 days up to `ts_ms`, this one included.
    """

    key: bytes
    contact: int
    ts_ms: int
    outbound: bytes = b""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long streams are kept. The defaults are the documented ones; memory per hour is in the docs."""

    events_ms: int = 26 * 3_600_000  # a day's report plus two hours for the night shift to read it
    events_bytes: int = 4 << 30  # whichever comes first; a full store would stop ingest
    alerts_ms: int = 7 * 86_400_000
    signals_entries: int = 8  # seconds; a reader that is slower than that wants only the newest
    history_ms: int = 26 * 3_600_000
    rejects_ms: int = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Publication:
    """What an entry (or a run of entries) caused. `alerts` are (id in the alerts log, bytes), ascending."""

    position: EntryId
    alerts: Sequence[tuple[EntryId, bytes]]
    signals: Sequence[bytes] = ()
    history: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What `publish` did: changes appended, changes found already there, and those found there with other bytes."""

    appended: int
    known: int
    differing: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Position and state, saved together. `meta` names engine, block version, NumPy and CPU class."""

    position: EntryId
    state: bytes
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a partition stands."""

    epoch: str
    generation: int
    published: EntryId
    events_first: EntryId
    events_last: EntryId
    alerts_first: EntryId
    alerts_last: EntryId
    differing: int
    """Published changes that differed from what was there; anything but 0 alarms ops."""


class Log(Protocol):
    """The port. All methods raise LogUnavailable when the store cannot be reached."""

    @property
    def partitions(self) -> int:
        """P, fixed when the log was created."""

    async def append(self, partition: int, fields: Mapping[bytes, bytes], lookups: Sequence[Lookup] = ()) -> EntryId:
        """Append one entry to the events stream; with lookups, their answers are appended as its field `r`
        (int64 each), and the counts of those that are outbound, if any, as `o` (uint16 each)."""

    async def read(self, partition: int, after: EntryId, *, count: int = 256, block_ms: int = 0) -> list[Entry]:
        """Entries of the events stream after a position; waits up to `block_ms` (0: not at all) for the first."""

    async def read_alerts(
        self, partition: int, after: EntryId, *, count: int = 512, block_ms: int = 0
    ) -> list[tuple[EntryId, bytes]]:
        """Changes of the alerts stream after a position."""

    async def read_signals(self, partition: int, after: EntryId, *, block_ms: int = 0) -> list[tuple[EntryId, bytes]]:
        """Signals after a position; the newest run of seconds only."""

    async def read_history(self, partition: int, after: EntryId, *, count: int = 2000) -> list[tuple[EntryId, bytes]]:
        """Minute history after a position."""

    async def state(self, partition: int) -> LogState:
        """Epoch, generation, positions."""

    async def digest(self, partition: int, position: EntryId) -> bytes | None:
        """16-byte digest of the entry at a position of the events stream; None when it is not there (or START)."""

    async def new_epoch(self, partition: int, generation: int) -> str:
        """Begin a new epoch after acknowledged entries were lost; `published` falls back to what is there."""

    # --- the owner of a partition

    async def claim(self, partition: int, token: str, *, ttl_ms: int) -> int | None:
        """Become owner: the new generation, or None while another owner's lease lasts."""

    async def renew(self, partition: int, token: str, *, ttl_ms: int) -> bool:
        """Prolong the lease; False when it is no longer ours."""

    async def release(self, partition: int, token: str) -> None:
        """Give the lease back at once, if it is ours."""

    async def publish(self, partition: int, generation: int, publication: Publication) -> Published:
        """Publish what entries up to `position` caused. Raises Fenced."""

    async def save_checkpoint(self, partition: int, generation: int, checkpoint: Checkpoint) -> None:
        """Store the state in chunks under a new name, move the pointer, drop the old. Raises Fenced."""

    async def load_checkpoint(self, partition: int) -> Checkpoint | None:
        """The newest whole checkpoint."""

    async def failures(self, partition: int) -> dict[EntryId, int]:
        """Entries that the engine failed on, and how often. Three and more are on the skip list."""

    async def count_failure(self, partition: int, generation: int, position: EntryId) -> int:
        """Count one more failure of the engine on an entry; the new number. Raises Fenced."""

    async def trim(self, partition: int, generation: int, *, now_ms: int, keep_from: EntryId) -> None:
        """Apply the retention; events from `keep_from` on (oldest checkpoint less the lateness bound) stay."""

    # --- beside the log

    async def reject(self, partition: int, record: bytes) -> None:
        """Keep a record of refused events (no personal data) for a day."""

    async def read_rejects(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """Records of refused events."""

    async def api_keys(self) -> dict[str, bytes]:
        """Key id -> JSON of the API key."""

    async def put_api_key(self, key_id: str, record: bytes | None) -> None:
        """Store an API key's record, or delete it (None)."""

    async def ping(self) -> None:
        """Return if the store answers and takes writes."""

    async def close(self) -> None:
        """Close all connections."""
