"""The public keys of an issuer of tokens (JWKS, RFC 7517): fetched beside the requests, kept, fetched anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives import serialization

from shared.addresses import Network
from shared.clock import Clock
from shared.outgoing import NotReached, Reach, get, is_inside

ALGORITHMS = ("RS256", "ES256")
"""What a token of an issuer may be signed with, and so which keys are taken from its set."""
FETCH_EVERY_S = 600.0
"""A key that the issuer took out of its set is refused ten minutes later."""
FETCH_FLOOR_S = 15.0
"""Between two fetches for keys that nobody knows: made-up key ids must not make us storm the issuer. An issuer shows a
new key before it signs with it, so a person waits for this at most once in a rotation."""
RETRY_S = 5.0
"""Between two fetches while the issuer does not answer; the keys known before stay in force."""
FETCH_TIMEOUT_S = 5.0
SET_BYTES_MAX = 256 * 1024
"""Of a set of keys; real ones have some kilobytes."""
KEYS_MAX = 64
RSA_BITS_MIN = 2048
"""RFC 7518, 3.3. A shorter key is left out."""

_logger = structlog.get_logger(__name__)

Fetch = Callable[[str], Awaitable[bytes]]


class KeysUnavailable(OSError):
    """The issuer does not show its keys now."""


def fetch_by_http(issuer: str | None = None, within: tuple[Network, ...] | None = None) -> Fetch:
    """GET. A private address is fetched from only when the issuer itself is at one (it need not be named where the keys
    are its own), and then only `within` some networks, where they are given."""

    async def fetch(url: str) -> bytes:
        at = urlsplit(issuer or url).hostname or ""
        reach = Reach(within is not None or await is_inside(at), within)
        try:
            return await get(url, [("accept", "application/json")], reach=reach, bytes_max=SET_BYTES_MAX)
        except NotReached as fault:
            raise KeysUnavailable(str(fault)) from None

    return fetch


class IssuerKeys:
    """The keys in force. `find` is a look-up; `renew` and `keep_fresh` fetch."""

    def __init__(self, url: str, clock: Clock, fetch: Fetch | None = None) -> None:
        self.url = url
        self._clock = clock
        self._fetch = fetch or fetch_by_http()
        self._keys: list[tuple[str | None, str, Any]] = []
        """Key id, algorithm, key."""
        self._asked_s = float("-inf")
        self._fetching: asyncio.Task[bool] | None = None
        self._trouble = ""
        self._shown: frozenset[str] = frozenset()
        self.version = 0
        """Another number when other keys are in force."""

    def shows(self, thumb: str) -> bool:
        """Whether a key is in force."""
        return thumb in self._shown

    def find(self, kid: str | None, algorithm: str) -> Any | None:
        """The key that a token names; the only one for its algorithm, where it names none. None: not known."""
        fitting = [(known, key) for known, of, key in self._keys if of == algorithm]
        if kid is None:
            return fitting[0][1] if len(fitting) == 1 else None
        return next((key for known, key in fitting if known == kid), None)

    async def renew(self) -> bool:
        """Fetch because a key is not known; whether there is something new to look at. At most one fetch in
        FETCH_FLOOR_S; all who ask meanwhile wait for the one."""
        if self._fetching is None:
            if self._clock.steady_s() - self._asked_s < FETCH_FLOOR_S:
                return False
            self._begin()
        assert self._fetching is not None
        return await asyncio.shield(self._fetching)

    async def keep_fresh(self) -> None:
        """Fetch for ever. An issuer that is away is reported once."""
        while True:
            if self._fetching is None:
                self._begin()
            assert self._fetching is not None
            well = await asyncio.shield(self._fetching)
            await asyncio.sleep(FETCH_EVERY_S if well else RETRY_S)

    def _begin(self) -> None:
        self._asked_s = self._clock.steady_s()
        self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> bool:
        try:
            async with asyncio.timeout(2 * FETCH_TIMEOUT_S):  # a name that is looked up for long, too
                keys = read_keys(await self._fetch(self.url))
            shown = frozenset(thumbprint(key) for _, _, key in keys)
            self.version += shown != self._shown
            self._keys, self._shown, trouble = keys, shown, ""
        except (KeysUnavailable, TimeoutError, ValueError) as fault:
            trouble = str(fault) or type(fault).__name__
        finally:
            self._fetching = None
        if bool(trouble) != bool(self._trouble):
            _logger.warning("issuer keys", ok=not trouble, fault=trouble, url=self.url)
        self._trouble = trouble
        return not trouble


def thumbprint(key: Any) -> str:
    """Stands for a public key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).hexdigest()


def read_keys(data: bytes) -> list[tuple[str | None, str, Any]]:
    """Key id, algorithm and key of each that signs with one of ALGORITHMS. Raises ValueError when there is none."""
    try:
        given = msgspec.json.decode(data, type=dict[str, Any]).get("keys")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as fault:
        raise ValueError(f"the set of keys cannot be read: {fault}") from None
    found = [_read_key(key) for key in given[:KEYS_MAX]] if isinstance(given, list) else []
    keys = [key for key in found if key is not None]
    if not keys:
        raise ValueError(f"the set holds no key for {' or '.join(ALGORITHMS)}")
    return keys


def _read_key(given: Any) -> tuple[str | None, str, Any] | None:
    """The type of a key decides its algorithm, whatever a token says."""
    if not isinstance(given, dict) or given.get("use", "sig") != "sig":
        return None
    algorithm = {"RSA": "RS256", "EC P-256": "ES256"}.get(
        f"EC {given.get('crv')}" if given.get("kty") == "EC" else str(given.get("kty"))
    )
    if algorithm is None or given.get("alg", algorithm) != algorithm:
        return None
    public = {name: given[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in given}
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as fault:
        _logger.warning("issuer key left out", fault=str(fault))
        return None
    if algorithm == "RS256" and key.key_size < RSA_BITS_MIN:
        return None
    kid = given.get("kid")
    return (kid if isinstance(kid, str) else None), algorithm, key
