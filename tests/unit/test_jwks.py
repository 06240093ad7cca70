"""Tokens of an issuer: which keys are taken, which tokens are let in, and how often the issuer is asked."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.utils import base64url_encode

from shared import jwks
from shared.access import BadToken, Issuer, TokenVerifier, UnknownKey
from shared.clock import ManualClock
from shared.jwks import IssuerKeys, KeysUnavailable, read_keys

NOW_S = 1_772_442_847.0
ISSUER, AUDIENCE = "https://id.example", "strainwatch"
SECRET = b"s" * 32
GOOD = {
    "sub": "kim", "tenant": "acme", "teams": ["blue"], "role": "lead", "exp": NOW_S + 60,
    "iss": ISSUER, "aud": AUDIENCE,
}  # fmt: skip
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def public(key: Any, kid: str | None = None, **more: Any) -> dict[str, Any]:
    """A key as an issuer shows it."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    shown = json.loads(algorithm.to_jwk(key.public_key()))
    return {**shown, **({"kid": kid} if kid else {}), **more}


def sign(claims: dict[str, Any], key: Any = RSA, algorithm: str = "RS256", kid: str | None = "r") -> str:
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else None)


class Shown:
    """An issuer, as far as keys go."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = keys
        self.asked = 0
        self.away = False
        self.asked_often, self.answered = asyncio.Event(), asyncio.Event()

    async def fetch(self, url: str) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked == 3:
            self.asked_often.set()
        if self.away:
            raise KeysUnavailable("no route")
        self.answered.set()
        return json.dumps({"keys": self.keys}).encode()


ALL = (public(RSA, "r"), public(EC, "e"))


def verifier(
    shown: Shown | None = None, secret: bytes | None = None, clock: ManualClock | None = None, **issuer: Any
) -> TokenVerifier:
    """One that has fetched its keys."""
    shown = shown or Shown(*ALL)
    keys = IssuerKeys("https://id.example/keys", clock or ManualClock(), shown.fetch)
    asyncio.run(keys.renew())
    given = {"name": ISSUER, "audiences": (AUDIENCE, "page"), **issuer}
    return TokenVerifier(secret, Issuer(keys, **given))


def why(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(BadToken) as refused:
        verifier.verify(token, NOW_S)
    return str(refused.value)


def test_tokens_signed_by_the_issuer_are_let_in() -> None:
    at_door = verifier()
    for token in (
        sign(GOOD),
        sign(GOOD, EC, "ES256", "e"),
        sign(GOOD, EC, "ES256", None),  # it names no key, and there is one for its algorithm
        sign(GOOD | {"aud": ["somebody", "page"]}),
    ):
        assert at_door.verify(token, NOW_S).sub == "kim"


def test_what_is_not_signed_by_the_issuer_for_us_is_refused() -> None:
    at_door = verifier(secret=SECRET)
    assert "aud" in why(at_door, sign(GOOD | {"aud": "somebody"}))
    assert "iss" in why(at_door, sign(GOOD | {"iss": "https://evil.example"}))
    assert "lacks aud" in why(at_door, sign({k: v for k, v in GOOD.items() if k != "aud"}))
    assert "lacks iss" in why(at_door, sign({k: v for k, v in GOOD.items() if k != "iss"}))
    assert "expired" in why(at_door, sign(GOOD | {"exp": NOW_S}))
    assert "signature" in why(at_door, sign(GOOD, OTHER_RSA))
    assert "not accepted" in why(at_door, jwt.encode(GOOD, "", "none", headers={"kid": "r"}))
    for algorithm in ("RS384", "PS256"):
        assert "not accepted" in why(at_door, sign(GOOD, RSA, algorithm))
    assert why(at_door, sign(GOOD, RSA, "RS256", "e")).startswith("the token's key is not known")
    head, body, _ = sign(GOOD).split(".")
    assert "signature" in why(at_door, f"{head}.{body}.")


@pytest.mark.parametrize("secret", [None, SECRET])
def test_a_public_key_is_no_secret(secret: bytes | None) -> None:
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for stolen in (pem, json.dumps(public(RSA, "r")).encode()):
        head, body = (base64url_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "r"}, GOOD))
        mac = base64url_encode(hmac.new(stolen, head + b"." + body, sha256).digest())
        told = why(verifier(secret=secret), b".".join((head, body, mac)).decode())
        assert "not accepted" in told or "signature" in told


def test_our_own_tokens_stay_good_beside_the_issuers() -> None:
    at_door = verifier(secret=SECRET)
    own = {k: v for k, v in GOOD.items() if k not in ("iss", "aud")}
    assert at_door.verify(jwt.encode(own, SECRET, "HS256"), NOW_S).sub == "kim"
    assert "not accepted" in why(verifier(), jwt.encode(own, SECRET, "HS256"))
    assert "not accepted" in why(TokenVerifier(SECRET), sign(GOOD))


def test_claims_may_have_the_names_of_the_issuer() -> None:
    names = {"tenant": "https://acme.example/org", "teams": "groups", "role": "realm.roles", "agent": "acd.id"}
    theirs = {k: v for k, v in GOOD.items() if k not in ("tenant", "teams", "role")} | {
        "https://acme.example/org": "acme",
        "groups": "blue",
        "realm": {"roles": ["offline_access", "lead", "supervisor", "uma"]},
        "acd": {"id": "a7"},
    }
    claims = verifier(claims=names).verify(sign(theirs), NOW_S)
    assert (claims.tenant, claims.teams, claims.role, claims.agent) == ("acme", ("blue",), "supervisor", "a7")
    assert "lacks tenant, teams, role" in why(verifier(), sign(theirs))
    assert "lacks role" in why(verifier(claims=names), sign(theirs | {"realm": {"roles": ["uma"]}}))
    assert "lacks role" in why(verifier(claims=names), sign(theirs | {"realm": "roles"}))
    ours = theirs | {"tenant": "evil", "role": "admin"}  # under names that mean nothing here
    assert verifier(claims=names).verify(sign(ours), NOW_S).tenant == "acme"


@pytest.mark.parametrize(
    "key",
    [
        public(rsa.generate_private_key(65537, 1024)),
        public(RSA, use="enc"),
        public(RSA, alg="RS512"),
        public(ec.generate_private_key(ec.SECP384R1())),
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": ["RSA"]},
        "RSA",
        None,
    ],
    ids=lambda key: str(key)[:24],
)
def test_keys_that_do_not_fit_are_left_out(key: Any) -> None:
    with pytest.raises(ValueError, match="no key"):
        read_keys(json.dumps({"keys": [key]}).encode())
    assert [kid for kid, _, _ in read_keys(json.dumps({"keys": [key, *ALL]}).encode())] == ["r", "e"]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b"<html>", b"\xff"])
def test_what_is_no_set_of_keys_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_keys(data)


# --- asking


def story(tell: Callable[[Shown, IssuerKeys, ManualClock], Any]) -> None:
    shown, clock = Shown(*ALL), ManualClock()
    asyncio.run(tell(shown, IssuerKeys("https://id.example/keys", clock, shown.fetch), clock))


def test_a_new_key_is_found_by_asking_once_and_made_up_ones_do_not_storm_the_issuer() -> None:
    async def tell(shown: Shown, keys: IssuerKeys, clock: ManualClock) -> None:
        at_door = TokenVerifier(None, Issuer(keys, ISSUER, (AUDIENCE,)))

        async def let_in(token: str) -> bool:
            try:
                at_door.verify(token, NOW_S)
            except UnknownKey as fault:
                if not await fault.renew():
                    return False
                try:
                    at_door.verify(token, NOW_S)
                except BadToken:
                    return False
            return True

        assert await let_in(sign(GOOD))
        assert shown.asked == 1
        assert not await let_in(sign(GOOD, OTHER_RSA))  # the key that it names did not sign it, and is still shown
        shown.keys = (*ALL, public(OTHER_RSA, "new"))
        fresh = sign(GOOD, OTHER_RSA, "RS256", "new")
        assert not await let_in(fresh)  # a moment after the last time
        clock.advance(jwks.FETCH_FLOOR_S)
        assert await asyncio.gather(*(let_in(fresh) for _ in range(50))) == [True] * 50
        assert shown.asked == 2
        for n in range(100):
            assert not await let_in(sign(GOOD, OTHER_RSA, "RS256", f"made-up-{n}"))
        assert shown.asked == 2

    story(tell)


def test_a_key_that_was_taken_out_is_refused_after_the_next_reading() -> None:
    async def tell(shown: Shown, keys: IssuerKeys, clock: ManualClock) -> None:
        await keys.renew()
        assert keys.find("r", "RS256") is not None
        shown.keys = (public(EC, "e"),)
        clock.advance(jwks.FETCH_FLOOR_S)
        assert await keys.renew()
        assert keys.find("r", "RS256") is None

    story(tell)


def test_keys_stay_in_force_while_the_issuer_is_away_or_shows_none() -> None:
    async def tell(shown: Shown, keys: IssuerKeys, clock: ManualClock) -> None:
        await keys.renew()
        for away, shows in ((True, ALL), (False, ())):
            shown.away, shown.keys = away, shows
            clock.advance(jwks.FETCH_FLOOR_S)
            assert not await keys.renew()
            assert keys.find("r", "RS256") is not None

    story(tell)


def test_an_issuer_that_is_away_at_the_start_is_asked_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "RETRY_S", 0.0)

    async def tell(shown: Shown, keys: IssuerKeys, clock: ManualClock) -> None:
        shown.away = True
        fetching = asyncio.create_task(keys.keep_fresh())
        async with asyncio.timeout(60):
            await shown.asked_often.wait()
        assert keys.find("r", "RS256") is None
        shown.away = False
        async with asyncio.timeout(60):
            await shown.answered.wait()
        await asyncio.sleep(0)
        assert keys.find("r", "RS256") is not None
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)

    story(tell)
