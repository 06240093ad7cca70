"""Who may do what: API keys of ACDs (`sk_<key id>_<secret>`) and tokens of people (JWT)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any, NamedTuple

import jwt
import msgspec
import structlog
from msgspec import Struct

from shared.contract.frames import Role
from shared.log import Log, LogUnavailable

# --- API keys

EVENTS_WRITE = "events:write"
"""Scope that lets a key send events."""
SCOPES = (EVENTS_WRITE,)

DEMO_KEY = "sk_demo"
"""The documented key of the demo. It has no secret, so it is stored only when the demo asks for it."""

REFRESH_S = 2.0
"""How often keys are read again: a revoked key stops within 5 s, even when one reading fails."""
_HEADERS_MAX = 10_000  # distinct good headers remembered between two refreshes; more keys than any ACD has


class ApiKey(Struct, kw_only=True, frozen=True):
    """An API key at rest: only the hash of its text is kept."""

    id: str
    tenant: str
    scopes: tuple[str, ...]
    hash: str
    created_at_ms: int
    revoked: bool = False


class Principal(NamedTuple):
    """The key that sent a request."""

    key_id: str
    tenant: str
    scopes: frozenset[str]


def _hash(text: str) -> str:
    # A key holds 256 random bits; a slow hash would add nothing.
    return sha256(text.encode()).hexdigest()


def new_api_key(
    tenant: str, scopes: Sequence[str], *, random_bytes: Callable[[int], bytes], now_ms: int
) -> tuple[str, ApiKey]:
    """A new key: its text, to be shown once, and its record. Raises ValueError for an unknown scope."""
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(SCOPES)}")
    key_id = random_bytes(6).hex()
    text = f"sk_{key_id}_{random_bytes(32).hex()}"
    return text, ApiKey(id=key_id, tenant=tenant, scopes=tuple(scopes), hash=_hash(text), created_at_ms=now_ms)


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

    def __init__(self, log: Log) -> None:
        self._log = log
        self._records: dict[str, ApiKey] = {}
        self._principals: dict[bytes, Principal] = {}
        self._trouble = ""
        self.loaded = False
        """False until the keys were read once: before that nobody can be told that a key is wrong."""

    async def refresh(self) -> None:
        """Read the keys. Raises LogUnavailable; the keys known before stay in force."""
        records = {}
        for key_id, data in (await self._log.api_keys()).items():
            try:
                records[key_id] = decode_api_key(data)
            except msgspec.MsgspecError as fault:
                structlog.get_logger().error("api_key.damaged", key=key_id, fault=str(fault))
        self._records = records
        self._principals = {}
        self.loaded = True

    async def keep_fresh(self) -> None:
        """Refresh for ever. A store that is away is reported once and asked again."""
        while True:
            try:
                await self.refresh()
                trouble = ""
            except LogUnavailable as fault:
                trouble = str(fault) or "no answer"
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
        if record is None or record.revoked or not compare_digest(_hash(text), record.hash):
            return None
        return Principal(record.id, record.tenant, frozenset(record.scopes))


# --- tokens

ALGORITHMS = ("HS256",)
"""Algorithms that a token may name; "none" and everything else is refused before the signature is looked at."""
SECRET_BYTES_MIN = 32
"""HS256 is as strong as its secret; RFC 7518 asks for 256 bits."""
_NOT_BEFORE_LEEWAY_S = 30  # the issuer's clock may run a little ahead of ours


class BadToken(ValueError):
    """The token is not accepted; the text says why and what to do."""


class Claims(Struct, frozen=True):
    """What a token says about a person. `teams` holds `*` for all teams; `agent` is the own agent's name."""

    sub: str
    tenant: str
    teams: tuple[str, ...]
    role: Role
    exp: float
    agent: str | None = None


_REQUIRED = ("sub", "tenant", "teams", "role", "exp")


class TokenVerifier:
    """Verifies tokens signed with a shared secret. Keys of an issuer (JWKS) join where `_key` is asked."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"the JWT secret has {len(secret)} bytes; it needs at least {SECRET_BYTES_MIN}")
        self._secret = secret

    def _key(self, header: dict[str, Any]) -> bytes:
        return self._secret

    def verify(self, token: str, now_s: float) -> Claims:
        """The claims of a token that is good now. Raises BadToken."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise BadToken(f"the token's algorithm is not accepted; use {' or '.join(ALGORITHMS)}")
            payload = jwt.decode(
                token,
                self._key(header),
                algorithms=list(ALGORITHMS),
                # Time is an argument here, so the times are compared below; a token for others names them in `aud`.
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
            )
        except jwt.InvalidSignatureError:
            raise BadToken("the token's signature does not fit: it was signed with another secret") from None
        except (jwt.PyJWTError, ValueError) as fault:
            if isinstance(fault, BadToken):
                raise
            raise BadToken("this is not a readable JWT") from None
        missing = [name for name in _REQUIRED if name not in payload]
        if missing:
            raise BadToken(f"the token lacks {', '.join(missing)}")
        try:
            claims = msgspec.convert(payload, Claims)
            not_before_s = msgspec.convert(payload.get("nbf", 0), float)
        except msgspec.ValidationError as fault:
            raise BadToken(f"a claim of the token does not fit: {fault}") from None
        if not claims.exp > now_s:
            raise BadToken("the token has expired; get a new one")
        if not_before_s > now_s + _NOT_BEFORE_LEEWAY_S:
            raise BadToken("the token is not valid yet; compare the clocks")
        return claims


def mint(
    secret: bytes, *, tenant: str, teams: Sequence[str], role: Role, sub: str, exp_s: int, agent: str | None = None
) -> str:
    """A token signed with the secret (`strainwatch token`). Raises ValueError for a secret that is too short."""
    TokenVerifier(secret)
    claims: dict[str, Any] = {"sub": sub, "tenant": tenant, "teams": list(teams), "role": role, "exp": exp_s}
    if agent is not None:
        claims["agent"] = agent
    return jwt.encode(claims, secret, algorithm="HS256")
