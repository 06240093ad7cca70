"""Who may do what: API keys of ACDs (see `api_keys`, all of whose names are here too) and tokens of people (JWT)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Any, get_args

import jwt
import msgspec
from jwt.types import Options
from msgspec import Meta, Struct

from shared.api_keys import (
    DEMO_KEY,
    EVENTS_WRITE,
    SCOPES,
    ApiKey,
    KeyRing,
    Principal,
    decode_api_key,
    demo_key_record,
    encode_api_key,
    new_api_key,
)
from shared.contract.frames import Role
from shared.jwks import ALGORITHMS, IssuerKeys, thumbprint
from shared.revocations import Revocations

__all__ = [
    "CLAIM_NAMES",
    "DEMO_KEY",
    "EVENTS_WRITE",
    "OWN_ALGORITHM",
    "SCOPES",
    "SECRET_BYTES_MIN",
    "ApiKey",
    "BadToken",
    "Claims",
    "Issuer",
    "KeyRing",
    "Principal",
    "TokenVerifier",
    "UnknownKey",
    "decode_api_key",
    "demo_key_record",
    "encode_api_key",
    "mint",
    "new_api_key",
]

OWN_ALGORITHM = "HS256"
"""Of tokens that are signed with the shared secret; those of an issuer name one of `jwks.ALGORITHMS`. The algorithm
says which keys are asked, so a public key is never taken for a secret. All others, "none" too, are refused unseen."""
SECRET_BYTES_MIN = 32
"""HS256 is as strong as its secret; RFC 7518 asks for 256 bits."""
TOKEN_CHARS_MAX = 8 * 1024
"""Identity providers put some hundred groups into a token; who has more is given a claim with fewer. It is what common
proxies let pass in one header, and bounds what is read before a signature was looked at."""
NAME_CHARS_MAX = 256
"""Of `sub`, `tenant` and a team: OpenID Connect bounds `sub` by 255."""
TEAMS_MAX = 1_000
LEEWAY_S = 30
"""So far the clock of whoever signs may run ahead of ours (`nbf`, `iat`)."""
# Time is an argument here, so the times are compared below.
_NO_TIMES: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


class BadToken(ValueError):
    """The token is not accepted; the text says why and what to do."""


class UnknownKey(BadToken):
    """The issuer may have changed its keys: `await renew()`, and if that is true, ask once more."""

    def __init__(self, detail: str, renew: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(detail)
        self.renew = renew


_Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]


class Claims(Struct, frozen=True):
    """What a token says about a person. `teams` holds `*` for all teams; `agent` is the own agent's name."""

    sub: _Name
    tenant: _Name
    teams: Annotated[tuple[_Name, ...], Meta(max_length=TEAMS_MAX)]
    role: Role
    exp: float
    agent: Annotated[str, Meta(max_length=512)] | None = None
    iat: float | None = None
    signed_by: str = ""
    """Stands for the issuer's key; empty for our own secret. Never read out of a token."""


_BAD_SIGNATURE = "the token's signature does not fit: it was signed with another secret or key"
_REQUIRED = ("sub", "tenant", "teams", "role", "exp")
_ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are accepted beside our own."""

    keys: IssuerKeys
    name: str
    """What `iss` must be."""
    audiences: tuple[str, ...]
    """One of these must be in `aud`."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """Ours -> theirs, for `tenant`, `teams`, `role`, `agent`: a claim's name, or a path with dots into objects. What is
    not here has our name. A role among several is the one that may most; a single team may be a text."""

    def mapped(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload with our claims as they are called here."""
        ours = {name: _found(payload, self.claims.get(name, name)) for name in CLAIM_NAMES}
        if isinstance(role := ours["role"], list):
            ours["role"] = next((known for known in reversed(_ROLES) if known in role), None)
        if isinstance(teams := ours["teams"], str):
            ours["teams"] = [teams]
        rest = {name: value for name, value in payload.items() if name not in CLAIM_NAMES}
        return {**rest, **{name: value for name, value in ours.items() if value is not None}}


CLAIM_NAMES = ("tenant", "teams", "role", "agent")


def _found(payload: dict[str, Any], path: str) -> Any:
    if path in payload:  # some names have dots themselves: https://example.com/tenant
        return payload[path]
    value: Any = payload
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


