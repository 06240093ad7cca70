"""API keys and tokens."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest
from jwt.utils import base64url_encode

from shared.access import (
    DEMO_KEY,
    EVENTS_WRITE,
    BadToken,
    Claims,
    KeyRing,
    TokenVerifier,
    decode_api_key,
    demo_key_record,
    encode_api_key,
    mint,
    new_api_key,
)  # fmt: skip
from shared.api_keys import USE_MS, is_mistyped
from shared.clock import ManualClock
from shared.log import LogUnavailable
from shared.log_memory import MemoryLog
from shared.revocations import Revocation, Revocations

SECRET = b"s" * 32
NOW_S = 1_772_442_847.0
GOOD = {"sub": "kim", "tenant": "acme", "teams": ["blue"], "role": "lead", "exp": NOW_S + 60}


def counting_bytes() -> Callable[[int], bytes]:
    made = iter(range(256))
    return lambda n: bytes([next(made)] * n)


def ring_with(*records: Any) -> tuple[KeyRing, MemoryLog]:
    log = MemoryLog(clock=ManualClock())

    async def fill() -> KeyRing:
        for record in records:
            await log.put_api_key(record.id, encode_api_key(record))
        ring = KeyRing(log)
        await ring.refresh()
        return ring

    return asyncio.run(fill()), log


def test_a_new_key_is_shown_once_and_kept_as_a_hash() -> None:
    text, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=5)
    assert text == f"sk_000000000000_{'01' * 32}_9354e768"
    assert record.id == "000000000000"
    assert text.encode() not in encode_api_key(record)
    assert decode_api_key(encode_api_key(record)) == record


def test_a_key_with_an_unknown_scope_is_not_made() -> None:
    with pytest.raises(ValueError, match="unknown scope alerts:eat; known: events:write"):
        new_api_key("acme", ["alerts:eat"], random_bytes=counting_bytes(), now_ms=5)


def test_a_known_key_names_its_tenant_and_scopes() -> None:
    text, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=5)
    ring, _ = ring_with(record)
    for header in (f"Bearer {text}", f"bearer  {text} "):
        found = ring.principal(header.encode())
        assert found is not None
        assert (found.key_id, found.tenant, found.scopes) == (record.id, "acme", {EVENTS_WRITE})


def test_anything_but_the_whole_key_is_nobody() -> None:
    text, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=5)
    ring, _ = ring_with(record)
    for header in (
        "",
        text,
        f"Basic {text}",
        "Bearer",
        f"Bearer {text[:-1]}",
        f"Bearer {text}0",
        f"Bearer {text[:15]}",
    ):
        assert ring.principal(header.encode()) is None
    assert ring.principal(b"Bearer sk_\xff\xfe_\x00") is None
    assert ring.principal(b"Bearer " + DEMO_KEY.encode()) is None


def test_the_demo_key_is_good_in_the_demo_only_and_stands_in_no_log() -> None:
    async def story() -> None:
        log = MemoryLog(clock=ManualClock())
        demo, beside = KeyRing(log, own=(demo_key_record(),)), KeyRing(log)
        for _ in range(2):
            await demo.refresh()
            await beside.refresh()
            found = demo.principal(b"Bearer sk_demo")
            assert found is not None
            assert found.tenant == "demo"
            assert beside.principal(b"Bearer sk_demo") is None
        assert await log.api_keys() == {}

    asyncio.run(story())


def test_a_revoked_or_deleted_key_is_nobody_after_the_next_reading() -> None:
    text, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=5)
    header = f"Bearer {text}".encode()
    ring, log = ring_with(record)

    async def story() -> None:
        assert ring.principal(header)
        await log.put_api_key(record.id, encode_api_key(type(record)(**{**_fields(record), "revoked": True})))
        await ring.refresh()
        assert ring.principal(header) is None
        await log.put_api_key(record.id, encode_api_key(record))
        await ring.refresh()
        assert ring.principal(header)
        await log.put_api_key(record.id, None)
        await ring.refresh()
        assert ring.principal(header) is None

    asyncio.run(story())


def test_a_damaged_record_does_not_hide_the_others() -> None:
    async def story() -> None:
        log = MemoryLog(clock=ManualClock())
        await log.put_api_key("broken", b"{")
        await log.put_api_key("demo", encode_api_key(demo_key_record()))
        ring = KeyRing(log)
        await ring.refresh()
        assert ring.principal(b"Bearer sk_demo")

    asyncio.run(story())


def test_keys_stay_in_force_while_the_store_is_away() -> None:
    class AwayLog(MemoryLog):
        away = False

        async def api_keys(self) -> dict[str, bytes]:
            if self.away:
                raise LogUnavailable("away")
            return await super().api_keys()

    async def story() -> None:
        log = AwayLog(clock=ManualClock())
        await log.put_api_key("demo", encode_api_key(demo_key_record()))
        ring = KeyRing(log)
        assert not ring.loaded
        await ring.refresh()
        log.away = True
        with pytest.raises(LogUnavailable):
            await ring.refresh()
        assert ring.loaded
        assert ring.principal(b"Bearer sk_demo")

    asyncio.run(story())


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def sign(claims: dict[str, Any], secret: bytes = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def test_a_minted_token_says_who_it_is() -> None:
    token = mint(SECRET, tenant="acme", teams=["blue", "*"], role="agent", sub="kim", exp_s=int(NOW_S) + 9, agent="a7")
    claims = TokenVerifier(SECRET).verify(token, NOW_S)
    assert claims == Claims("kim", "acme", ("blue", "*"), "agent", int(NOW_S) + 9, "a7")


@pytest.mark.parametrize("name", ["sub", "tenant", "teams", "role", "exp"])
def test_each_required_claim_is_missed_by_name(name: str) -> None:
    with pytest.raises(BadToken, match=f"lacks {name}"):
        TokenVerifier(SECRET).verify(sign({k: v for k, v in GOOD.items() if k != name}), NOW_S)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"exp": NOW_S}, "expired"),
        ({"exp": "soon"}, "exp"),
        ({"role": "owner"}, "role"),
        ({"teams": "blue"}, "teams"),
        ({"teams": [1]}, "teams"),
        ({"tenant": 1}, "tenant"),
        ({"agent": 7}, "agent"),
        ({"sub": ""}, "sub"),
        ({"tenant": ""}, "tenant"),
        ({"sub": "x" * 300}, "sub"),
        ({"teams": [""]}, "teams"),
        ({"iat": "now"}, "iat"),
        ({"exp": float("inf")}, "expired"),
        ({"iat": NOW_S + 31}, "not valid yet"),
        ({"nbf": NOW_S + 31}, "not valid yet"),
    ],
)
def test_a_claim_that_does_not_fit_is_told(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadToken, match=says):
        TokenVerifier(SECRET).verify(sign(GOOD | change), NOW_S)


def test_times_and_audience_of_others_do_not_disturb() -> None:
    token = sign(GOOD | {"nbf": NOW_S + 29, "iat": NOW_S + 29, "aud": "somebody", "iss": "us"})
    assert TokenVerifier(SECRET).verify(token, NOW_S).sub == "kim"


def test_another_secret_another_algorithm_and_no_signature_are_refused() -> None:
    verifier = TokenVerifier(SECRET)
    with pytest.raises(BadToken, match="another secret"):
        verifier.verify(sign(GOOD, b"t" * 32), NOW_S)
    with pytest.raises(BadToken, match="algorithm is not accepted"):
        verifier.verify(sign(GOOD, b"s" * 64, "HS512"), NOW_S)
    with pytest.raises(BadToken, match="algorithm is not accepted"):
        verifier.verify(jwt.encode(GOOD, "", algorithm="none"), NOW_S)
    head, body, _ = sign(GOOD).split(".")
    with pytest.raises(BadToken, match="another secret"):
        verifier.verify(f"{head}.{body}.", NOW_S)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\ud800", "é.é.é", "." * 9])
def test_what_is_no_token_is_told_so(token: str) -> None:
    with pytest.raises(BadToken, match="not a readable JWT"):
        TokenVerifier(SECRET).verify(token, NOW_S)


def test_a_token_of_any_length_is_not_read() -> None:
    with pytest.raises(BadToken, match="more than 8192"):
        TokenVerifier(SECRET).verify("x" * 100_000, NOW_S)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"crit": "exp"},
        {"alg": ["HS256"]},
        {"alg": "hs256"},
        {"alg": "nOnE"},
        {"alg": None},
        {"alg": "PS256"},
        {"kid": {"a": 1}},
    ],
)
def test_a_header_that_wants_something_else_is_refused(header: dict[str, Any]) -> None:
    """Signed with the right secret all the same: what the header asks for decides nothing."""
    parts = [json.dumps({"typ": "JWT", "alg": "HS256"} | header).encode(), json.dumps(GOOD).encode()]
    signed = b".".join(map(base64url_encode, parts))
    token = signed + b"." + base64url_encode(hmac.digest(SECRET, signed, "sha256"))
    with pytest.raises(BadToken):
        TokenVerifier(SECRET).verify(token.decode(), NOW_S)


@pytest.mark.parametrize("kid", ["../../../../dev/null", "' OR 1=1 --", "x" * 4000, "\x00", ""])
def test_the_name_of_a_key_reaches_no_file_and_no_question(kid: str) -> None:
    assert TokenVerifier(SECRET).verify(jwt.encode(GOOD, SECRET, headers={"kid": kid}), NOW_S).sub == "kim"
    with pytest.raises(BadToken, match="another secret"):
        TokenVerifier(SECRET).verify(jwt.encode(GOOD, b"t" * 32, headers={"kid": kid}), NOW_S)


def test_a_key_that_a_token_brings_along_is_not_looked_at() -> None:
    own = {"kty": "oct", "k": base64url_encode(b"t" * 32).decode()}
    token = jwt.encode(GOOD, b"t" * 32, headers={"jwk": own, "jku": "http://127.0.0.1/", "x5u": "http://127.0.0.1/"})
    with pytest.raises(BadToken, match="another secret"):
        TokenVerifier(SECRET).verify(token, NOW_S)


def test_what_a_token_says_of_its_own_key_is_not_believed() -> None:
    assert TokenVerifier(SECRET).verify(sign(GOOD | {"signed_by": "f" * 64}), NOW_S).signed_by == ""


def test_a_person_whose_tokens_were_taken_back_comes_in_with_a_later_one_only() -> None:
    log = MemoryLog(clock=ManualClock())
    revocations = Revocations(log)
    verifier = TokenVerifier(SECRET, revocations=revocations)
    assert not verifier.ready
    record = Revocation(tenant="acme", sub="kim", before_s=int(NOW_S), made_at_ms=0)
    asyncio.run(log.put_access_record("revocation", record.id, msgspec.json.encode(record)))
    asyncio.run(log.put_access_record("revocation", "broken", b"{"))
    claims = verifier.verify(sign(GOOD | {"iat": NOW_S - 1}), NOW_S)
    before = verifier.version
    asyncio.run(revocations.refresh())
    assert verifier.ready
    assert verifier.version != before
    assert verifier.ended(claims) is not None
    for iat in ({"iat": NOW_S - 1}, {"iat": int(NOW_S)}, {"iat": int(NOW_S) + 0.9}, {}):
        with pytest.raises(BadToken, match="taken back"):
            verifier.verify(sign(GOOD | iat), NOW_S)
    verifier.verify(sign(GOOD | {"iat": int(NOW_S) + 1}), NOW_S)
    verifier.verify(sign(GOOD | {"sub": "lee"}), NOW_S)
    verifier.verify(sign(GOOD | {"tenant": "other"}), NOW_S)


def test_a_key_ends_when_another_took_its_place_even_while_the_store_is_away() -> None:
    clock, log = ManualClock(1_000), MemoryLog(clock=ManualClock())
    ring = KeyRing(log, clock)
    text, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=0)
    asyncio.run(log.put_api_key(record.id, encode_api_key(msgspec.structs.replace(record, expires_at_ms=2_000))))
    asyncio.run(ring.refresh())
    assert ring.principal(b"Bearer " + text.encode()) is not None
    clock.advance(1.0)
    assert ring._find(b"Bearer " + text.encode()) is None


def test_the_last_use_of_a_key_is_kept_by_the_hour_and_written_once_in_it() -> None:
    clock, log = ManualClock(7 * USE_MS + 5), MemoryLog(clock=ManualClock())
    ring = KeyRing(log, clock)
    text, record = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=0)
    asyncio.run(log.put_api_key(record.id, encode_api_key(record)))
    for ms, hour in ((0, 7), (USE_MS - 6, 7), (1, 8)):
        clock.advance(ms / 1000)
        asyncio.run(ring.refresh())
        assert ring.principal(b"Bearer " + text.encode()) is not None
        asyncio.run(ring.note_uses())
        assert asyncio.run(log.access_records("key_use")) == {record.id: str(hour * USE_MS).encode()}


def test_a_key_that_was_cut_is_told_by_its_check_digits() -> None:
    text, _ = new_api_key("acme", [EVENTS_WRITE], random_bytes=counting_bytes(), now_ms=5)
    assert not is_mistyped(text)
    assert is_mistyped(text[:-1])
    assert is_mistyped(text.replace("01", "10", 1))
    assert not is_mistyped(DEMO_KEY)


def test_a_short_secret_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        TokenVerifier(b"short")
