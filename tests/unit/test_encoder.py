"""Ingest's encoder writes the block that the rows of the same events would give, however the events came in."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contract.block import Block, Row, decode_block, encode_block
from shared.contract.block_wire import HASHED, NAMED, NUMBERS, ROWS_MAX
from shared.contract.encoder import EventsEncoder
from shared.contract.entries import lookup_rows, outbound_rows
from shared.contract.events import CHANNELS, EVENT_TYPES, OUTCOMES, STATES, ContactAbandoned, Event, event_decoder
from shared.contract.hashes import TenantHashes, caller_issue_key
from shared.contract.rows import Lot, RowHashes, encode_events, row_of
from shared.contract.uuids import uuid_of
from shared.log_callers import lookups_of

SECRET = b"s" * 32
NOW_MS = 1_772_442_847_000

names = st.sampled_from(["billing", "sales", "kim", "ann", "名前", "a" * 300])
seconds = st.none() | st.floats(0, 604_800)
counts = st.none() | st.integers(0, 1_000_000)
flags = st.none() | st.booleans()
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper()) | names,
    "ts": st.integers(0, NOW_MS),
    "state": st.sampled_from(STATES),
    "outcome": st.none() | st.sampled_from(OUTCOMES),
    "direction": st.sampled_from([None, "inbound", "outbound"]),
    "channel": st.none() | st.sampled_from([*CHANNELS, "VOICE", "fax"]),
    "reason": st.sampled_from([None, "lunch", "because"]),
    "waiting": st.integers(0, 1_000_000),
    "load": st.integers(1, 5),
    "satisfaction": st.none() | st.integers(1, 5),
    "wait_s": st.floats(0, 604_800),
    "handle_time_s": st.floats(0, 604_800),
    **dict.fromkeys(("longest_wait_s", "announced_wait_s", "talk_s", "hold_s", "acw_s", "since_previous_s"), seconds),
    **dict.fromkeys(("agents_staffed", "agents_available", "agents_busy"), counts),
    **dict.fromkeys(("complaint", "abusive", "compliment", "opportunity", "visit_avoided"), flags),
    **dict.fromkeys(("caller", "issue", "team", "department", "previous_contact"), st.none() | names),
}


@st.composite
def events(draw: st.DrawFn) -> Any:
    """Any event of the contract with any of its fields."""
    event_type = draw(st.sampled_from(EVENT_TYPES))
    fields = [
        name for name in event_type.__struct_fields__ if name in VALUES or name in ("queue", "agent", "contact", "by")
    ]
    return event_type(**{name: draw(VALUES.get(name, names)) for name in fields})


def plain(block: Block) -> list[dict[str, Any]]:
    rows = []
    for row in range(block.n):
        out: dict[str, Any] = {"id": block.event_id(row)}
        for name in ("kind", "ts_ms", "flags", *HASHED, *NUMBERS):
            out[name] = repr(getattr(block, name)[row].item())
        for name in ("tenant", *NAMED):
            out[name] = block.strings[getattr(block, name)[row]]
        rows.append(out)
    return rows


lots_of_events = st.lists(st.tuples(st.sampled_from(["acme", "demo"]), st.lists(events(), min_size=1)), min_size=1)


@given(lots_of_events)
@settings(max_examples=150, deadline=None)
def test_the_block_is_that_of_the_rows(given_lots: list[tuple[str, list[Any]]]) -> None:
    hashes = {tenant: RowHashes(tenant, SECRET) for tenant in ("acme", "demo")}
    lots = [Lot(tenant, hashes[tenant], sent, [v.ts for v in sent]) for tenant, sent in given_lots]
    data, asked = encode_events(lots)
    block = decode_block(data)
    rows = [row_of(v, tenant, v.ts, TenantHashes(tenant, SECRET)) for tenant, sent in given_lots for v in sent]
    assert plain(block) == plain(decode_block(encode_block(rows)))

    sent_events = [v for _, sent in given_lots for v in sent]
    expected = [
        (
            caller_issue_key(int(block.caller[row]), sent_events[row].issue),
            int(block.contact[row]),
            int(block.ts_ms[row]),
            int(block.caller[row]).to_bytes(8, "little") if row in outbound_rows(block) else b"",
        )
        for row in lookup_rows(block)
    ]
    assert asked == expected
    assert outbound_rows(block).tolist() == [
        row for row in lookup_rows(block) if sent_events[row].direction == "outbound"
    ]
    assert [tuple(lookup) for lookup in lookups_of(rows)] == expected


def test_one_by_one_or_all_at_once_gives_the_same_bytes() -> None:
    decode = event_decoder().decode
    sent = [
        decode(b'{"type":"contact.offered","id":"%d","ts":%d,"contact":"c","queue":"q","caller":"%d"}' % (n, n, n % 5))
        if n % 3
        else decode(b'{"type":"agent.state","id":"%d","ts":%d,"agent":"a%d","state":"acw"}' % (n, n, n % 7))
        for n in range(1000)
    ]  # fmt: skip
    hashes = RowHashes("acme", SECRET)
    whole, single = EventsEncoder(), EventsEncoder()
    whole.add("acme", hashes, sent, [v.ts for v in sent])
    for event in sent:
        single.add("acme", hashes, [event], [event.ts])
    assert whole.rows == single.rows == 1000
    assert whole.finish() == single.finish()


def test_a_block_of_a_hundred_takes_at_most_sixty_bytes_an_event() -> None:
    decode = event_decoder().decode
    sent = [
        decode(
            b'{"type":"contact.handled","id":"%s","ts":%d,"contact":"c%d","queue":"q%d","agent":"agent-%d",'
            b'"handle_time_s":%d.5,"outcome":"resolved","direction":"inbound"}'
            % (f"0d8f5b1e-4a52-4d53-9f2f-{n:012x}".encode(), NOW_MS + n, n, n % 9, n % 50, n)
        )
        for n in range(100)
    ]
    data, _ = encode_events([Lot("acme", RowHashes("acme", SECRET), sent, [v.ts for v in sent])])
    assert len(data) / 100 <= 60


def block_of(hashes: RowHashes, *, contacts: list[str], ids: list[str]) -> Block:
    """The block of an abandoned contact each."""
    sent: list[Event] = [
        ContactAbandoned(id=event_id, ts=NOW_MS, contact=contact, queue="q", wait_s=1.0)
        for event_id, contact in zip(ids, contacts, strict=True)
    ]
    data, _ = encode_events([Lot("acme", hashes, sent, [NOW_MS] * len(sent))])
    return decode_block(data)


def test_contacts_are_remembered_within_bounds_and_stay_the_same() -> None:
    hashes, reference = RowHashes("acme", SECRET), TenantHashes("acme", SECRET)
    for start in range(0, 70_000, 7_000):
        contacts = [f"c{n}" for n in range(start, start + 7_000)]
        found = block_of(hashes, contacts=contacts, ids=contacts).contact
        assert int(found[0]) == reference.contact(contacts[0])
        assert int(found[-1]) == reference.contact(contacts[-1])
    assert hashes.contact.cache_info().currsize == RowHashes.CONTACTS_MAX


def test_contacts_that_are_uuids_have_the_same_hash_in_a_block_and_alone() -> None:
    hashes, reference = RowHashes("acme", SECRET), TenantHashes("acme", SECRET)
    contacts = [str(uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << 128))) for n in range(1_000)]
    found = block_of(hashes, contacts=contacts, ids=contacts).contact.tolist()
    assert found == [reference.contact(contact) for contact in contacts]
    assert len(set(found)) == 1_000
    upper = [contact.upper() for contact in contacts]  # not the canonical form: another contact, hashed as text
    assert reference.contact(upper[7]) == block_of(hashes, contacts=upper, ids=upper).contact[7] != found[7]
    other = TenantHashes("demo", SECRET)
    assert not {other.contact(contact) for contact in contacts} & set(found)


def test_hashes_of_uuids_are_spread_over_all_bits() -> None:
    ascending = [str(uuid.UUID(int=(1 << 100) + n)) for n in range(4_096)]
    found = block_of(RowHashes("acme", SECRET), contacts=ascending, ids=ascending).contact
    ones = [int(np.count_nonzero(found >> np.uint64(bit) & np.uint64(1))) for bit in range(64)]
    assert len(set(found.tolist())) == 4_096
    assert all(1_848 < count < 2_248 for count in ones)  # six standard deviations around half


nearly_uuids = st.tuples(st.uuids().map(str), st.integers(0, 35), st.sampled_from("-0gGaA/:`\n\x00é名🎧")).map(
    lambda made: made[0][: made[1]] + made[2] + made[0][made[1] + 1 :]
)


@given(st.lists(st.uuids().map(str) | nearly_uuids | st.text(min_size=1, max_size=40), min_size=1, max_size=5))
@settings(deadline=None)
def test_uuids_are_told_from_other_texts_in_a_block_and_alone(texts: list[str]) -> None:
    block = block_of(RowHashes("acme", SECRET), contacts=texts, ids=texts)
    assert [row not in block.id_strings for row in range(block.n)] == [uuid_of(text) is not None for text in texts]
    assert [block.event_id(row) for row in range(block.n)] == texts
    assert block.contact.tolist() == [TenantHashes("acme", SECRET).contact(text) for text in texts]


def test_a_larger_commit_than_a_block_holds_is_refused() -> None:
    with pytest.raises(AssertionError, match="splits larger commits"):
        encode_block([Row(0, "t", NOW_MS, "1")] * (ROWS_MAX + 1))


def test_a_caller_with_another_issue_has_another_key() -> None:
    keys = {caller_issue_key(caller, issue) for caller in (1, 2, 2**64 - 1) for issue in (None, "a", "b", "名前")}
    assert len(keys) == 12
    assert {len(key) for key in keys} == {8}
    assert caller_issue_key(7, None) == caller_issue_key(7, "")