class TokenVerifier:
    """Verifies tokens: those signed with our shared secret, and those of an issuer."""

    def __init__(
        self, secret: bytes | None, issuer: Issuer | None = None, revocations: Revocations | None = None
    ) -> None:
        if secret is not None and len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"the JWT secret has {len(secret)} bytes; it needs at least {SECRET_BYTES_MIN}")
        self._secret = secret
        self.issuer = issuer
        self.revocations = revocations
        self._algorithms = (() if secret is None else (OWN_ALGORITHM,)) + (() if issuer is None else ALGORITHMS)

    def verify(self, token: str, now_s: float) -> Claims:
        """The claims of a token that is good now. Raises BadToken."""
        payload = self._payload(token)
        missing = [name for name in _REQUIRED if name not in payload]
        if missing:
            raise BadToken(f"the token lacks {', '.join(missing)}")
        try:
            claims = msgspec.convert(payload, Claims)
            not_before_s = msgspec.convert(payload.get("nbf", 0), float)
        except msgspec.ValidationError as fault:
            raise BadToken(f"a claim of the token does not fit: {fault}") from None
        if not (isfinite(claims.exp) and claims.exp > now_s):
            raise BadToken("the token has expired; get a new one")
        if not max(not_before_s, claims.iat or 0.0) <= now_s + LEEWAY_S:
            raise BadToken("the token is not valid yet; compare the clocks")
        if (why := self.ended(claims)) is not None:
            raise BadToken(why)
        return claims

    def ended(self, claims: Claims) -> str | None:
        """Why a token that was good is not any more, though it has not run out; None while it is."""
        if self.revocations is not None and self.revocations.revoked(claims.tenant, claims.sub, claims.iat):
            return "the token was taken back; get a new one"
        if claims.signed_by and (self.issuer is None or not self.issuer.keys.shows(claims.signed_by)):
            return "the token's key is not its issuer's any more; get a new token"
        return None

    @property
    def ready(self) -> bool:
        """Whether it is known what was taken back."""
        return self.revocations is None or self.revocations.loaded.is_set()

    @property
    def version(self) -> tuple[int, int]:
        """Another value when `ended` may say something else about tokens that are in use."""
        revoked = 0 if self.revocations is None else self.revocations.version
        return revoked, 0 if self.issuer is None else self.issuer.keys.version

    def _payload(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_CHARS_MAX:
            raise BadToken(f"the token has more than {TOKEN_CHARS_MAX} characters; have fewer groups put into it")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in self._algorithms:
                raise BadToken(f"the token's algorithm is not accepted; use {' or '.join(self._algorithms)}")
            if algorithm == OWN_ALGORITHM:
                assert self._secret is not None
                # A token of ours that names an audience is not for somebody else: there is one secret for one house.
                options: Options = {**_NO_TIMES, "verify_aud": False}
                return {**jwt.decode(token, self._secret, [OWN_ALGORITHM], options=options), "signed_by": ""}
            assert self.issuer is not None
            return self._of_issuer(token, self.issuer, algorithm, header.get("kid"))
        except BadToken:
            raise
        except jwt.InvalidSignatureError:
            raise BadToken(_BAD_SIGNATURE) from None
        except jwt.InvalidAudienceError:
            raise BadToken("the token is for somebody else: its `aud` is not accepted here") from None
        except jwt.InvalidIssuerError:
            raise BadToken("the token is of another issuer: its `iss` is not accepted here") from None
        except jwt.MissingRequiredClaimError as fault:
            raise BadToken(f"the token lacks {fault.claim}") from None
        except (jwt.PyJWTError, ValueError):
            raise BadToken("this is not a readable JWT") from None

    def _of_issuer(self, token: str, issuer: Issuer, algorithm: str, kid: str | None) -> dict[str, Any]:
        key = issuer.keys.find(kid, algorithm)
        if key is None:
            raise UnknownKey("the token's key is not known: its issuer does not show it", issuer.keys.renew)
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                key,
                [algorithm],
                audience=list(issuer.audiences),
                issuer=issuer.name,
                options={**_NO_TIMES, "require": ["iss", "aud"]},
            )
        except jwt.InvalidSignatureError:
            # Some issuers name no key, or keep its name when they change it.
            raise UnknownKey(_BAD_SIGNATURE, issuer.keys.renew) from None
        return {**issuer.mapped(payload), "signed_by": thumbprint(key)}


def mint(
    secret: bytes,
    *,
    tenant: str,
    teams: Sequence[str],
    role: Role,
    sub: str,
    exp_s: int,
    agent: str | None = None,
    iat_s: int | None = None,
) -> str:
    """A token signed with the secret (`strainwatch token`). Raises ValueError for a secret that is too short.

    Without `iat_s`, when it was issued, the token is refused once any of its person's were taken back.
    """
    TokenVerifier(secret)
    claims: dict[str, Any] = {"sub": sub, "tenant": tenant, "teams": list(teams), "role": role, "exp": exp_s}
    if iat_s is not None:
        claims["iat"] = iat_s
    if agent is not None:
        claims["agent"] = agent
    return jwt.encode(claims, secret, algorithm="HS256")
