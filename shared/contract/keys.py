"""Names of everything in the store, and which partition a tenant lives in."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

META_KEY = "sw:meta"
"""Hash with the number of partitions, fixed when the log is created."""
API_KEYS_KEY = "sw:keys"
"""Hash: key id -> JSON of the API key (only its hash)."""
KEY_USES_KEY = "sw:key-uses"
"""Hash: key id -> the hour in which the key was last used, in ms."""
REVOCATIONS_KEY = "sw:revocations"
"""Hash: a person -> JSON of what was taken back (`shared.revocations`)."""


def partition_of(tenant: str, partitions: int) -> int:
    """The partition of a tenant: all its agents and queues share it, so its events have one order."""
    return int.from_bytes(blake2b(tenant.encode(), digest_size=8).digest(), "little") % partitions


@dataclass(frozen=True, slots=True)
class PartitionKeys:
    """Keys of one partition; the shared hash tag keeps them on one node of a cluster."""

    partition: int

    def _key(self, name: str) -> str:
        return f"sw:{{{self.partition}}}:{name}"

    @property
    def events(self) -> str:
        """Stream: the log, which is the truth and the clock."""
        return self._key("events")

    @property
    def alerts(self) -> str:
        """Stream: alert changes; the entry id is derived from the entry that caused it."""
        return self._key("alerts")

    @property
    def signals(self) -> str:
        """Stream: strain now, each second, kept for seconds."""
        return self._key("signals")

    @property
    def history(self) -> str:
        """Stream: strain each minute, kept for 26 h."""
        return self._key("history")

    @property
    def rejects(self) -> str:
        """Stream: what was refused and why, without personal data."""
        return self._key("rejects")

    @property
    def audit(self) -> str:
        """Stream: who did what, when; no notes, no tokens."""
        return self._key("audit")

    @property
    def owner(self) -> str:
        """String with expiry: token of the scorer that owns the partition."""
        return self._key("owner")

    @property
    def state(self) -> str:
        """Hash: generation, epoch, published position, differences seen, checkpoint pointer."""
        return self._key("state")

    @property
    def skip(self) -> str:
        """Hash: entry id -> number of failures; three and more are skipped."""
        return self._key("skip")

    def checkpoint(self, name: str) -> str:
        """List of chunks of one checkpoint."""
        return self._key(f"checkpoint:{name}")

    def outbox_owner(self, channel: str) -> str:
        """String with expiry: token of the process that sends by a channel."""
        return self._key(f"outbox:{channel}:owner")

    def outbox_notes(self, channel: str) -> str:
        """Hash: what was told by a channel, and the tries of what was not."""
        return self._key(f"outbox:{channel}:notes")

    @property
    def aside(self) -> str:
        """Stream: changes that a channel gave up on, and why."""
        return self._key("aside")

    @property
    def callers(self) -> str:
        """Prefix of the repeat-caller index; the key hash follows."""
        return self._key("caller:")

    @property
    def outbound(self) -> str:
        """Prefix of the outbound contacts of a person; the caller's hash follows."""
        return self._key("outbound:")
