"""What both adapters of the log do alike."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

PARTITIONS_DEFAULT = 8
"""Enough for a few scorers; a contact centre needs one. Cannot be changed later."""
WAIT_MS_MAX = 2_000
"""A read waits at most this long in the store, so that a dead connection is noticed; callers ask again."""
STANDBY = "standby-"
"""How the token of a scorer begins that gives way to others; see `Log.claim`."""
WANTED_MS = 2_000
"""How long a claim that a standby's lease refused keeps standbys away: four times the pause between two claims."""
REPEAT_MS_MAX = 7 * 86_400_000
"""A contact after more than a week is not a repeat, as first-contact resolution is usually measured."""
CALLERS_KEPT = 4
"""Contacts remembered under one key of the repeat-caller index, so that a contact that is handled after the same
caller has come again still gets the answer that it was given when it was offered."""
OUTBOUND_KEPT = 32
"""Outbound contacts remembered for one person, 16 bytes each. More in a week are counted as one more than that."""
REJECTS_ENTRIES_MAX = 10_000
"""The newest refusals of a partition; a broken ACD that is refused all day must not fill the store."""
AUDIT_ENTRIES_MAX = 200_000
"""The newest records of a partition's audit log, some 50 MB: what 40 leads and 500 agents do in two months. One person
who does as much as the limit on actions lets them would need a day and a half to flush it."""
DIGEST_BYTES = 16


def entry_digest(fields: Mapping[bytes, bytes]) -> bytes:
    """16 bytes that stand for the whole content of an entry, whatever the order of its fields."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for name in sorted(fields):
        for part in (name, fields[name]):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.digest()
