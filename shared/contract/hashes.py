"""Keyed 64-bit hashes of contacts and callers. The raw value never leaves the request."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from shared.contract.uuids import uuid_of


class TenantHashes:
    """Hash functions of one tenant.

    Contacts and callers are hashed with keys derived from the secret and the tenant, so that the same caller of two
    tenants has nothing in common, and phone numbers cannot be found by trying them all without the secret.
    0 means "none" and is never returned.
    """

    __slots__ = ("_contact", "caller_keyed", "uuid_keys")

    def __init__(self, tenant: str, secret: bytes) -> None:
        # 64 bits: with a million open contacts the chance of any two colliding is 3e-8.
        self._contact = blake2b(key=_key(b"contact", tenant, b""), digest_size=8)
        keys = _key(b"uuid", tenant, b"")
        self.uuid_keys = (int.from_bytes(keys[:8], "little"), int.from_bytes(keys[8:16], "little"))
        self.caller_keyed = blake2b(key=_key(b"caller", tenant, secret), digest_size=8)

    def contact(self, contact: str) -> int:
        """Hash of a contact's id; the same in every process, secret or not, so that replays agree.

        The id of a contact is no secret, so where it is a UUID its two halves are mixed (splitmix64, Steele et al.
        2014), which costs a tenth of blake2b.
        """
        raw = uuid_of(contact)
        if raw is None:
            return _digest(self._contact, contact)
        first, second = self.uuid_keys
        half = _mixed(int.from_bytes(raw[:8], "little") + first & _ALL_ONES)
        return _mixed(half ^ int.from_bytes(raw[8:], "little") ^ second) or 1

    def caller(self, caller: str) -> int:
        """Hash of who called."""
        return _digest(self.caller_keyed, caller)


def _digest(keyed: blake2b, text: str) -> int:
    h = keyed.copy()
    h.update(text.encode())
    return int.from_bytes(h.digest(), "little") or 1


_ALL_ONES = (1 << 64) - 1
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def _mixed(x: int) -> int:
    x = (x ^ x >> 30) * _FACTORS[0] & _ALL_ONES
    x = (x ^ x >> 27) * _FACTORS[1] & _ALL_ONES
    return x ^ x >> 31


def _key(purpose: bytes, tenant: str, secret: bytes) -> bytes:
    return blake2b(
        tenant.encode(), key=blake2b(secret, digest_size=32).digest(), person=purpose, digest_size=32
    ).digest()


def caller_issue_key(caller_hash: int, issue: str | None) -> bytes:
    """8 bytes under which the repeat-caller index keeps a caller's last contacts about an issue.

    The caller's hash, with the issue's laid over it (exclusive or): callers' hashes are keyed and spread evenly, so
    two pairs meet as seldom as two callers, and the issue, one of few words, is hashed once and not for every event.
    """
    return (caller_hash ^ issue_hash(issue)).to_bytes(8, "little")


@lru_cache(maxsize=4096)  # a centre has some hundred issues; text that is new each time must not fill the memory
def issue_hash(issue: str | None) -> int:
    """64 bits of an issue; 0 for none."""
    return int.from_bytes(blake2b(issue.encode(), digest_size=8).digest(), "little") if issue else 0


def string_id(event_id: str) -> bytes:
    """16 bytes standing for an event id that is not a UUID."""
    return blake2b(event_id.encode(), digest_size=16).digest()
