"""The reader of plain events takes no body that decoding would not take, and makes the same of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.workload import bodies
from services.ingest.core.admission import AHEAD_MS_MAX, EVENTS_MAX, Admitted, Form, admit
from shared.contract import events as e
from shared.contract.encoder import EventsEncoder
from shared.contract.plain_events import BYTES_PER_EVENT_MAX, PlainEvents
from shared.contract.plain_reader import read_plain
from shared.contract.rows import RowHashes
from tests.interpreted import outputs_both_ways

NOW_MS = 1_772_442_847_000
HASHES = RowHashes("acme", b"s" * 32)
HOSTILE = Path(__file__).parents[3] / "shared" / "data" / "hostile"
UUID = "0d8f5b1e-4a52-4d53-9f2f-5e0d7a11aa01"
OBSERVED = {"type": "queue.observed", "id": UUID, "ts": NOW_MS, "queue": "billing", "waiting": 3}
HANDLED = {"type": "contact.handled", "id": "2", "ts": NOW_MS, "contact": UUID, "queue": "q", "agent": "a", "talk_s": 4}


def read(body: bytes, form: Form) -> PlainEvents | None:
    return read_plain(body, form is Form.NDJSON, NOW_MS + AHEAD_MS_MAX, EVENTS_MAX)


def entry(events: Any, ts_ms: list[int]) -> tuple[bytes, list[Any]]:
    encoder = EventsEncoder()
    encoder.add("acme", HASHES, events, ts_ms)
    return encoder.finish()


def check(body: bytes, form: Form = Form.JSON) -> bool:
    """Whether the body is plain; if so, both ways must agree on everything."""
    plain = read(body, form)
    if plain is None:
        return False
    decoded = admit(body, form, NOW_MS)
    assert isinstance(decoded, Admitted), body
    assert decoded.rejected == [], body
    assert len(plain) == len(decoded.events)
    assert plain.ts_ms == decoded.ts_ms
    assert entry(plain, plain.ts_ms) == entry(decoded.events, decoded.ts_ms), body
    return True


def is_plain(*events: Any) -> bool:
    array = check(b"[" + b",".join(v if isinstance(v, bytes) else msgspec.json.encode(v) for v in events) + b"]")
    lines = b"\n".join(v if isinstance(v, bytes) else msgspec.json.encode(v) for v in events)
    assert check(lines, Form.NDJSON) == array
    return array


texts = st.text(min_size=0, max_size=6) | st.sampled_from([UUID, UUID.upper(), "名前", "a" * 128, "a" * 129, "é" * 300])
words = st.sampled_from([*e.CHANNELS, *e.REASONS, *e.STATES, *e.OUTCOMES, "VOICE", "inbound", "outbound", "fax"])
numbers = (
    st.integers(-2, 6)
    | st.integers(0, 1_000_001)
    | st.floats(0, 604_800)
    | st.decimals(0, 700_000, places=3).map(float)
    | st.sampled_from([1e22, 0.1, 5.0, 604_800, 604_800.001, 31_536_000, 10**15, 10**16, NOW_MS, -0.0])
)
keys = st.sampled_from(sorted({name for kind in e.EVENT_TYPES for name in kind.__struct_fields__}))
odd_keys = keys | st.sampled_from(["site", "", "x" * 40, "Agent", "transcript", "not\x65", "é"])
values: st.SearchStrategy[Any] = texts | words | numbers | st.booleans() | st.none()


@st.composite
def good_values(draw: st.DrawFn, name: str, of: Any) -> Any:
    """A value that a field may have."""
    if name == "ts":
        return draw(st.integers(0, NOW_MS + AHEAD_MS_MAX))
    parts = [part for part in getattr(of, "types", [of]) if not isinstance(part, msgspec.inspect.NoneType)]
    match parts[0]:
        case msgspec.inspect.LiteralType(values=allowed):
            return draw(st.sampled_from(allowed))
        case msgspec.inspect.BoolType():
            return draw(st.booleans())
        case msgspec.inspect.IntType(ge=least, le=most):
            return draw(st.integers(int(least or 0), int(most or 0)))
        case msgspec.inspect.FloatType(ge=least, le=most):
            return draw(st.integers(int(least or 0), int(most or 0)) | st.decimals(least, most, places=2).map(float))
    return draw(words | texts.filter(lambda text: 0 < len(text) <= 128))


@st.composite
def good_events(draw: st.DrawFn) -> dict[str, Any]:
    """Events as decoding takes them, with their keys in any order."""
    event_type = draw(st.sampled_from(e.EVENT_TYPES))
    described = msgspec.inspect.type_info(event_type)
    assert isinstance(described, msgspec.inspect.StructType)
    event: dict[str, Any] = {"type": described.tag}
    for field in described.fields:
        if field.required or draw(st.booleans()):
            event[field.name] = draw(good_values(field.name, field.type))
    if event_type is e.ContactHandled and "handle_time_s" not in event:
        event.setdefault("talk_s", draw(st.decimals(0, 600, places=1).map(float)))
    if draw(st.booleans()):
        event["site"] = draw(words)
    return {name: event[name] for name in draw(st.permutations(sorted(event)))}


@given(st.lists(good_events(), min_size=1, max_size=4), st.booleans())
@settings(max_examples=100, deadline=None)
def test_good_events_come_out_the_same(events: list[dict[str, Any]], ascii_only: bool) -> None:
    check(json.dumps(events, ensure_ascii=ascii_only).encode())
    check(json.dumps(events, ensure_ascii=ascii_only, indent=1).encode())
    check("\n".join(json.dumps(event, ensure_ascii=ascii_only) for event in events).encode(), Form.NDJSON)


@given(st.lists(good_events(), min_size=1, max_size=2), st.data())
@settings(max_examples=150, deadline=None)
def test_events_with_any_key_changed_come_out_the_same(events: list[dict[str, Any]], data: st.DataObject) -> None:
    event = events[-1]
    for key in data.draw(st.lists(odd_keys, max_size=2)):
        event[key] = data.draw(values)
    for key in data.draw(st.lists(keys, max_size=1)):
        event.pop(key, None)
    check(json.dumps(events, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def mutants(body: bytes, chance: random.Random, count: int) -> Iterator[bytes]:
    """Bodies with bytes changed, cut out, doubled or cut off."""
    for _ in range(count):
        mutant = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            at, to = chance.randrange(len(mutant)), chance.randrange(1, 12)
            turn = chance.randrange(5)
            if turn == 0:
                mutant[at] = chance.randrange(256)
            elif turn == 1:
                mutant[at] = chance.choice(b'{}[]:,"\\ \n\r\t\0.-+eE0123456789tfn')
            elif turn == 2:
                del mutant[at : at + to]
            elif turn == 3:
                mutant[at:at] = mutant[at : at + to]
            else:
                del mutant[at + 1 :]
        yield bytes(mutant)


def fuzz(seed: int, count: int) -> list[int]:
    """How many mutants of a usual body and of NDJSON were plain."""
    chance = random.Random(seed)
    (body,) = bodies(seed, NOW_MS, 1, 7)
    lines = b"\n".join(bodies(seed, NOW_MS, 7, 1))
    return [
        sum(check(mutant) for mutant in mutants(body, chance, count)),
        sum(check(mutant, Form.NDJSON) for mutant in mutants(lines, chance, count)),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_good_bodies_are_never_taken_for_something_else(seed: int) -> None:
    assert all(fuzz(seed, 1_000))


def test_every_beginning_of_a_body_is_no_body() -> None:
    (body,) = bodies(3, NOW_MS, 1, 6)
    assert check(body)
    assert not any(check(body[:end]) for end in range(len(body)))


def test_what_is_plain_compiled_is_plain_interpreted() -> None:
    compiled, interpreted = outputs_both_ways(FUZZ)
    assert compiled == interpreted


FUZZ = """
import sys
sys.path[:0] = ["tests/unit", ""]
from test_plain_events import fuzz
print([fuzz(seed, 300) for seed in (10, 11)])
"""


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the folder with hostile input is not here")
def test_hostile_input_is_never_taken_for_something_else() -> None:
    good = msgspec.json.encode(OBSERVED)
    for file in sorted((HOSTILE / "json").glob("*")):
        data = file.read_bytes()
        for form in Form:
            check(data, form)
            for key in (b"ts", b"queue", b"id", b"type", b"waiting", b"unknown", b"longest_wait_s"):
                rest = msgspec.json.encode({k: v for k, v in OBSERVED.items() if k != key.decode()})
                bad = rest[:-1] + b',"' + key + b'":' + data + b"}"
                check(b"[" + bad + b"]", form)
                check(good + b"\n" + bad + b"\n" + good, form)
    for name in json.loads((HOSTILE / "naughty_strings.json").read_text()):
        event = HANDLED | {"id": name[:128], "queue": name, "contact": name, "caller": name, "issue": name}
        is_plain(event)


def test_the_usual_body_is_plain() -> None:
    assert all(check(body) for body in bodies(1, NOW_MS, 5, 100))
    assert is_plain(OBSERVED, HANDLED)
    assert is_plain({"site": "lisbon", "id": "é", "extra": 1.5, "yes": True, "agent": 1, **OBSERVED})
    assert is_plain({**HANDLED, "hold_s": 0.3, "acw_s": 0.1, "talk_s": 0.1, "caller": "+1", "department": "名前"})
    assert check(b" [ " + json.dumps(OBSERVED, indent=2).encode() + b" ]\r\n")
    assert check(b"\r\n".join([msgspec.json.encode(OBSERVED)] * 3) + b"\r\n", Form.NDJSON)


NOT_PLAIN = [
    {"ts": NOW_MS + AHEAD_MS_MAX + 1}, {"ts": "2026-03-02T09:14:07Z"}, {"ts": 1.0}, {"waiting": 1_000_001},
    {"waiting": 5.0}, {"waiting": -1}, {"waiting": True}, {"longest_wait_s": 604_800.5}, {"longest_wait_s": None},
    {"queue": ""}, {"queue": "a" * 513}, {"id": "a" * 129}, {"queue": "a\\b"}, {"queue": "a\tb"}, {"text": "x"},
    {"mood": None}, {"site": {"a": 1}}, {"site": [1]}, {"site": None}, {"type": "alert.opened"}, {"type": 3},
    {"site": -1}, {"longest_wait_s": 0.1234567890123456}, {"ts": NOW_MS // 1000},
]  # fmt: skip


@pytest.mark.parametrize("change", NOT_PLAIN, ids=str)
def test_anything_else_is_left_to_decoding(change: dict[str, Any]) -> None:
    assert not is_plain(OBSERVED, OBSERVED | change, OBSERVED)


@pytest.mark.parametrize("token", [b"01", b"1.", b".5", b"1e3", b"1E3", b"-0", b"+1", b"1.2.3", b"0x1", b"00.1"])
def test_numbers_that_are_not_plain_are_left_to_decoding(token: bytes) -> None:
    good = msgspec.json.encode(OBSERVED)[:-1] + b',"longest_wait_s":1.5}'
    assert is_plain(good)
    assert not is_plain(good.replace(b"1.5", token))


def test_a_key_twice_is_left_to_decoding() -> None:
    good = msgspec.json.encode(OBSERVED)
    assert not is_plain(good.replace(b'"waiting"', b'"waiting":1,"waiting"'))


@given(st.integers(0, 604_799), st.integers(0, 10**15 - 1), st.integers(0, 15))
@settings(max_examples=100, deadline=None)
def test_decimals_have_the_bits_that_decoding_gives(whole: int, fraction: int, places: int) -> None:
    token = f"{whole}.{fraction:015d}"[: len(str(whole)) + 1 + places].rstrip(".").encode()
    taken = is_plain(msgspec.json.encode(HANDLED)[:-1] + b',"wait_s":' + token + b"}")
    assert taken == (len(token.replace(b".", b"")) <= 15)


def test_lines_are_lines() -> None:
    one = msgspec.json.encode(OBSERVED)
    assert not check(one + b" " + one, Form.NDJSON)
    assert not check(one + one, Form.NDJSON)
    assert not check(one.replace(b",", b",\n", 1), Form.NDJSON)
    assert not check(b"\n", Form.NDJSON)
    assert not check(b"[]")
    assert not check(b"[" + one + b",]")


def test_bounds_of_events_and_of_bytes() -> None:
    one = msgspec.json.encode(OBSERVED)
    assert check(b"[" + b",".join([one] * EVENTS_MAX) + b"]")
    assert read(b"[" + b",".join([one] * (EVENTS_MAX + 1)) + b"]", Form.JSON) is None
    wide = msgspec.json.encode(OBSERVED | {"site": "x" * BYTES_PER_EVENT_MAX})
    assert not is_plain(wide)
    assert is_plain(wide, OBSERVED)


def test_plain_and_decoded_events_share_an_entry() -> None:
    other = RowHashes("demo", b"s" * 32)
    lots: list[tuple[str, RowHashes, Admitted]] = []
    for number, body in enumerate(bodies(4, NOW_MS, 6, 9)):
        decoded = admit(body, Form.JSON, NOW_MS)
        assert isinstance(decoded, Admitted)
        lots.append(("demo", other, decoded) if number == 3 else ("acme", HASHES, decoded))
    mixed, same = EventsEncoder(), EventsEncoder()
    for number, ((tenant, hashes, decoded), body) in enumerate(zip(lots, bodies(4, NOW_MS, 6, 9), strict=True)):
        same.add(tenant, hashes, decoded.events, decoded.ts_ms)
        plain = read(body, Form.JSON)
        assert isinstance(plain, PlainEvents)
        mixed.add(tenant, hashes, plain if number % 3 else decoded.events, decoded.ts_ms)
    assert mixed.rows == same.rows
    assert mixed.finish() == same.finish()
