"""Blocks and entries: what goes in comes out; what is damaged is said to be damaged, and nothing else happens."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.contract.actions import Acknowledged
from shared.contract.block import BadBlock, Block, NewerBlock, Row, decode_block, encode_block, event_ids
from shared.contract.block_wire import Wire
from shared.contract.entries import (
    BadEntry,
    EngineMark,
    EntryId,
    Events,
    Settings,
    Tick,
    action_fields,
    alert_id_of,
    block_fields,
    cause_of,
    engine_fields,
    lookup_rows,
    outbound_rows,
    parse_entry,
    settings_fields,
    tick_fields,
)
from shared.contract.rows import DIRECTION_SHIFT, HANDLED, OFFERED, OUTBOUND

calm = settings(deadline=None)  # how long an example takes on a busy machine says nothing
brief = settings(calm, max_examples=25)  # where the shape of a block decides, not its values
NAMES = Row._fields
CODES = ("tenant", "queue", "agent", "issue", "other", "reason")
HASHES = ("contact", "caller", "previous")
NUMBERS = ("n0", "n1", "n2", "n3", "n4")
NAN = float("nan")

names = st.text(min_size=1, max_size=12)
maybe_names = st.none() | names
hashes = st.just(0) | st.integers(0, 2**64 - 1)
numbers = st.just(NAN) | st.floats(allow_nan=False)
uuids = st.uuids().map(str)
rows = st.builds(
    Row,
    kind=st.integers(0, 9),
    tenant=names,
    ts_ms=st.integers(1_700_000_000_000, 1_700_000_900_000) | st.integers(0, 2**48 - 1),
    id=uuids | uuids.map(str.upper) | names,
    queue=maybe_names,
    agent=maybe_names,
    issue=maybe_names,
    other=maybe_names,
    reason=maybe_names,
    contact=hashes,
    caller=hashes,
    previous=hashes,
    flags=st.integers(0, 2**32 - 1),
    n0=numbers,
    n1=numbers,
    n2=numbers,
    n3=numbers,
    n4=numbers,
)
blocks = st.lists(rows, min_size=1, max_size=12)


def row_of(block: Block, at: int) -> Row:
    """One row as it was given, names for codes."""
    values: dict[str, Any] = {name: getattr(block, name)[at].item() for name in NAMES}
    for name in CODES:
        values[name] = block.strings[values[name]] or None
    values["id"] = block.event_id(at)
    return Row(**values)


def comparable(row: Row) -> tuple[object, ...]:
    """NaN is not equal to itself; its text is. 0.0 and -0.0 are told apart."""
    return tuple(repr(value) if isinstance(value, float) else value for value in row)


@calm
@given(blocks)
def test_what_goes_in_comes_out(given_rows: list[Row]) -> None:
    block = decode_block(encode_block(given_rows))
    assert block.n == len(given_rows)
    assert [comparable(row_of(block, at)) for at in range(block.n)] == [comparable(row) for row in given_rows]


@brief
@given(blocks)
def test_columns_have_the_types_that_are_promised(given_rows: list[Row]) -> None:
    block = decode_block(encode_block(given_rows))
    types = {name: getattr(block, name).dtype.str.lstrip("<|") for name in NAMES}
    assert types == {
        "kind": "u1", "ts_ms": "i8", "id": "S16", "flags": "u4",
        **dict.fromkeys(CODES, "i4"), **dict.fromkeys(HASHES, "u8"), **dict.fromkeys(NUMBERS, "f8"),
    }  # fmt: skip


def test_many_rows_and_many_names_survive() -> None:
    given_rows = [
        Row(n % 10, "t", 1_760_000_000_000 + n, str(uuid.UUID(int=n)), f"q{n % 300}", f"agent {n}", n0=float(n))
        for n in range(65_535)
    ]
    block = decode_block(encode_block(given_rows))
    assert [row_of(block, at)[:8] for at in (0, 299, 300, 65_534)] == [
        given_rows[at][:8] for at in (0, 299, 300, 65_534)
    ]
    assert block.n0.tolist() == [float(n) for n in range(65_535)]


def decoded_or_bad(data: bytes) -> None:
    """A whole block or BadBlock; anything else is an error of the test."""
    try:
        block = decode_block(data)
    except (BadBlock, NewerBlock):
        return
    for name in NAMES:
        assert getattr(block, name).shape == (block.n,)
    for at in range(block.n):
        row_of(block, at)
    for name in CODES:
        assert int(getattr(block, name).min()) >= 0, f"{name} would count from the end of the string table"


SAMPLE = encode_block(
    [
        Row(OFFERED, "t", 1_760_000_000_000, str(uuid.UUID(int=7)), "billing", issue="refund", contact=5, caller=2**63),
        Row(
            HANDLED, "t", 1_760_000_060_000, "not a uuid", "billing", "ann", "refund", None, None, 5, 2**63, 0, 3, 61.5
        ),
        *[Row(0, "t", 1_760_000_000_000 + n, str(uuid.UUID(int=n)), "q", n0=n) for n in range(8)],
        Row(6, "t", 1_760_000_000_000, str(uuid.UUID(int=9)), None, "bo", other="team", reason="lunch", flags=16),
    ]
)


def test_each_truncation_is_noticed() -> None:
    for length in range(len(SAMPLE)):
        with pytest.raises(BadBlock):
            decode_block(SAMPLE[:length])


def test_each_flipped_byte_gives_a_whole_block_or_says_that_it_is_damaged() -> None:
    for at in range(len(SAMPLE)):
        for mask in (0x01, 0x80, 0xFF, 0x1F):
            decoded_or_bad(SAMPLE[:at] + bytes((SAMPLE[at] ^ mask,)) + SAMPLE[at + 1 :])


@calm
@given(blocks, st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_of_any_block_gives_a_whole_block_or_says_that_it_is_damaged(
    given_rows: list[Row], at: int, mask: int
) -> None:
    data = bytearray(encode_block(given_rows))
    data[at % len(data)] ^= mask
    decoded_or_bad(bytes(data))


@calm
@given(st.binary(max_size=200))
@example(b"")
@example(b"SB\x01")
@example(b"SB\x01\x96\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x91\xa0\x90\x90\x90")
def test_any_bytes_give_a_whole_block_or_say_that_they_are_damaged(data: bytes) -> None:
    decoded_or_bad(data)
    decoded_or_bad(b"SB\x01" + data)


def wire_of(base_ts_ms: int = 0, **parts: Any) -> list[Any]:
    """The parts of a block of one observation."""
    whole = Wire(1, base_ts_ms, b"\0", bytes(4), b"\0", bytes(16), [], [], ["t"], [])
    return [parts.get(name, part) for name, part in msgspec.structs.asdict(whole).items()]


def of_parts(parts: Any) -> Block:
    return decode_block(SAMPLE[:3] + msgspec.msgpack.encode(parts))


def test_a_time_of_any_size_comes_back() -> None:
    """Each is a number of another width."""
    sizes = (0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1)
    for base_ms in (*sizes, *(-size for size in sizes), -32, -33, -129, -32_769, -(2**31) - 1, -(2**63)):
        assert of_parts(wire_of(base_ms)).ts_ms.tolist() == [base_ms]


def test_a_table_of_names_of_any_size_comes_back() -> None:
    for names in (["t" * 31], ["t" * 32], ["t" * 300], ["t" * 70_000], ["t"] * 16, ["t"] * 255):
        assert len(of_parts(wire_of(strings=names)).strings) == len(names)


@pytest.mark.parametrize(
    "parts",
    [
        wire_of()[:9],  # one is missing
        [*wire_of(), 0],  # one more
        {"rows": 1},
        wire_of(2**63),  # no time
        wire_of(kinds="\0"),  # text
        wire_of(rows=b"\1"),
        wire_of(rows=2),
        wire_of(columns=[[4, b"", 0, "u1", b""]]),
        wire_of(columns=[[4, b"", 0, "u1", b"", b"\0", 0]]),
        wire_of(columns=[[4, b"", 0, "u1", b"", b"\0"]] * 2),
        wire_of(columns=[[4, b"\0\0", 0, "u1", b"", b"\0"]]),
        wire_of(columns=[[99, b"", 0, "u1", b"", b"\0"]]),
        wire_of(columns=[[0, b"", 0, "u1", b"", b"\0"]]),  # kinds stand by themselves
        wire_of(columns=[[4, b"", 3, "u1", b"", b"\0"]]),
        wire_of(columns=[[4, b"", 0, "f8", b"", bytes(8)]]),
        wire_of(id_rows=[0]),
        wire_of(id_rows=[1], id_strings=["x"]),
    ],
)
def test_other_parts_than_those_of_a_block_are_damage(parts: Any) -> None:
    with pytest.raises(BadBlock):
        of_parts(parts)


@brief
@given(blocks, st.integers(SAMPLE[2] + 1, 255))
def test_a_newer_version_is_never_taken_for_damage(given_rows: list[Row], version: int) -> None:
    data = encode_block(given_rows)
    with pytest.raises(NewerBlock, match="upgrade"):
        decode_block(data[:2] + bytes((version,)) + data[3:])
    with pytest.raises(NewerBlock, match="upgrade"):
        parse_entry(block_fields(data[:2] + bytes((version,)) + b"what a later version writes"))


# --- entries


@brief
@given(blocks)
def test_a_block_entry_gives_the_block_and_the_answers_to_its_callers(given_rows: list[Row]) -> None:
    data = encode_block(given_rows)
    asked = lookup_rows(decode_block(data))
    expected = [at for at, row in enumerate(given_rows) if row.caller and row.kind in (OFFERED, HANDLED)]
    assert asked.tolist() == expected
    answers = np.arange(10, 10 + len(expected), dtype="<i8")
    body = parse_entry({**block_fields(data), b"r": answers.tobytes()})
    assert isinstance(body, Events)
    by_row = dict(zip(expected, answers.tolist(), strict=True))
    assert body.since_previous_ms.tolist() == [by_row.get(at, -1) for at in range(len(given_rows))]
    unanswered = parse_entry(block_fields(data))
    assert isinstance(unanswered, Events)
    assert set(unanswered.since_previous_ms.tolist()) == {-1}


def test_answers_that_do_not_fit_the_callers_are_refused() -> None:
    with pytest.raises(BadEntry, match="3 answers for 2 callers"):
        parse_entry({**block_fields(SAMPLE), b"r": bytes(24)})
    with pytest.raises(ValueError):
        parse_entry({**block_fields(SAMPLE), b"r": bytes(7)})


@brief
@given(blocks)
def test_a_block_entry_gives_the_counts_of_outbound_contacts(given_rows: list[Row]) -> None:
    data = encode_block(given_rows)
    out = [
        at
        for at, row in enumerate(given_rows)
        if row.caller and row.kind in (OFFERED, HANDLED) and (row.flags >> DIRECTION_SHIFT) & 3 == OUTBOUND
    ]
    assert outbound_rows(decode_block(data)).tolist() == out
    counts = dict(zip(out, range(1, len(out) + 1), strict=True))
    body = parse_entry({**block_fields(data), b"o": np.arange(1, len(out) + 1, dtype="<u2").tobytes()})
    assert isinstance(body, Events)
    if out:
        assert body.outbound is not None
        assert body.outbound.tolist() == [counts.get(at, 0) for at in range(len(given_rows))]
    uncounted = parse_entry(block_fields(data))
    assert isinstance(uncounted, Events)
    assert uncounted.outbound is None


def test_counts_that_do_not_fit_the_outbound_contacts_are_refused() -> None:
    with pytest.raises(BadEntry, match="3 counts for"):
        parse_entry({**block_fields(SAMPLE), b"o": bytes(6)})


def test_the_other_bodies_come_out_as_they_went_in() -> None:
    action = Acknowledged(id="1", tenant="t", alert="a", by="lead", note="听到了")
    settings = Settings(3, "digest", {"alerts": {"queue.strain": {"open_line": 60}}}, {"Asia/Shanghai": [(0, 28_800)]})
    mark = EngineMark("1.0", "5-6")
    assert parse_entry(action_fields(action)) == action
    assert parse_entry(settings_fields(settings)) == settings
    assert parse_entry(engine_fields(mark)) == mark
    assert parse_entry(tick_fields(1_760_000_000_000)) == Tick(1_760_000_000_000)


@calm
@given(
    st.dictionaries(
        st.sampled_from([b"b", b"r", b"o", b"a", b"s", b"e", b"t", b"z"]), st.binary(max_size=60), max_size=4
    ),
    st.booleans(),
)
def test_any_entry_has_a_body_or_is_named_poison(fields: dict[bytes, bytes], with_block: bool) -> None:
    if with_block:
        fields = {**fields, b"b": SAMPLE}
    try:
        body = parse_entry(fields)
    except (BadBlock, NewerBlock, BadEntry, ValueError, msgspec.MsgspecError):
        return
    if isinstance(body, Events):
        assert body.since_previous_ms.shape == (body.block.n,)


@calm
@given(st.integers(0, 2**48), st.integers(0, 2**40))
def test_positions_are_printed_and_read_back(ms: int, seq: int) -> None:
    assert EntryId.parse(str(EntryId(ms, seq))) == EntryId.parse(str(EntryId(ms, seq)).encode()) == (ms, seq)


@pytest.mark.parametrize("text", ["", "-", "5", "5-", "-5", "5-x", "a-b", f"{1 << 64}-0", f"0-{1 << 64}"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        EntryId.parse(text)


@calm
@given(st.integers(0, 2**48), st.integers(0, 2**40), st.integers(0, 2**20 - 1))
def test_a_change_names_the_entry_that_caused_it(ms: int, seq: int, ordinal: int) -> None:
    assert cause_of(alert_id_of(EntryId(ms, seq), ordinal)) == (ms, seq)


# --- event ids alone


def ids_of_the_whole(data: bytes, since_ms: int) -> list[tuple[str, list[bytes]]]:
    """The long way."""
    block = decode_block(data)
    found: dict[str, list[bytes]] = {}
    for at in range(block.n):
        kept = found.setdefault(block.strings[block.tenant[at]], [])
        if block.ts_ms[at] >= since_ms:
            kept.append(bytes(block.id[at]))
    return list(found.items())


@calm
@given(
    blocks | st.lists(st.builds(lambda row: row._replace(tenant="one"), rows), min_size=1, max_size=12),
    st.sampled_from([0, 1_700_000_000_000, 1_700_000_450_000, 2**48]),
)
def test_event_ids_alone_are_those_of_the_whole_block(given_rows: list[Row], since_ms: int) -> None:
    data = encode_block(given_rows)
    assert [(name, list(map(bytes, ids))) for name, ids in event_ids(data, since_ms)] == ids_of_the_whole(
        data, since_ms
    )


@pytest.mark.parametrize("others", [0, 300, 70_000])
def test_event_ids_name_their_tenant_in_a_table_of_any_size(others: int) -> None:
    given_rows = [Row(OFFERED, "the tenant", 5, f"e-{n}", agent=f"agent-{n}") for n in range(max(1, others // 2))]
    data = encode_block(given_rows[:35_000])
    assert [name for name, _ in event_ids(data, 0)] == ["the tenant"]


@calm
@given(blocks, st.integers(0, 10**6), st.integers(1, 255))
def test_event_ids_of_a_damaged_block_are_found_or_it_is_said_to_be_damaged(
    given_rows: list[Row], at: int, change: int
) -> None:
    data = bytearray(encode_block(given_rows))
    data[at % len(data)] ^= change
    for damaged in (bytes(data), bytes(data[: at % len(data)])):
        try:
            found = event_ids(damaged, 0)
        except (BadBlock, NewerBlock):
            continue
        assert sum(len(ids) for _, ids in found) <= 65_535
