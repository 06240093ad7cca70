"""API keys of ACDs: `sk_<key id>_<secret>_<check digits>`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple
from zlib import crc32

import msgspec
import structlog
from msgspec import Struct

from shared.clock import Clock, SystemClock
from shared.log import Log, LogUnavailable

EVENTS_WRITE = "events:write"
"""Scope that lets a key send events."""
SCOPES = (EVENTS_WRITE,)

DEMO_KEY = "sk_demo"
"""The documented key of the demo. It has no secret, so it is stored only when the demo asks for it."""

REFRESH_S = 2.0
"""How often keys are read again: a revoked key stops within 5 s, even when one reading fails."""
USE_MS = 3_600_000
"""How exactly the last use of a key is kept: by the hour. That says which key nobody needs, at a write an hour."""
LIVE_KEYS_MAX = 2
"""Keys in force of one source: the one in use, and the one that takes its place."""
_HEADERS_MAX = 10_000  # distinct good headers remembered between two refreshes; more keys than any ACD has


class ApiKey(Struct, kw_only=True, frozen=True):
    """An API key at rest: only the hash of its text is kept."""

    id: str
    tenant: str
    scopes: tuple[str, ...]
    hash: str
    created_at_ms: int
    revoked: bool = False
    source: str = ""
    """What sends with it; the keys that take each other's place have the same. Empty: of a key made before there were
    sources, its id."""
    expires_at_ms: int | None = None
    """When it ends by itself, once another took its place."""

    @property
    def of(self) -> str:
        """Its source."""
        return self.source or self.id

    def live(self, now_ms: int) -> bool:
        """Whether it is in force."""
        return not self.revoked and (self.expires_at_ms is None or now_ms < self.expires_at_ms)


class Principal(NamedTuple):
    """The key that sent a request."""

    key_id: str
    tenant: str
    scopes: frozenset[str]


def _hash(text: str) -> str:
    # A key holds 256 random bits; a slow hash would add nothing.
    return sha256(text.encode()).hexdigest()


def new_api_key(
    tenant: str, scopes: Sequence[str], *, random_bytes: Callable[[int], bytes], now_ms: int, source: str = ""
) -> tuple[str, ApiKey]:
    """A new key: its text, to be shown once, and its record. Raises ValueError for an unknown scope."""
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(SCOPES)}")
    key_id = random_bytes(6).hex()
    bare = f"sk_{key_id}_{random_bytes(32).hex()}"
    text = f"{bare}_{_check_digits(bare)}"
    record = ApiKey(
        id=key_id,
        tenant=tenant,
        scopes=tuple(scopes),
        hash=_hash(text),
        created_at_ms=now_ms,
        source=source or key_id,
    )
    return text, record


def _check_digits(bare: str) -> str:
    return f"{crc32(bare.encode()):08x}"


def is_mistyped(text: str) -> bool:
    """Whether something of the form of a key is none: then it was cut or mistyped, and nobody need look for it. Tools
    that look for secrets in code tell by the same digits that they found one."""
    bare, _, digits = text.rpartition("_")
    return text.startswith("sk_") and text.count("_") == 3 and digits != _check_digits(bare)


def demo_key_record() -> ApiKey:
    """The record of the demo's fixed key."""
    return ApiKey(id="demo", tenant="demo", scopes=(EVENTS_WRITE,), hash=_hash(DEMO_KEY), created_at_ms=0)


def encode_api_key(record: ApiKey) -> bytes:
    """JSON for `Log.put_api_key`."""
    return msgspec.json.encode(record)


_api_key = msgspec.json.Decoder(ApiKey)


def decode_api_key(data: bytes) -> ApiKey:
    """A record from the log. Raises msgspec.ValidationError."""
    return _api_key.decode(data)


class KeyRing:
    """The API keys in force, read again every REFRESH_S. Asking costs one look-up a request."""

    def __init__(self, log: Log, clock: Clock | None = None, own: tuple[ApiKey, ...] = ()) -> None:
        """`own`: keys that are good in this process, and stand in no log."""
        self._log = log
        self._own = {record.id: record for record in own}
        self._clock = clock or SystemClock()
        self._records: dict[str, ApiKey] = {}
        self._principals: dict[bytes, Principal] = {}
        self._used: set[str] = set()
        """Ids of keys used since the last refresh."""
        self._noted_ms: dict[str, int] = {}
        """Key id -> the hour that stands in the store."""
        self._trouble = ""
        self.loaded = False
        """False until the keys were read once: before that nobody can be told that a key is wrong."""

    async def refresh(self) -> None:
        """Read the keys. Raises LogUnavailable; the keys known before stay in force."""
        records = dict(self._own)
        for key_id, data in (await self._log.api_keys()).items():
            try:
                records[key_id] = decode_api_key(data)
            except msgspec.MsgspecError as fault:
                structlog.get_logger().error("api_key.damaged", key=key_id, fault=str(fault))
        self._records = records
        self._principals = {}
        self.loaded = True

    async def note_uses(self) -> None:
        """Keep in which hour the keys were last used. Raises LogUnavailable."""
        hour_ms = self._clock.now_ms() // USE_MS * USE_MS
        for key_id in tuple(self._used):
            if self._noted_ms.get(key_id) != hour_ms:
                await self._log.put_access_record("key_use", key_id, b"%d" % hour_ms)
                self._noted_ms[key_id] = hour_ms
        self._used.clear()

    async def keep_fresh(self) -> None:
        """Refresh for ever. A store that is away is reported once and asked again."""
        while True:
            try:
                await self.refresh()
                await self.note_uses()
                trouble = ""
            except LogUnavailable as fault:
                trouble = str(fault) or "no answer"
            self._principals = {}  # also without the store: a key may have come to its end
            if bool(trouble) != bool(self._trouble):
                structlog.get_logger().warning("api_keys.refresh", ok=not trouble, fault=trouble)
            self._trouble = trouble
            await asyncio.sleep(REFRESH_S)

    def principal(self, authorization: bytes) -> Principal | None:
        """Who sent this `Authorization` header; None when it is no key in force."""
        known = self._principals.get(authorization)
        if known is not None:
            return known
        found = self._find(authorization)
        if found is not None:
            if len(self._principals) >= _HEADERS_MAX:
                self._principals.clear()
            self._principals[authorization] = found
        return found

    def _find(self, authorization: bytes) -> Principal | None:
        scheme, _, rest = authorization.decode("latin-1").partition(" ")
        text = rest.strip()
        if scheme.lower() != "bearer" or not text.startswith("sk_"):
            return None
        record = self._records.get(text[3:].partition("_")[0])
        if record is None or not record.live(self._clock.now_ms()) or not compare_digest(_hash(text), record.hash):
            return None
        self._used.add(record.id)
        return Principal(record.id, record.tenant, frozenset(record.scopes))
