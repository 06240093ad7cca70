"""Tokens that were taken back before they run out: all of a person that were issued up to a moment.

A token says itself until when it is good, so what was taken back has to be remembered. It is remembered by person and
not by token: who revokes seldom has the token at hand, and means the person. What is issued later is good again.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b

import msgspec
import structlog
from msgspec import Struct

from shared.log import Log, LogUnavailable

REFRESH_S = 2.0
"""How often they are read again: a token that was taken back stops within 5 s, even when one reading fails."""


class Revocation(Struct, kw_only=True, frozen=True):
    """As it is kept in the store."""

    tenant: str
    sub: str
    before_s: int
    """Tokens issued in this second (since 1970) or before are refused, and those that do not say when."""
    made_at_ms: int

    @property
    def id(self) -> str:
        """Under which it is kept: one for each person, the newest."""
        return blake2b(msgspec.json.encode([self.tenant, self.sub]), digest_size=16).hexdigest()


_decoder = msgspec.json.Decoder(Revocation)


def decode_revocation(data: bytes) -> Revocation:
    """A record from the store. Raises msgspec.MsgspecError."""
    return _decoder.decode(data)


class Revocations:
    """What is taken back now. Asking is a look-up."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._before_s: dict[tuple[str, str], int] = {}
        self._trouble = ""
        self.loaded = asyncio.Event()
        """Not set until they were read once: before that nobody can be told that a token is good."""
        self.version = 0
        """Another number after each change, so that who is connected is looked at only then."""

    async def refresh(self) -> None:
        """Read them. Raises LogUnavailable; those known before stay in force."""
        found: dict[tuple[str, str], int] = {}
        for id, data in (await self._log.access_records("revocation")).items():
            try:
                record = decode_revocation(data)
            except (msgspec.MsgspecError, UnicodeError) as fault:
                structlog.get_logger().error("revocation.damaged", id=id, fault=str(fault))
                continue
            found[(record.tenant, record.sub)] = record.before_s
        if found != self._before_s:
            self._before_s = found
            self.version += 1
        self.loaded.set()

    async def keep_fresh(self) -> None:
        """Refresh for ever. A store that is away is reported once and asked again."""
        while True:
            try:
                await self.refresh()
                trouble = ""
            except LogUnavailable as fault:
                trouble = str(fault) or "no answer"
            if bool(trouble) != bool(self._trouble):
                structlog.get_logger().warning("revocations.refresh", ok=not trouble, fault=trouble)
            self._trouble = trouble
            await asyncio.sleep(REFRESH_S)

    def revoked(self, tenant: str, sub: str, issued_s: float | None) -> bool:
        """Whether a person's token of that moment was taken back."""
        before_s = self._before_s.get((tenant, sub))
        return before_s is not None and (issued_s is None or issued_s < before_s + 1)
