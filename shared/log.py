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
from enum import IntEnum
from typing import Literal, NamedTuple, Protocol

from shared.contract.entries import Entry, EntryId
from shared.outbox import Outbox

AccessKind = Literal["key_use", "revocation"]
"""See `keys.KEY_USES_KEY` and `keys.REVOCATIONS_KEY`."""


class LogUnavailable(ConnectionError):
    """The store does not answer or refuses writes (full, read-only, loading). Try again; nothing was acknowledged."""


class Fenced(RuntimeError):
    """Another scorer owns this partition now. Stop writing; start again as a standby."""


class Lease(IntEnum):
    """What became of a lease that was to be prolonged."""

    LOST = 0
    OURS = 1
    WANTED = 2
    """Ours, and we are a standby, and a scorer that has precedence has just asked for it."""


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
    audit_ms: int = 90 * 86_400_000  # a quarter: long enough to ask who did what, and then it is forgotten


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


class Store(NamedTuple):
    """A node of the store as it sees itself."""

    name: str
    """A number from 0, or what the cluster calls it: there are as many as nodes."""
    now_ms: int
    """Its clock when it answered; ids of entries come from it."""
    memory_bytes: int
    memory_limit_bytes: int
    """0: none is set."""
    disk_fails: bool
    """Its last write to disk failed; it refuses writes from then on."""
    evicted: int
    """Keys thrown away since its start; anything but 0 means that it is set up to lose data."""


class Log(Protocol):
    """The port. All methods raise LogUnavailable when the store cannot be reached."""

    @property
    def partitions(self) -> int:
        """P, fixed when the log was created."""

    @property
    def breaks(self) -> int:
        """How often the way to the store broke: a connection was lost, or another node has the keys now. When it has
        grown, acknowledged entries may be missing: look whether the entry at one's position still stands."""

    async def append(
        self,
        partition: int,
        fields: Mapping[bytes, bytes],
        lookups: Sequence[Lookup] = (),
        *,
        promised: bool = True,
    ) -> EntryId:
        """Append one entry to the events stream; with lookups, their answers are appended as its field `r`
        (int64 each), and the counts of those that are outbound, if any, as `o` (uint16 each).

        `promised`: somebody is told that it is kept, so replicas must have it first where the store is set up so.
        """

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
        """Become owner: the new generation, or None while another owner's lease lasts.

        A token that begins with `log_rules.STANDBY` is a standby's. It gets nothing while another asks for a partition
        that a standby has: that one has precedence, and `renew` tells.
        A generation is greater than all before, also than those that the store has forgotten.
        """

    async def renew(self, partition: int, token: str, *, ttl_ms: int) -> Lease:
        """Prolong the lease, if it is still ours."""

    async def release(self, partition: int, token: str) -> None:
        """Give the lease back at once, if it is ours."""

    async def publish(self, partition: int, generation: int, publication: Publication) -> Published:
        """Publish what entries up to `position` caused. Raises Fenced."""

    async def save_checkpoint(self, partition: int, generation: int, checkpoint: Checkpoint) -> None:
        """Store the state in chunks under a new name, move the pointer, drop the old. Raises Fenced.

        Of one generation in one epoch the newest position stays, in whatever order the commands arrive."""

    async def load_checkpoint(self, partition: int) -> Checkpoint | None:
        """The newest whole checkpoint."""

    async def failures(self, partition: int) -> dict[EntryId, int]:
        """Entries that the engine failed on, and how often. Three and more are on the skip list."""

    async def count_failure(self, partition: int, generation: int, position: EntryId) -> int:
        """Count one more failure of the engine on an entry; the new number. Raises Fenced."""

    async def trim(
        self,
        partition: int,
        generation: int,
        *,
        now_ms: int,
        keep_from: EntryId,
        keep_alerts_from: EntryId | None = None,
    ) -> None:
        """Apply the retention; events from `keep_from` on (oldest checkpoint less the lateness bound) stay, and changes
        of alerts from `keep_alerts_from` on (the oldest that tells of a live alert; None: none is live)."""

    # --- beside the log

    async def reject(self, partition: int, record: bytes) -> None:
        """Keep a record of refused events (no personal data) for a day."""

    async def read_rejects(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """Records of refused events."""

    async def audit(self, partition: int, record: bytes) -> EntryId:
        """Keep a record of what somebody did; as durable as an entry once this returns."""

    async def read_audit(self, partition: int, after: EntryId, *, count: int = 500) -> list[tuple[EntryId, bytes]]:
        """Records of the audit log after a position."""

    async def last_audit(
        self, partition: int, before: EntryId | None, *, count: int = 500
    ) -> list[tuple[EntryId, bytes]]:
        """The last records before a position (None: of all), the latest first."""

    def outbox(self, partition: int, channel: str) -> Outbox:
        """What an outgoing channel still has to send of a partition's alerts. See `shared.outbox`."""

    async def read_aside(self, partition: int, after: EntryId, *, count: int = 100) -> list[tuple[EntryId, bytes]]:
        """Records of the changes that channels gave up on."""

    async def api_keys(self) -> dict[str, bytes]:
        """Key id -> JSON of the API key."""

    async def put_api_key(self, key_id: str, record: bytes | None) -> None:
        """Store an API key's record, or delete it (None)."""

    async def access_records(self, kind: AccessKind) -> dict[str, bytes]:
        """Id -> record, of what else is kept about who may do what."""

    async def put_access_record(self, kind: AccessKind, id: str, record: bytes) -> None:
        """Store one, in the place of what stands under the id."""

    async def ping(self) -> None:
        """Return if the store answers and takes writes."""

    async def store(self) -> list[Store]:
        """How each node of the store is."""

    async def close(self) -> None:
        """Close all connections."""
